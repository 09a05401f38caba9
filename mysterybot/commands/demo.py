"""`mysterybot demo`: the main job, on an embedded company, with no account needed."""

import asyncio
import contextlib
import json
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from conversations.description import describe
from conversations.journal import Journal, lifecycle
from conversations.records import Conversation, Verdict
from conversations.start import REASONS, NotStarted, start
from exporters.report import ReportError, write_report
from mysterybot.app import Bot, find_scenario
from mysterybot.commands.common import BAD, Wrong, command, err, log_to_stderr, out
from mysterybot.commands.narrate import Narrator
from mysterybot.config import Config, load
from mysterybot.demo.company import Company
from mysterybot.demo.configuration import configuration
from mysterybot.service import CannotRun, running
from mysterybot.visits import definition
from probes.errors import BotError
from probes.form.channel import FormChannel
from probes.form.find import try_launch

LOOK_EVERY = 0.2

SILENCE, SILENCE_ONCE = "100 seconds", "12 seconds"
"""How long a customer waits for the agent who never answers: long enough to be seen waiting, and for an alert."""

SHOWN = 200
"""The newest conversations that are watched: older ones have ended long ago."""


def demo(*, once: bool, as_json: bool, listen: str, report: Path | None, verbose: bool) -> int:
    """With `once`, 0 when no conversation faulted; without, runs until it is stopped."""
    log_to_stderr(verbose=verbose, quiet=not verbose)
    if as_json and not once:
        err.print("--json goes with --once", style="red")
        return BAD
    return command(lambda: _demo(once=once, as_json=as_json, listen="127.0.0.1:0" if once else listen, report=report))


async def _demo(*, once: bool, as_json: bool, listen: str, report: Path | None) -> int:
    with tempfile.TemporaryDirectory(prefix="mysterybot-demo-") as folder:
        async with _company() as company:
            config = _config(company, Path(folder), listen, SILENCE_ONCE if once else SILENCE)
            missing = await _missing_browser(config)
            if missing is not None:
                config = _without_forms(config)
                err.print(
                    f"No browser, so the visit through the contact form is left out: {missing}",
                    markup=False,
                    style="yellow",
                )
            try:
                async with running(config, visits=not once) as (bot, server):
                    if not as_json:
                        _welcome(company, f"http://{bot.config.bot.host}:{server.port}", once=once)
                    faulted = await (_once(bot, as_json=as_json) if once else _watch(bot))
                    if report is not None:
                        await _report(bot.journal, config, report)
                    return faulted
            except CannotRun as error:
                raise Wrong(f"{error}; another port: mysterybot demo --listen 127.0.0.1:0") from None


@contextlib.asynccontextmanager
async def _company() -> AsyncIterator[Company]:
    company = Company(now=lambda: datetime.now(UTC), rng=random.SystemRandom())
    await company.start("127.0.0.1")
    try:
        yield company
    finally:
        await company.stop()


def _config(company: Company, folder: Path, listen: str, silence: str) -> Config:
    path = folder / "mysterybot.yaml"
    path.write_text(configuration(company, data=folder / "data", listen=listen, silence=silence), encoding="utf-8")
    return load(path, {**os.environ, **company.environ}, find_scenario)


async def _missing_browser(config: Config) -> str | None:
    try:
        await try_launch(config.browser, os.environ)
    except BotError as error:
        return str(error)
    return None


def _without_forms(config: Config) -> Config:
    kept = {
        name: visit
        for name, visit in config.visits.items()
        if not isinstance(config.desks[visit.desk].channels[visit.channel], FormChannel)
    }
    changed = config.model_copy(update={"visits": kept})
    changed._file = config.file
    return changed


def _welcome(company: Company, url: str, *, once: bool) -> None:
    out.print("[bold]Acme Hosting[/] has opened: its web site, mail server and support staff run in this process.")
    out.print(f"  its contact form   {company.contact_url}", markup=False)
    out.print("A mystery customer now contacts it in several ways. An hour of a real desk is about a second here.")
    if not once:
        out.print(f"  pages              {url}/", markup=False)
        out.print(f"  metrics            {url}/metrics", markup=False)
        out.print("Ctrl-C stops it; nothing is left behind.")
    out.print()


async def _once(bot: Bot, *, as_json: bool) -> int:
    """Start each visit and watch until all have ended."""
    ids = [await _start(bot, name) for name in bot.config.visits]
    ended = await _until_ended(bot, ids, None if as_json else Narrator(named=True))
    if as_json:
        print(json.dumps([describe(each) for each in ended], indent=2, ensure_ascii=False))
    else:
        counts = {verdict: sum(each.verdict is verdict for each in ended) for verdict in Verdict}
        out.print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
        out.print("Failed means that the desk let its customer down; faulted would be our own fault.")
    return BAD if any(each.verdict is Verdict.FAULTED for each in ended) else 0


async def _start(bot: Bot, name: str) -> str:
    now = bot.clock.now()
    what = definition(bot.config, name)
    started = await start(bot.journal, what, due_at=now, now=now, location=bot.config.bot.location, rng=bot.rng)
    if isinstance(started, NotStarted):
        raise Wrong(f"visit {name} not started: {REASONS[started.reason]}")
    bot.dispatch.nudge(started)
    return str(started)


async def _until_ended(bot: Bot, ids: Sequence[str], narrator: Narrator | None) -> list[Conversation]:
    while True:
        found = await bot.journal.read(
            lambda c: lifecycle.load_all(c, [kin for each in ids for kin in lifecycle.family(c, each)])
        )
        if narrator is not None:
            _tell(narrator, found)
        if all(each.verdict is not None for each in found):
            return found
        await asyncio.sleep(LOOK_EVERY)


async def _watch(bot: Bot) -> int:
    """Tell what happens until the user has seen enough."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    narrator = Narrator(named=True)
    while not stop.is_set():
        found = await bot.journal.read(lambda c: lifecycle.load_all(c, lifecycle.listed(c, limit=SHOWN)))
        _tell(narrator, found)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY)
    out.print("\nAcme Hosting has closed.")
    return 0


def _tell(narrator: Narrator, found: Sequence[Conversation]) -> None:
    for line in narrator.news(*found):
        out.print(line)


async def _report(journal: Journal, config: Config, folder: Path) -> None:
    try:
        index = await write_report(
            journal, folder, None, None, {name: desk.name for name, desk in config.desks.items()}
        )
    except ReportError as error:
        raise Wrong(str(error)) from None
    err.print(f"The report: {index}", markup=False)
