"""`mysterybot report`: what a manager reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporters.report import ReportError, write_report
from mysterybot.commands.common import Wrong, command, configured, journal, log_to_stderr, out


def report(path: Path, folder: Path, start: object, end: object) -> int:
    """Write it; days are UTC, the last one is included."""

    async def work() -> int:
        config = configured(path, secrets_needed=False)
        first = start.replace(tzinfo=UTC) if isinstance(start, datetime) else None
        after = end.replace(tzinfo=UTC) + timedelta(days=1) if isinstance(end, datetime) else None
        if first and after and first >= after:
            raise Wrong("--from is after --to")
        desks = {name: desk.name for name, desk in config.desks.items()}
        async with journal(config) as opened:
            try:
                index = await write_report(opened, folder, first, after, desks)
            except ReportError as error:
                raise Wrong(str(error)) from None
        out.print(f"The report: {index}", markup=False)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)
