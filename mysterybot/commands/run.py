"""`mysterybot run`: the service."""

import os
from pathlib import Path

from mysterybot.app import find_scenario
from mysterybot.commands.common import Wrong, command, configured, err, log_to_stderr
from mysterybot.config import load
from mysterybot.service import CannotRun, Options
from mysterybot.service import run as serve


def run(path: Path, *, log_format: str, verbose: bool, web_config: Path | None, lifecycle: bool) -> int:
    """Runs until it is told to stop; 0 then."""
    log_to_stderr(verbose=verbose, as_json=log_format == "json")
    options = Options(lambda: load(path, os.environ, find_scenario), web_config, lifecycle, os.environ)
    return command(lambda: _run(path, options))


async def _run(path: Path, options: Options) -> int:
    config = configured(path)
    for warning in config.warnings:
        err.print(warning.told(path), markup=False, style="yellow")
    try:
        await serve(
            config, lambda url: err.print(f"mysterybot runs: {url} (metrics: {url}metrics)", markup=False), options
        )
    except CannotRun as error:
        raise Wrong(str(error)) from None
    return 0
