"""Short conversations a second on SQLite with `synchronous=FULL`: three trivial steps each, 16 at once, from start to verdict.

Twice: with three steps within the journal, whose outcomes are written with whatever is written next (three commits a
conversation: start, claim, end), and with three steps that send, through an outbox that does nothing. Those cannot be
put together, for intent, point of no return and outcome of each send must be durable one before the other: twelve
commits a conversation. Beside them stand plain single-row commits of Python's sqlite3 to a file on the same disk.

The conversations are spread over so many desks and mailboxes that the default limits hold.
"""

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from benchmarks.figures import Aim, Figure, median
from conversations.clock import SystemClock
from conversations.customer import Customer
from conversations.definition import Definition
from conversations.dispatch.local import LocalDispatch
from conversations.engine import Engine
from conversations.journal import Journal, schema
from conversations.records import Verdict
from conversations.scenario import Scenario, scenario
from conversations.start import Started, start
from conversations.visit import Desk, Limits, Persona
from probes.contact import PointOfNoReturn
from probes.form.browser import Submitted
from probes.mail.smtp import Accepted
from replies.finding import Finding

_PASSED = sa.select(sa.func.count()).where(schema.conversation.c.verdict == Verdict.PASSED)

AT_ONCE = 16
PER_DESK = 50


@scenario("Three steps within the journal")
async def within(customer: Customer) -> None:
    """Changes nothing outside."""
    began = await customer.now()
    await customer.find(Finding("greeting", "ok", "always", began.isoformat()))
    await customer.now()


@scenario("Three sends")
async def sending(customer: Customer) -> None:
    """Each a side effect with its intent, its point of no return and its outcome."""
    await customer.write("Hello, are you there?", subject="A question")
    await customer.answer("Are you?")
    await customer.answer("Thank you.", closing=True)


class NoWorld:
    """conversations.world.World in which everything is accepted and nothing happens."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def mailbox_ready(self, mailbox: str) -> None:
        return None

    async def mailbox_read(self, mailbox: str) -> None:
        return None

    async def send_mail(
        self, mailbox: str, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        await point_of_no_return()
        return Accepted(self.now(), "2.0.0 ok", None, {})

    async def submit_form(self, *_: object, **__: object) -> Submitted:
        raise NotImplementedError

    def evidence_folder(self, conversation_id: str) -> Path:
        raise NotImplementedError


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures. The kinds of work take turns, and the median of the rounds is told."""
    rounds, count = (1, 160) if quick else (3, 480)
    # beside the working copy, since the folder for temporary files may lie in memory, where nothing is durable
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as folder:
        raw, trivial, sends = [], [], []
        for number in range(rounds):
            raw.append(_raw_commits(Path(folder) / f"raw{number}.sqlite", seconds=0.5 if quick else 2.0))
            trivial.append(asyncio.run(_play(Path(folder) / f"trivial{number}.sqlite", within, 2 * count)))
            sends.append(asyncio.run(_play(Path(folder) / f"sending{number}.sqlite", sending, count)))
    commits = median(raw)
    return [
        Figure("single-row commits of sqlite3", commits, "/s", "the disk's floor, one writer"),
        Figure(
            "conversations, 3 steps within the journal",
            median(trivial),
            "/s",
            f"{median(trivial) / commits:.2f} of the commits; {_spread(trivial)}",
            Aim(">=", 200),
        ),
        Figure(
            "conversations, 3 steps that send",
            median(sends),
            "/s",
            f"{median(sends) / commits:.2f} of the commits; 12 durable writes each; {_spread(sends)}",
            Aim(">=", 200),
        ),
    ]


def _spread(values: Sequence[float]) -> str:
    return f"rounds {min(values):.0f} to {max(values):.0f}"


def _raw_commits(path: Path, seconds: float) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)")
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        connection.execute("INSERT INTO row (text) VALUES ('one')")
        done += 1
    rate = done / (time.perf_counter() - began)
    connection.close()
    return rate


async def _play(path: Path, what: Scenario, count: int) -> float:
    """Conversations a second, from before the first is started until the last has its verdict."""
    clock, rng = SystemClock(), random.Random(1)
    async with Journal.at(path) as journal:
        engine = Engine(journal, NoWorld(), clock, "bench", lambda _: what)
        ended: dict[str, asyncio.Event] = {}

        async def advance(conversation_id: str) -> None:
            try:
                await engine.advance(conversation_id)
            finally:
                ended[conversation_id].set()

        dispatch = LocalDispatch(journal, advance, clock)

        async def customers(numbers: range) -> None:
            for number in numbers:
                now = clock.now()
                started = await start(
                    journal,
                    definition(number // PER_DESK),
                    due_at=now + number,
                    now=now,
                    location="bench",
                    rng=rng,
                    open_allowed=AT_ONCE,
                )
                assert isinstance(started, Started), started
                ended[started] = asyncio.Event()
                dispatch.nudge(started)
                await ended[started].wait()

        began = time.perf_counter()
        await asyncio.gather(*(customers(range(each, count, AT_ONCE)) for each in range(AT_ONCE)))
        rate = count / (time.perf_counter() - began)
        passed = await journal.read(lambda c: c.execute(_PASSED).scalar_one())
    assert passed == count, "a conversation did not pass: the figure would mean nothing"
    return rate


def definition(number: int) -> Definition:
    """A visit to the desk of this number, over a mailbox of its own."""
    desk = Desk.model_validate(
        {
            "name": f"Desk {number}",
            "promises": {"acknowledgement": "5 minutes", "first_reply": "4 hours"},
            "channels": {"support": {"email": f"support@desk{number}.example"}},
        }
    )
    return Definition(
        visit=f"visit{number}",
        desk_name=f"desk{number}",
        desk=desk,
        channel_name="support",
        channel=desk.channels["support"],
        mailbox=f"box{number}",
        address=f"anna@box{number}.example",
        plus="+",
        persona=Persona(name="Anna Keller"),
        scenario="bench",
        parameters={},
        limits=Limits(),
    )
