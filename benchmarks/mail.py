"""What the mail probes cost beside clients that do nothing but talk to the same servers in the same run.

Push to match: the demo's mail server pushes in the moment of the delivery; a client on bare sockets fetches the mail and
looks its In-Reply-To up in a dictionary, ours goes through the watch, `replies.message.read` and the journal.
Matching: replies to 10,000 open conversations, read and correlated one after the other in one thread.
Sending: a Postfix takes mail over one TLS connection from our outbox, and from a loop around aiosmtplib.
"""

import asyncio
import random
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib

from benchmarks import waiting
from benchmarks.bot import ADDRESS, CONFIG, PASSWORD, Parked, _park, _reply
from benchmarks.figures import Aim, Figure, median, percentile
from conversations.correlation import correlate
from conversations.journal import Journal
from mysterybot.app import find_scenario
from mysterybot.config import load
from mysterybot.demo.mailserver import MailServer
from probes.mail.account import Account
from probes.mail.inbox import Arrival, Inbox, Position
from probes.mail.letter import Letter, compose, new_message_id
from probes.mail.smtp import Outbox
from replies.message import read
from tests import servers

OPEN = 10_000


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures. Raises RuntimeError where there is no Postfix."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as name:
        folder = Path(name)
        parked = asyncio.run(_parked(folder, OPEN))
        figures = asyncio.run(_matching(folder, parked, 500 if quick else 3000))
        figures += _pushing(folder, parked, 30 if quick else 150)
    if (why := servers.missing()) is not None:
        raise RuntimeError(why)
    return figures + asyncio.run(_sending(60 if quick else 200))


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
            found = await journal.read(lambda c, m=messages: [correlate(c, "anna", each) for each in m])  # type: ignore[misc]
            matching = time.perf_counter() - began
            assert all(match is not None and match.rule == "in-reply-to" for match in found)
            rates.append((count / (reading + matching), count / reading, count / matching))
    whole, reads, matches = max(rates)
    beside = f"read {reads:,.0f}/s, matched {matches:,.0f}/s; {OPEN:,} open conversations, {len(mails[0])} bytes a mail"
    return [Figure("mails read and matched", whole, "/s", beside, Aim(">=", 5000))]


# --- push to match -------------------------------------------------------------------------------------------------


class _Matched:
    """A ledger that only matches, and tells when."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.at: dict[bytes, float] = {}
        self.news = asyncio.Event()

    async def position(self, folder: str) -> Position | None:
        return None

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        for arrival in arrivals:
            message = read(arrival.raw)
            match = await self._journal.read(lambda c, m=message: correlate(c, "anna", m))  # type: ignore[misc]
            assert match is not None
            self.at[arrival.raw.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]] = time.perf_counter()
            self.news.set()


def _pushing(folder: Path, parked: Sequence[Parked], count: int) -> list[Figure]:
    mails = [_reply(each) for each in random.Random(4).sample(parked, count + 10)]
    known = {each.message_id.encode(): each for each in parked}
    with _server() as (server, call):

        def deliver(raw: bytes) -> float:
            def now() -> float:
                at = time.perf_counter()
                server.post.deliver(ADDRESS, "support@acme.example", raw)
                return at

            return call(now)

        bare = _bare_pushes(server.ports.imap, mails, known, deliver)[10:]
        ours = asyncio.run(_our_pushes(folder, server.ports.imap, mails, deliver))[10:]
    mine, raw = 1000 * percentile(ours, 0.5), 1000 * percentile(bare, 0.5)
    beside = f"{mine:.1f} ms against {raw:.1f} ms on a bare socket; p99 {1000 * percentile(ours, 0.99):.1f} ms; {count} mails"
    return [Figure("push to match, p50", mine / raw, "x", beside, Aim("<=", 3))]


def _bare_pushes(
    port: int, mails: Sequence[bytes], known: dict[bytes, Parked], deliver: Callable[[bytes], float]
) -> list[float]:
    took, rng = [], random.Random(5)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line, line.makefile("rb") as lines:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def until(start: bytes) -> bytes:
            while not (said := lines.readline()).startswith(start):
                assert said, "the server hung up"
            return said

        def say(words: str, until_: bytes) -> bytes:
            line.sendall(words.encode() + b"\r\n")
            return until(until_)

        until(b"* OK")
        say(f'a LOGIN "{ADDRESS}" "{PASSWORD}"', b"a OK")
        say("a EXAMINE INBOX", b"a OK")
        for uid, raw in enumerate(mails, 1):
            say("a IDLE", b"+")
            at = deliver(raw)
            while b"EXISTS" not in lines.readline():
                pass
            say("DONE", b"a OK")
            head = say(f"a UID FETCH {uid} (UID BODY.PEEK[])", b"*")
            mail = lines.read(int(head[head.rindex(b"{") + 1 : head.rindex(b"}")]))
            assert mail.partition(b"In-Reply-To: ")[2].partition(b"\r\n")[0] in known
            took.append(time.perf_counter() - at)
            until(b"a OK")
            time.sleep(rng.uniform(0.005, 0.02))
    return took


async def _our_pushes(
    folder: Path, port: int, mails: Sequence[bytes], deliver: Callable[[bytes], float]
) -> list[float]:
    local = {"host": "127.0.0.1", "security": "none"}
    account = Account.model_validate(
        {
            "address": ADDRESS,
            "name": "Anna",
            "smtp": local,
            "imap": {**local, "port": port},
            "login": {"user": ADDRESS, "password": PASSWORD},
        }
    )
    took, rng = [], random.Random(6)
    async with Journal.at(folder / "data/journal.sqlite") as journal:
        ledger = _Matched(journal)
        inbox = Inbox(account, ledger, now=lambda: datetime.now(UTC), rng=rng)
        run = asyncio.create_task(inbox.run())
        await inbox.ready(30)
        for raw in mails:
            ledger.news.clear()
            at = await asyncio.to_thread(deliver, raw)
            async with asyncio.timeout(30):
                await ledger.news.wait()
            took.append(ledger.at[raw.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]] - at)
            await asyncio.sleep(rng.uniform(0.02, 0.06))  # back in IDLE
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    return took


@contextmanager
def _server() -> Any:
    """The demo's mail server in a thread of its own, and a way to call something there."""
    server, loop = MailServer({ADDRESS: PASSWORD}), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    async def called(function: Callable[[], Any]) -> Any:
        return function()

    try:
        do(server.start())
        yield server, lambda function: do(called(function))
        do(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


# --- sending -------------------------------------------------------------------------------------------------------


async def _sending(count: int) -> list[Figure]:
    """In turns, so that what else the machine does falls on both."""
    us, desk = f"anna@{servers.DOMAIN}", f"support@{servers.DOMAIN}"
    with servers.mail_servers() as mail:
        account = Account.model_validate(mail.account(us))
        box = Outbox(account, now=lambda: datetime.now(UTC), connections=1)
        context = ssl.create_default_context(cafile=mail.ca_file)
        bare = aiosmtplib.SMTP(hostname="localhost", port=mail.tls_port, use_tls=True, tls_context=context, timeout=30)
        rates: dict[str, list[float]] = {"ours": [], "bare": []}
        async with bare:
            await bare.login(us, mail.users[us])
            await box.send(_letter(us, desk, 0), sender=us, recipients=[desk], point_of_no_return=_passed)
            for turn in range(5):
                letters = [_letter(us, desk, 1 + turn * count + number) for number in range(count // 5)]
                began = time.perf_counter()
                for each in letters:
                    await bare.sendmail(us, [desk], each)
                rates["bare"].append(len(letters) / (time.perf_counter() - began))
                began = time.perf_counter()
                for each in letters:
                    await box.send(each, sender=us, recipients=[desk], point_of_no_return=_passed)
                rates["ours"].append(len(letters) / (time.perf_counter() - began))
        await box.aclose()
    ours, theirs = median(rates["ours"]), median(rates["bare"])
    beside = f"{ours:.0f}/s against {theirs:.0f}/s of a bare aiosmtplib loop; one TLS connection, {count} mails each"
    return [Figure("sends over a reused connection", ours / theirs, "x", beside, Aim(">=", 0.75))]


async def _passed() -> None:
    """A point of no return that notes nothing."""


def _letter(us: str, desk: str, number: int) -> bytes:
    message_id = new_message_id(servers.DOMAIN, random.Random(number))
    return compose(Letter("Anna", us, desk, "My lamp", "Where is it?\n" * 20, message_id, datetime.now(UTC)))
