"""The mailbox of a test customer under watch: INBOX, and the spam folder where there is one."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

from probes.errors import BotError, Unreachable
from probes.mail.account import Account
from probes.mail.arrivals import Arrival, InboxState, Ledger, Position
from probes.mail.clock_skew import Skew
from probes.mail.folder_watch import Down, FolderWatch, Pace, Pushed, Report, Up
from probes.mail.imap import MAX_MAIL_BYTES
from probes.mail.oauth import AccessTokens

__all__ = ["MAX_MAIL_BYTES", "Arrival", "Inbox", "InboxState", "Ledger", "Pace", "Position"]

log = logging.getLogger(__name__)


class Inbox:
    """Watches one account on at most two connections and hands every new mail to the ledger.

    Mail is never marked, moved or deleted. `on_state` is called with each new `state`, in the event loop. `tokens` are
    those of the account, for all its connections.
    """

    def __init__(
        self,
        account: Account,
        ledger: Ledger,
        *,
        now: Callable[[], datetime],
        rng: Random,
        on_state: Callable[[InboxState], None] | None = None,
        pace: Pace | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._address = account.address
        self._now = now
        self._on_state = on_state
        self._skew = Skew()
        self._error: BotError | None = None
        self._changed = asyncio.Event()
        self._opened = asyncio.Event()
        self.state = InboxState(up=False, since=now())
        pace = pace or Pace()
        tokens = tokens or AccessTokens.of(account)
        self._inbox = FolderWatch(
            account, ledger, junk=False, now=now, rng=rng, pace=pace, report=self._inbox_reports, tokens=tokens
        )
        self._spam = FolderWatch(
            account, ledger, junk=True, now=now, rng=rng, pace=pace, report=self._junk_reports, tokens=tokens
        )

    async def run(self) -> None:
        """Watch until cancelled; server trouble shows in `state` and is tried again, never raised."""
        try:
            async with asyncio.TaskGroup() as folders:
                folders.create_task(self._inbox.run())
                folders.create_task(self._watch_spam())
        finally:
            self._set(replace(self.state, up=False, error="not under watch", junk=None))

    async def _watch_spam(self) -> None:
        # Where only one connection is to be had, it must be the one to INBOX.
        await self._opened.wait()
        await self._spam.run()

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109  the error says what was waited for
        """Return when INBOX is open and its position durable: from then on nothing that arrives is missed.

        Raises an error that a retry does not mend (a refused login, a wrong certificate) at once, and after `timeout`
        seconds the last error there was.
        """
        try:
            async with asyncio.timeout(timeout):
                while not self.state.up:
                    if self._error is not None and not self._error.retry:
                        raise self._error
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise self._error or Unreachable(f"the mailbox {self._address} was not open in {timeout:.0f} s") from None

    async def caught_up(self, timeout: float) -> None:  # noqa: ASYNC109  the error says what was waited for
        """Return when all that lay in INBOX, and in the spam folder while that is under watch, at this moment is kept.

        Raises like `ready`.
        """
        try:
            async with asyncio.timeout(timeout):
                await self.ready(timeout)
                await self._inbox.caught_up()
                if self.state.junk is not None:
                    await self._spam.caught_up()
        except TimeoutError:
            raise self._error or Unreachable(
                f"{self._address} could not be read to its end in {timeout:.0f} s"
            ) from None

    def _inbox_reports(self, report: Report) -> None:
        match report:
            case Up():
                self._error = None
                self._opened.set()
                self._set(replace(self.state, up=True, error=None))
            case Down(error):
                self._error = error
                self._set(replace(self.state, up=False, error=str(error) if error else "there is no INBOX"))
            case Pushed():
                self._pushed(report)

    def _junk_reports(self, report: Report) -> None:
        match report:
            case Up(folder):
                self._set(replace(self.state, junk=folder, error=None if self.state.up else self.state.error))
            case Down(error):
                said = str(error) if error and self.state.up else self.state.error
                self._set(replace(self.state, junk=None, error=said))
            case Pushed():
                self._pushed(report)

    def _pushed(self, mail: Pushed) -> None:
        self._skew.pushed(mail.detected_at, mail.internal_date)
        self._set(replace(self.state, last_push=mail.detected_at, clock_skew_seconds=self._skew.seconds))

    def _set(self, state: InboxState) -> None:
        if state == self.state:
            return
        if state.up != self.state.up:
            now = self._now()
            state = replace(state, since=now, read_until=None if state.up else now)
        self.state = state
        self._changed.set()
        if self._on_state:
            try:
                self._on_state(self.state)
            except Exception:
                log.exception("%s: the state could not be passed on", self._address)
