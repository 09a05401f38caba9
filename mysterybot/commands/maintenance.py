"""`mysterybot maintenance`: leave a desk alone for a while."""

import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from conversations.durations import Duration
from conversations.journal import switches
from conversations.maintenance import LONGEST_REASON, Maintenance, under_maintenance
from mysterybot.commands.common import Wrong, command, configured, journal, log_to_stderr, no_such, out
from mysterybot.config import Config


def maintenance(path: Path, desk: str, *, length: str | None, reason: str, end: bool) -> int:
    """Begin it for `length`, end it, or tell how it stands; a running bot heeds it at once."""

    async def work() -> int:
        config = configured(path, secrets_needed=False)
        if desk not in config.desks:
            no_such("desk", desk, list(config.desks))
        now = time.time()
        begun = None if length is None else Maintenance(now + _seconds(length), reason[:LONGEST_REASON])
        async with journal(config) as opened:
            if begun is not None:
                await opened.write(lambda c: switches.maintain(c, desk, begun, now))
            if end and not await opened.write(lambda c: switches.end_maintenance(c, desk, now)):
                out.print(f"Nothing had been decided about {desk}.", markup=False)
            all_decided = await opened.read(lambda c: switches.maintenances(c, now))
        out.print(told(config, desk, now, all_decided.get(desk)), markup=False)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def told(config: Config, name: str, now: float, decided: Maintenance | None) -> str:
    """How it stands."""
    desk = config.desks[name]
    going_on = under_maintenance(desk.maintenance, desk.timezone, now, decided)
    if going_on is None:
        return f"{name} is not under maintenance: its visits begin as their timetables say."
    until = datetime.fromtimestamp(going_on.until, UTC).astimezone(ZoneInfo(desk.timezone))
    by = "" if going_on == decided else " by its config"
    reason = f" ({going_on.reason})" if going_on.reason else ""
    return f"{name} is under maintenance{by} until {until:%Y-%m-%d %H:%M:%S %Z}{reason}: nobody new is contacted there."


def _seconds(written: str) -> float:
    try:
        length = Duration.parse(written)
    except ValueError as error:
        raise Wrong(f"--for {error}") from None
    if not length.seconds:
        raise Wrong("--for should be in calendar time, such as 2h")
    return length.seconds
