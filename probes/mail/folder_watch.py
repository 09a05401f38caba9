"""The watch over one folder: an actor with one connection, IDLE as its alarm clock, and the UIDs as the truth.

A push only wakes it. What is new is found by asking for the UIDs from the last position on, so nothing that is missed,
cut off or said twice makes a difference.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from probes.errors import BotError, LoginRefused
from probes.mail import folder_names
from probes.mail.account import Account
from probes.mail.arrivals import Ledger
from probes.mail.imap import CommandRefused, ConnectionLimit, Opened, Session
from probes.mail.oauth import AccessTokens
from probes.mail.reading import Reading

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the watch waits for what, in seconds."""

    deadline: float = 20  # for an answer
    silence: float = 60  # in IDLE, before the connection must prove that it lives: far below the 29 min of RFC 2177
    poll: float = 15  # of servers without IDLE
    first_retry: float = 0.5  # doubling with each failure, up to:
    last_retry: float = 60
    lived: float = 10  # a connection that reached this age starts the retries anew
    crowded: float = 120  # after "too many connections"
    login: float = 300  # after a refused login: hammering locks accounts
    absent: float = 600  # until a folder that is not there is looked for again


@dataclass(frozen=True, slots=True)
class Up:
    """The folder is open and its position is durable."""

    folder: str


@dataclass(frozen=True, slots=True)
class Down:
    """The folder is not under watch; without an error it does not exist, which may be fine."""

    error: BotError | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """The server announced a mail by itself, and it is kept."""

    detected_at: datetime
    internal_date: datetime


Report = Up | Down | Pushed


class FolderAbsent(Exception):
    """The account has no such folder (yet)."""


class FolderWatch:
    """Keeps every mail that comes into INBOX (with `junk`: into the spam folder) for ever, whatever the server does."""

    def __init__(
        self,
        account: Account,
        ledger: Ledger,
        *,
        junk: bool,
        now: Callable[[], datetime],
        rng: Random,
        pace: Pace,
        report: Callable[[Report], None],
        tokens: AccessTokens | None = None,
    ) -> None:
        self._account = account
        self._tokens = tokens
        self._ledger = ledger
        self._junk = junk
        self._now = now
        self._rng = rng
        self._pace = pace
        self._report = report
        self._failures = 0
        self._session: Session | None = None  # while it is under watch
        self._polls = False  # the server has no IDLE, or refuses it
        self._asking: list[asyncio.Future[None]] = []  # those who wait for the next catch-up

    async def caught_up(self) -> None:
        """Return when all that lies in the folder at this moment is kept, be it on a later connection."""
        asking = asyncio.get_running_loop().create_future()
        self._asking.append(asking)
        if self._session is not None:
            self._session.stir()
        await asking

    async def run(self) -> None:
        """Watch until cancelled; server trouble and a ledger that fails are reported and tried again later."""
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._connection()
            except FolderAbsent:
                self._report(Down(None))
                wait = self._pace.absent
            except BotError as error:
                wait = self._wait_after(error, asyncio.get_running_loop().time() - started)
                log.warning("%s: %s; next try in %.1f s", self._name, error, wait)
                self._report(Down(error))
            except Exception as error:
                wait = self._wait_after(error, asyncio.get_running_loop().time() - started)
                log.exception("%s: mail could not be kept; next try in %.1f s", self._name, wait)
                self._report(Down(BotError(f"{self._name}: mail could not be kept: {type(error).__name__}")))
            await asyncio.sleep(wait)

    @property
    def _name(self) -> str:
        return f"{self._account.address} {'Junk' if self._junk else 'INBOX'}"

    def _wait_after(self, error: Exception, age: float) -> float:
        pace = self._pace
        if isinstance(error, LoginRefused):
            return pace.login * self._rng.uniform(1, 1.25)
        if isinstance(error, ConnectionLimit):
            return pace.crowded * self._rng.uniform(0.75, 1.25)
        self._failures = 0 if age > pace.lived else self._failures + 1
        doubled = pace.first_retry * 2.0 ** min(self._failures, 20)
        return min(pace.last_retry, doubled) * self._rng.uniform(0.5, 1)

    async def _connection(self) -> None:
        """One connection's life; it ends by an exception only."""
        session = await Session.open(self._account, now=self._now, deadline=self._pace.deadline, tokens=self._tokens)
        try:
            folder, opened = await self._open(session)
            self._polls = "IDLE" not in session.capabilities
            reading = Reading(session, folder, self._ledger, now=self._now)
            await reading.start(opened)
            session.news()  # the count that came with opening is none
            # First, for who writes while old mail is still being read may find the answer too late.
            await self._catch_up(reading)
            log.info("%s: %r is under watch", self._name, folder)
            self._report(Up(folder))
            self._session = session
            while True:
                await self._next(session, reading)
        except FolderAbsent:
            session.close()
            raise
        finally:
            self._session = None
            session.abort()

    async def _next(self, session: Session, reading: Reading) -> None:
        """Sleep until there may be something new or somebody asks, and keep what there is."""
        if self._polls:
            if not self._asking:
                await session.pause(self._pace.poll * self._rng.uniform(0.9, 1.1))
            await session.noop()
            await self._catch_up(reading)
            return
        if not self._asking:
            try:
                await session.idle(self._pace.silence)
            except CommandRefused as error:
                log.warning("%s: %s; it is polled", self._name, error)
                self._polls = True
                return
        pushed = session.news() is not None
        if not pushed:
            await session.noop()
        for detected_at, internal_date in await self._catch_up(reading, pushed=pushed):
            self._report(Pushed(detected_at, internal_date))

    async def _catch_up(self, reading: Reading, *, pushed: bool = False) -> list[tuple[datetime, datetime]]:
        asking = len(self._asking)
        times = await reading.catch_up(pushed=pushed)
        for each in self._asking[:asking]:  # who came later has to wait for the next one
            if not each.done():
                each.set_result(None)
        del self._asking[:asking]
        return times

    async def _open(self, session: Session) -> tuple[str, Opened]:
        if not self._junk:
            return "INBOX", await session.examine("INBOX")
        if (folder := self._account.imap.junk) is not None:
            written = folder_names.encode(folder)
        else:
            marked = (
                f for f in await session.folders() if r"\junk" in f.attributes and r"\noselect" not in f.attributes
            )
            if (spam := next(marked, None)) is None:
                raise FolderAbsent
            folder, written = folder_names.decode(spam.name), spam.name
        if folder.upper() == "INBOX":
            raise FolderAbsent
        try:
            return folder, await session.examine(written)
        except CommandRefused as error:
            log.warning("%s: there is no folder %r: %s", self._name, folder, error)
            raise FolderAbsent from error
