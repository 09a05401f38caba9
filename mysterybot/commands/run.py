"""`mysterybot run`: the service."""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mysterybot.app import find_scenario
from mysterybot.commands.common import Wrong, command, configured, err, log_to_stderr
from mysterybot.config import load
from mysterybot.service import CannotRun, Options
from mysterybot.service import run as serve

log = logging.getLogger(__name__)


def run(path: Path, *, log_format: str, verbose: bool, web_config: Path | None, lifecycle: bool) -> int:
    """Runs until it is told to stop; 0 then."""
    log_to_stderr(verbose=verbose, as_json=log_format == "json")
    options = Options(lambda: load(path, os.environ, find_scenario), web_config, lifecycle, os.environ)
    if log_format == "json":  # whoever reads that can read nothing else
        return command(lambda: _run(path, options, log.info, log.warning), log.critical)
    return command(lambda: _run(path, options, _say, partial(_say, style="yellow")))


def _say(what: str, style: str | None = None) -> None:
    err.print(what, markup=False, style=style)


async def _run(path: Path, options: Options, say: Callable[[str], None], warn: Callable[[str], None]) -> int:
    config = configured(path)
    for warning in config.warnings:
        warn(warning.told(path))
    try:
        await serve(config, lambda url: say(f"mysterybot runs: {url} (metrics: {url}metrics)"), options)
    except CannotRun as error:
        raise Wrong(str(error)) from None
    return 0
