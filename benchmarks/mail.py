"""What the mail probes cost beside clients that do nothing but talk to the same servers in the same run.

Push to match: from Dovecot's EXISTS on, a client on a bare TLS socket fetches the mail and looks its In-Reply-To up in a
set; ours goes through the watch, and is read and correlated as the intake does it.
Matching: replies to 10,000 open conversations, read one after the other and correlated in batches, in one thread.
Backlog: mail of strangers is taken in by the batch, into the same journal, as after an absence.
Sending: a Postfix takes mail over one TLS connection from our outbox, and from a loop around aiosmtplib.
"""

import asyncio
import random
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib
from sqlalchemy.engine import Connection

from benchmarks import waiting
from benchmarks.bot import CONFIG, Parked, _park, _reply
from benchmarks.figures import Aim, Figure, median, percentile
from conversations.clock import SystemClock
from conversations.correlation import Match, correlate
from conversations.intake import Intake
from conversations.journal import Journal
from conversations.recognition import parsed
from mysterybot.app import find_scenario
from mysterybot.config import load
from probes.mail.account import Account
from probes.mail.imap_protocol import Protocol
from probes.mail.inbox import Arrival, Inbox, Position
from probes.mail.letter import Letter, compose, new_message_id
from probes.mail.reading import BATCH
from probes.mail.smtp import Outbox
from replies.message import Message, read
from tests import servers

OPEN = 10_000
TURNS = 6
US, DESK = f"anna@{servers.DOMAIN}", f"support@{servers.DOMAIN}"


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures. Raises RuntimeError where there is no Postfix or no Dovecot."""
    if (why := servers.missing()) is not None:
        raise RuntimeError(why)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as name:
        folder = Path(name)
        parked = asyncio.run(_parked(folder, OPEN))
        figures = asyncio.run(_matching(folder, parked, 500 if quick else 3000))
        figures += asyncio.run(_backlog(folder, 1_000 if quick else 5_000))
        with servers.mail_servers() as mail:
            figures += _pushing(folder, parked, mail, 8 if quick else 40)
            figures += asyncio.run(_sending(mail, 60 if quick else 300))
    return figures


async def _parked(folder: Path, count: int) -> list[Parked]:
    path = folder / "mysterybot.yaml"
    path.write_text(CONFIG.format(smtp=1, imap=1, scenario=waiting.__file__))
    return await _park(load(path, {}, find_scenario), count)


# --- matching ------------------------------------------------------------------------------------------------------


async def _matching(folder: Path, parked: Sequence[Parked], count: int) -> list[Figure]:
    mails = [_reply(each) for each in random.Random(3).sample(parked, count)]
    async with Journal.at(folder / "data/journal.sqlite") as journal:
        rates = []
        for _ in range(3):
            began = time.perf_counter()
            messages = [read(raw) for raw in mails]
            reading = time.perf_counter() - began
            began = time.perf_counter()
            found = await journal.read(lambda c, m=messages: _correlated(c, m))  # type: ignore[misc]
            matching = time.perf_counter() - began
            assert all(match is not None and match.rule == "in-reply-to" for match in found)
            rates.append((count / (reading + matching), count / reading, count / matching))
    whole, reads, matches = max(rates)
    beside = f"read {reads:,.0f}/s, matched {matches:,.0f}/s; {OPEN:,} open conversations, {len(mails[0])} bytes a mail"
    return [Figure("mails read and matched", whole, "/s", beside, Aim(">=", 5000))]


def _correlated(connection: Connection, messages: Sequence[Message]) -> list[Match | None]:
    batches = (messages[start : start + BATCH] for start in range(0, len(messages), BATCH))
    return [match for batch in batches for match in correlate(connection, "anna", batch)]


# --- backlog -------------------------------------------------------------------------------------------------------


async def _backlog(folder: Path, count: int) -> list[Figure]:
    now = datetime.now(UTC)
    arrivals = [
        Arrival("INBOX", 1, uid, raw := _reply(Parked("", f"<{uid}@stranger.example>")), len(raw), now, now)
        for uid in range(1, count + 1)
    ]
    async with Journal.at(folder / "data/journal.sqlite") as journal:
        intake = Intake(journal, "ben", US, SystemClock(), folder / "evidence", lambda _: None)
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            batch = arrivals[start : start + BATCH]
            await intake.keep("INBOX", batch, Position(1, batch[-1].uid + 1))
        took = time.perf_counter() - began
    return [Figure("mails of strangers taken in", count / took, "/s", f"{count:,} mails", Aim(">=", 340))]


# --- push to match -------------------------------------------------------------------------------------------------


class _Matched:
    """A ledger that only matches, and tells when."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.at = 0.0
        self.news = asyncio.Event()

    async def position(self, folder: str) -> Position | None:
        return None

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        if arrivals:
            found = await self._journal.read(lambda c: correlate(c, "anna", [m.message for m in parsed(arrivals)]))
            self.at = time.perf_counter()
            assert all(match is not None for match in found)
            self.news.set()


def _pushing(folder: Path, parked: Sequence[Parked], mail: servers.MailServers, count: int) -> list[Figure]:
    mails = [_reply(each) for each in random.Random(4).sample(parked, 2 * count)]
    known = {each.message_id.encode() for each in parked}
    bare = _bare_pushes(mail, mails[:count], known)
    ours = asyncio.run(_our_pushes(folder, mail, mails[count:]))
    mine, raw = 1000 * percentile(ours, 0.5), 1000 * percentile(bare, 0.5)
    beside = f"{mine:.1f} ms against {raw:.1f} ms on a bare TLS socket; Dovecot, {count} mails each"
    return [Figure("push to match, p50", mine / raw, "x", beside, Aim("<=", 3))]


def _bare_pushes(mail: servers.MailServers, mails: Sequence[bytes], known: set[bytes]) -> list[float]:
    took = []
    context = ssl.create_default_context(cafile=mail.ca_file)
    with (
        socket.create_connection(("127.0.0.1", mail.imaps_port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as line,
        line.makefile("rb") as lines,
    ):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def until(start: bytes) -> bytes:
            while not (said := lines.readline()).startswith(start):
                assert said, "the server hung up"
            return said

        def say(words: str, answer: bytes) -> bytes:
            line.sendall(words.encode() + b"\r\n")
            return until(answer)

        until(b"* OK")
        say(f'a LOGIN "{US}" "{mail.users[US]}"', b"a OK")
        say("a EXAMINE INBOX", b"a OK")
        for uid, raw in enumerate(mails, 1):
            say("a IDLE", b"+")
            mail.deliver(raw, US)
            while b"EXISTS" not in lines.readline():
                pass
            at = time.perf_counter()
            say("DONE", b"a OK")
            head = say(f"a UID FETCH {uid} (UID BODY.PEEK[])", b"*")
            body = lines.read(int(head[head.rindex(b"{") + 1 : head.rindex(b"}")]))
            assert body.partition(b"In-Reply-To: ")[2].partition(b"\r\n")[0] in known
            took.append(time.perf_counter() - at)
            until(b"a OK")
    return took


async def _our_pushes(folder: Path, mail: servers.MailServers, mails: Sequence[bytes]) -> list[float]:
    took = []
    async with Journal.at(folder / "data/journal.sqlite") as journal:
        ledger = _Matched(journal)
        account = Account.model_validate(mail.account(US))
        inbox = Inbox(account, ledger, now=lambda: datetime.now(UTC), rng=random.Random(6))
        with _pushes() as pushed:
            run = asyncio.create_task(inbox.run())
            await inbox.ready(30)
            for raw in mails:
                ledger.news.clear()
                await asyncio.to_thread(mail.deliver, raw, US)
                async with asyncio.timeout(30):
                    await ledger.news.wait()
                took.append(ledger.at - pushed[-1])
                await asyncio.sleep(0.05)  # back in IDLE
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
    return took


@contextmanager
def _pushes() -> Iterator[list[float]]:
    """When each EXISTS came in at our client: Dovecot holds its notices back for up to half a second."""
    received, times = Protocol.data_received, list[float]()

    def watched(self: Protocol, data: bytes) -> None:
        if b" EXISTS" in data:
            times.append(time.perf_counter())
        received(self, data)

    Protocol.data_received = watched  # type: ignore[method-assign]  # of this process, for this measurement
    try:
        yield times
    finally:
        Protocol.data_received = received  # type: ignore[method-assign]


# --- sending -------------------------------------------------------------------------------------------------------


async def _sending(mail: servers.MailServers, count: int) -> list[Figure]:
    """In turns, so that what else the machine does falls on both."""
    account = Account.model_validate(mail.account(US))
    box = Outbox(account, now=lambda: datetime.now(UTC), connections=1)
    context = ssl.create_default_context(cafile=mail.ca_file)
    bare = aiosmtplib.SMTP(hostname="localhost", port=mail.tls_port, use_tls=True, tls_context=context, timeout=30)
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    async with bare:
        await bare.login(US, mail.users[US])
        await box.send(_letter(0), sender=US, recipients=[DESK], point_of_no_return=_passed)
        for turn in range(TURNS):
            letters = [_letter(1 + turn * count + number) for number in range(count // TURNS)]
            began = time.perf_counter()
            for each in letters:
                await bare.sendmail(US, [DESK], each)
            rates["bare"].append(len(letters) / (time.perf_counter() - began))
            began = time.perf_counter()
            for each in letters:
                await box.send(each, sender=US, recipients=[DESK], point_of_no_return=_passed)
            rates["ours"].append(len(letters) / (time.perf_counter() - began))
    await box.aclose()
    ours, theirs = median(rates["ours"]), median(rates["bare"])
    beside = f"{ours:.0f}/s against {theirs:.0f}/s of a bare aiosmtplib loop; one TLS connection, {count} mails each"
    return [Figure("sends over a reused connection", ours / theirs, "x", beside, Aim(">=", 0.75))]


async def _passed() -> None:
    """A point of no return that notes nothing."""


def _letter(number: int) -> bytes:
    message_id = new_message_id(servers.DOMAIN, random.Random(number))
    return compose(Letter("Anna", US, DESK, "My lamp", "Where is it?\n" * 20, message_id, datetime.now(UTC)))
