"""What commands have in common: reading the config, saying what is wrong, opening the journal to read."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conversations.journal import Journal, JournalError
from mysterybot.app import find_scenario, journal_of
from mysterybot.config import Config, ConfigErrors, load
from mysterybot.logs import JsonLines, TextLines, shown
from probes.secret import SecretNotKnown

PASSED, FAILED, FAULTED = 0, 1, 2
BAD = 2
"""Exit code for whatever is wrong on our side."""

COLOURS = {"passed": "green", "failed": "red", "faulted": "yellow", None: "cyan"}

_CONTROL = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")})


PIPE_WIDTH = 250


class _Terminal(Console):
    """Prints what strangers wrote as it is: it cannot steer the terminal, and `:key:` does not become a picture."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)
        if not self.is_terminal:  # a pipe has no width: nothing is cut
            self.width = PIPE_WIDTH

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string comes through here, the cells of tables too."""
        return super().render_str(text.translate(_CONTROL), **options)


def table(*headings: str) -> Table:
    """A table whose first columns are never cut or broken: what does not fit is the last column's loss."""
    made = Table(box=None)
    for heading in headings[:-1]:
        made.add_column(heading, no_wrap=True)
    made.add_column(headings[-1], overflow="fold")
    return made


out = _Terminal()
err = _Terminal(stderr=True)


class Wrong(Exception):
    """Ends a command with a message for the user and exit code 2."""


def configured(path: Path, *, secrets_needed: bool = True) -> Config:
    """The config; raises Wrong with everything that is wrong with it.

    Who only looks into the journal needs no secrets: a pause should not fail for want of a mailbox's password.
    """
    try:
        return load(path, os.environ, find_scenario, secrets_needed=secrets_needed)
    except ConfigErrors as errors:
        raise Wrong(str(errors)) from None


def in_red(what: str) -> None:
    """Tell a person what is wrong."""
    err.print(what, markup=False, style="red")


def command(work: Callable[[], Coroutine[Any, Any, int]], complain: Callable[[str], None] = in_red) -> int:
    """Run a command to its exit code; what a user can mend is one line for `complain`, never a traceback."""
    try:
        return _done(work)
    except Wrong as wrong:
        complain(str(wrong))
        return BAD


def _done(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run it; whatever a user can mend is Wrong."""
    try:
        return asyncio.run(work())
    except (JournalError, SecretNotKnown) as error:
        raise Wrong(str(error)) from None
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD
    except sa.exc.ArgumentError:  # its own words might hold the URL, and that a password
        raise Wrong("bot.database should be the URL of a database of a known kind") from None
    except sa.exc.DBAPIError as error:
        raise Wrong(f"the journal cannot be used: {error.orig}") from None
    except OSError as error:
        raise Wrong(": ".join(str(part) for part in (error.filename, error.strerror or error) if part)) from None


@contextlib.asynccontextmanager
async def journal(config: Config) -> AsyncIterator[Journal]:
    """The journal, open."""
    async with journal_of(config) as opened:
        yield opened


def no_such(what: str, name: str, known: list[str]) -> NoReturn:
    """Raise Wrong for a name that does not exist."""
    close = get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}"
    raise Wrong(f"there is no {what} {name}; {hint}")


def log_to_stderr(*, verbose: bool, as_json: bool = False, quiet: bool = False) -> None:
    """Set up logging. Quiet shows only what went wrong in the program itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    handler.addFilter(shown)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.CRITICAL if quiet else logging.INFO)
