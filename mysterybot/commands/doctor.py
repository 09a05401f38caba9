"""`mysterybot doctor`: what this machine lacks."""

import os
import platform
import sys
from pathlib import Path

from mysterybot import __version__
from mysterybot.app import data_folder
from mysterybot.commands.common import BAD, Wrong, command, configured, log_to_stderr, out
from mysterybot.config import Config
from probes.errors import BotError
from probes.form.channel import FormChannel
from probes.form.find import find_browser, try_launch
from probes.form.settings import BrowserSettings


def doctor(path: Path) -> int:
    """0 when nothing that the config needs is missing."""
    log_to_stderr(verbose=False, quiet=True)
    return command(lambda: _doctor(path))


async def _doctor(path: Path) -> int:
    out.print(f"mysterybot {__version__}, Python {platform.python_version()} on {platform.platform()}", markup=False)
    config = _config(path)
    needs_browser = config is None or any(
        isinstance(channel, FormChannel) for desk in config.desks.values() for channel in desk.channels.values()
    )
    browser = await _browser(config.browser if config else BrowserSettings())
    if not browser and not needs_browser:
        out.print("     the config has no forms, so it does not need one")
    return 0 if config is not None and (browser or not needs_browser) else BAD


def _config(path: Path) -> Config | None:
    if not path.exists():
        out.print(f"BAD  config: there is no {path}; mysterybot init writes one to start from", markup=False)
        return None
    try:
        config = configured(path)
        folder = data_folder(config)
    except Wrong as error:
        out.print(f"BAD  config: {error}", markup=False)
        return None
    except OSError as error:
        out.print(f"BAD  data folder: {error}", markup=False)
        return None
    writable = os.access(folder, os.W_OK)
    out.print(f"ok   config: {path}; try the mailboxes and forms with mysterybot check --connect", markup=False)
    out.print(f"{'ok  ' if writable else 'BAD '} data folder: {folder}", markup=False)
    return config if writable else None


async def _browser(settings: BrowserSettings) -> bool:
    try:
        where = "remote" if settings.mode != "launch" else find_browser(settings, os.environ)
        version = await try_launch(settings, os.environ)
    except BotError as error:
        out.print(f"BAD  browser: {error}", markup=False)
        out.print(
            f"     one for mysterybot alone: {sys.executable} -m playwright install --with-deps --only-shell chromium",
            markup=False,
        )
        return False
    found = where if isinstance(where, str) else f"{where.executable} ({where.source})"
    out.print(f"ok   browser: {version}, {found}", markup=False)
    return True
