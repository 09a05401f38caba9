"""`mysterybot export`: what other programs of the ops team load."""

from importlib import resources
from pathlib import Path

from conversations.durations import Duration
from exporters.alerts import Watched, rule_file
from mysterybot.commands.common import Wrong, command, configured, log_to_stderr, out
from mysterybot.config import Config

HOUR = 3600.0


def alerts(path: Path, to: Path | None, runbooks: str) -> int:
    """Print or write the alert rules for this config."""

    async def work() -> int:
        rules = rule_file(watched(configured(path, secrets_needed=False), runbooks))
        if to is None:
            print(rules, end="")
            return 0
        _write(to, rules)
        out.print(f"The alert rules: {to}", markup=False)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def dashboards(folder: Path) -> int:
    """Write the dashboards as they are shipped, for Grafana's import or provisioning."""

    async def work() -> int:
        shipped = sorted(
            each.name for each in resources.files("exporters.dashboards").iterdir() if each.name.endswith(".json")
        )
        for name in shipped:
            text = resources.files("exporters.dashboards").joinpath(name).read_text(encoding="utf-8")
            _write(folder / f"mysterybot-{name}", text)
            out.print(f"A dashboard: {folder / f'mysterybot-{name}'}", markup=False)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def watched(config: Config, runbooks: str) -> Watched:
    """What the rules need to know of the config."""
    return Watched(
        location=config.bot.location,
        reach_every=config.reach.every.amount,
        form_every=config.reach.form_every.amount,
        shortest_promise=min(
            (_at_least(each) for desk in config.desks.values() for each in desk.promises.given().values()),
            default=Watched().shortest_promise,
        ),
        slowest_visit=max((visit.interval for visit in config.visits.values()), default=Watched().slowest_visit),
        runbooks=runbooks,
    )


def _at_least(promised: Duration) -> float:
    """Seconds on the calendar that a promise surely lasts."""
    if promised.seconds is not None:
        return promised.seconds
    return HOUR * (promised.business_hours if promised.business_hours is not None else promised.business_days or 0)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Wrong(f"{path}: cannot be written: {error.strerror}") from None
