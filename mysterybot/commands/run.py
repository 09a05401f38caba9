"""`mysterybot run`: the service."""

from pathlib import Path

from mysterybot.commands.common import Wrong, command, configured, err, log_to_stderr
from mysterybot.service import CannotRun
from mysterybot.service import run as serve


def run(path: Path, *, log_format: str, verbose: bool) -> int:
    """Runs until it is told to stop; 0 then."""
    log_to_stderr(verbose=verbose, as_json=log_format == "json")
    return command(lambda: _run(path))


async def _run(path: Path) -> int:
    config = configured(path)
    for warning in config.warnings:
        err.print(warning.told(path), markup=False, style="yellow")
    try:
        await serve(config, lambda url: err.print(f"mysterybot runs: {url} (metrics: {url}metrics)", markup=False))
    except CannotRun as error:
        raise Wrong(str(error)) from None
    return 0
