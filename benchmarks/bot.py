"""A bot in a process of its own beside a mail server in ours, with as many parked conversations as wanted.

The mail server is the demo's: real IMAP over a socket, that pushes at once. The bot is the whole service with its web
server, timetable and mailbox watch; only reach probes and visits do not fall due.
"""

import asyncio
import contextlib
import json
import random
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import waiting
from benchmarks.conversations import NoWorld
from conversations.clock import SystemClock
from conversations.engine import Engine
from conversations.journal import Journal, lifecycle, schema
from conversations.records import Conversation
from conversations.reference import new_reference
from conversations.start import Started, start
from mysterybot.app import find_scenario
from mysterybot.config import Config, load
from mysterybot.demo.mailserver import MailServer
from mysterybot.visits import definition

ADDRESS, PASSWORD = "anna@inbox.example", "secret"
PATIENCE = 60.0
"""Seconds until a bot that does not answer is given up."""

CONFIG = """
bot: {{data: ./data, listen: "127.0.0.1:0"}}
mailboxes:
  anna:
    address: anna@inbox.example
    name: Anna Keller
    smtp: {{host: 127.0.0.1, port: {smtp}, security: none}}
    imap: {{host: 127.0.0.1, port: {imap}, security: none, junk: Junk}}
    login: {{user: anna@inbox.example, password: secret}}
desks:
  acme:
    name: Acme Support
    hours: {{timezone: Europe/Zurich, open: ["mon-fri 09:00-17:00"], holidays: CH-ZH}}
    promises: {{acknowledgement: 5 minutes, first_reply: 4 business hours, next_reply: 1 business day}}
    channels: {{support: {{email: support@acme.example}}}}
visits:
  lamp: {{desk: acme, channel: support, mailbox: anna, scenario: "{scenario}:write_and_wait", cron: "0 0 29 2 *"}}
reach: {{every: 1 day}}
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A conversation that waits for a reply to its message."""

    reference: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Woken:
    """One reply. Times of time.monotonic(): pushed by the mail server, written to the journal, seen by the scenario."""

    pushed: float
    stored: float
    went_on: float


@dataclass(slots=True)
class Bot:
    """A bot at work."""

    process: asyncio.subprocess.Process
    server: MailServer
    parked: list[Parked]  # those that have not been woken yet
    born: float
    driving: float = 0.0
    port: int = 0
    _told: dict[tuple[str, str], float] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def wakes(self, count: int, rng: random.Random) -> list[Woken]:
        """Reply to so many conversations, chosen at random, one after the other with a short pause."""
        found = []
        for _ in range(count):
            which = self.parked.pop(rng.randrange(len(self.parked)))
            raw = _reply(which)
            pushed = time.monotonic()
            self.server.post.deliver(ADDRESS, "support@acme.example", raw)
            went_on = await self._when("went on", which.reference)
            stored = next(at for (what, _), at in reversed(self._told.items()) if what == "stored")
            found.append(Woken(pushed, stored, went_on))
            await asyncio.sleep(rng.uniform(0.02, 0.06))  # back in IDLE
        return found

    def resident(self) -> float:
        """Its memory, bytes (RSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def cpu(self) -> float:
        """CPU seconds of all its threads so far, to the nanosecond (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["what"] == "driving":
                self.driving, self.port = told["at"], told["port"]
            self._told[told["what"], told.get("which", "")] = told["at"]
            self._news.set()

    async def _when(self, what: str, which: str = "") -> float:
        async with asyncio.timeout(PATIENCE):
            while (what, which) not in self._told:
                self._news.clear()
                await self._news.wait()
        return self._told[what, which]


@contextlib.asynccontextmanager
async def bot(folder: Path, parked: int) -> AsyncIterator[Bot]:
    """Make a journal with so many parked conversations, and start a bot on it. It drives when this is entered."""
    server = MailServer({ADDRESS: PASSWORD})
    await server.start()
    folder.mkdir()
    path = folder / "mysterybot.yaml"
    path.write_text(CONFIG.format(smtp=server.ports.smtp, imap=server.ports.imap, scenario=waiting.__file__))
    try:
        waits = await _park(load(path, {}, find_scenario), parked)
        born = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.service", str(path)),
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        running = Bot(process, server, waits, born)
        listening = asyncio.create_task(running._listen())
        try:
            await running._when("driving")
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            await listening
    finally:
        await server.stop()


async def _park(config: Config, count: int) -> list[Parked]:
    """One conversation is played up to its wait by the engine itself; the others are its copies, row by row."""
    config.bot.data.mkdir(parents=True)
    path, clock = config.bot.data / "journal.sqlite", SystemClock()
    async with Journal.at(path) as journal:
        engine = Engine(journal, NoWorld(), clock, "bench", find_scenario)
        now, rng = clock.now(), random.Random(7)
        what = definition(config, "lamp")
        begun = await start(journal, what, due_at=now, now=now, location="bench", rng=rng, scheduled=False)
        assert isinstance(begun, Started), begun
        await engine.advance(begun)
        first = await journal.read(lambda c: lifecycle.load(c, begun))
    assert first is not None and first.verdict is None and first.owner is None
    return _multiply(path, first, count)


def _multiply(path: Path, first: Conversation, count: int) -> list[Parked]:
    message_id = first.messages[0].message_id
    assert message_id is not None
    rng = random.Random(11)
    references = {first.reference: None}
    while len(references) < count:
        references.setdefault(new_reference(rng))
    copies = [
        (number, secrets.token_hex(8), reference, f"<{secrets.token_hex(12)}@inbox.example>")
        for number, reference in enumerate(references)
        if number
    ]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TEMP TABLE copy (number INTEGER PRIMARY KEY, id TEXT, reference TEXT, message_id TEXT)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO copy VALUES (?, ?, ?, ?)", copies)
    names = {"id": first.id, "reference": first.reference, "lower": first.reference.lower(), "message_id": message_id}
    for table in (schema.conversation, schema.step, schema.message, schema.clue):
        values = ", ".join(_copied(column) for column in table.columns)
        owner = "id" if table is schema.conversation else "conversation"
        connection.execute(
            f"INSERT INTO {table.name} SELECT {values} FROM copy, (SELECT * FROM {table.name} WHERE {owner} = :id) AS old",
            names,
        )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return [Parked(first.reference, message_id), *(Parked(copy[2], copy[3]) for copy in copies)]


def _copied(column: sa.Column[Any]) -> str:
    """What a copy has in this column: its own names wherever the first one's stand, and its own times."""
    old = f'old."{column.name}"'
    if column.name in {"due_at", "wake_at"}:
        return f"{old} + copy.number"
    if column.primary_key and isinstance(column.type, sa.Integer) and column.autoincrement is True:
        return "NULL"
    if isinstance(column.type, sa.Text):
        for name, new in (
            ("id", "copy.id"),
            ("reference", "copy.reference"),
            ("lower", "lower(copy.reference)"),
            ("message_id", "copy.message_id"),
        ):
            old = f"replace({old}, :{name}, {new})"
    return old


def _reply(to: Parked) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Robin Agent <support@acme.example>"
    mail["To"] = f"anna+{to.reference.lower()}@inbox.example"
    mail["Subject"] = f"Re: Where is my lamp? ({to.reference})"
    mail["Message-ID"] = f"<{secrets.token_hex(12)}@acme.example>"
    mail["In-Reply-To"] = mail["References"] = to.message_id
    mail["Date"] = "Mon, 02 Mar 2026 09:00:00 +0000"
    mail.set_content(
        "Hello Anna,\n\nyour lamp left our house yesterday and should be with you on Friday.\n\nKind regards\nRobin\n\n"
        "> Hello,\n>\n> I ordered a lamp two weeks ago and nothing has come. Could you please find out where it is?\n"
    )
    return mail.as_bytes()
