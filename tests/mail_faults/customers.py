"""The bot's own parts (journal, engine, dispatch, intake, mailbox, outbox) around one account, with little patience."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from conversations.clock import SystemClock
from conversations.control import Mailbox as Settings
from conversations.customer import Customer
from conversations.definition import Definition
from conversations.dispatch.local import LocalDispatch
from conversations.durations import Duration
from conversations.engine import Engine
from conversations.intake import Intake
from conversations.journal import Journal, lifecycle
from conversations.records import Conversation
from conversations.scenario import Scenario, scenario
from conversations.start import Started, start
from conversations.visit import Desk, Limits, Persona
from mysterybot.app import RealWorld
from mysterybot.mailboxes import Mailbox
from probes.form.browser import Browser
from probes.form.settings import BrowserSettings
from probes.mail.account import Account
from probes.mail.inbox import Inbox, Pace
from probes.mail.smtp import Outbox
from tests.mail_faults.desk import Desk as Agent

PACE = Pace(deadline=2, silence=2, first_retry=0.05, last_retry=0.5, login=0.2, crowded=0.2, absent=0.5)
TIMEOUT = 2.0  # of the outbox; below the relay's stalls
REFERENCES = random.Random(11)  # one for all tests: old mail in a mailbox must not carry a new reference
PATIENCE = Duration.parse("3 minutes")


@scenario("Write and hear, answer and hear")
async def two_turns(customer: Customer) -> None:
    """Four messages and an acknowledgement; fails when what it hears belongs to another conversation."""
    mine = customer.facts["reference"]
    await customer.write("When will my order {reference} come?\n\n{name}", subject="My order {reference}")
    for turn in ("first", "second"):
        reply = await customer.reply(within=PATIENCE)
        if mine not in reply.text or f"my {turn} word" not in reply.text:
            raise customer.fail(f"{mine} heard {reply.text!r} as the {turn} reply")
        if turn == "first":
            await customer.answer("Thank you. Is it sure that {reference} will come on Thursday?\n\n{name}")


@dataclass
class Customers:
    """A running bot without its timetable."""

    journal: Journal
    dispatch: LocalDispatch
    mailbox: Mailbox
    tasks: tuple["asyncio.Task[None]", ...]

    async def begin(self, definition: Definition, number: int) -> str:
        now = SystemClock().now()
        begun = await start(
            self.journal,
            definition,
            due_at=now + number / 1000,
            now=now,
            location="test",
            rng=REFERENCES,
            open_allowed=None,
        )
        assert isinstance(begun, Started), begun
        self.dispatch.nudge(begun)
        return str(begun)

    async def one(self, conversation_id: str) -> Conversation:
        found = await self.journal.read(lambda c: lifecycle.load(c, conversation_id))
        assert found is not None
        return found

    async def all(self) -> list[Conversation]:
        ids = await self.journal.read(lifecycle.listed)
        return [await self.one(each) for each in ids]


@asynccontextmanager
async def customers(folder: Path, account: Account, played: Scenario = two_turns) -> AsyncIterator[Customers]:
    """Everything between the scenario and the wire, running."""
    clock = SystemClock()
    async with Journal.at(folder / "journal.sqlite") as journal:
        world = RealWorld(clock, folder / "evidence", browser=None)  # type: ignore[arg-type]  # nobody fills in a form
        world.browser = Browser(BrowserSettings(), now=world.now, environ={})
        engine = Engine(journal, world, clock, "test:1", lambda _: played)
        dispatch = LocalDispatch(journal, engine.advance, clock)
        intake = Intake(journal, "anna", account.address, clock, folder / "evidence", dispatch.nudge)
        inbox = Inbox(account, intake, now=world.now, rng=random.Random(5), pace=PACE)
        mailbox = world.mailboxes["anna"] = Mailbox(
            Settings.model_construct(**dict(account)), Outbox(account, now=world.now, timeout=TIMEOUT), inbox
        )
        tasks = (asyncio.create_task(inbox.run()), asyncio.create_task(dispatch.run()))
        try:
            yield Customers(journal, dispatch, mailbox, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await mailbox.outbox.aclose()


def visit(address: str, desk: str, grace: str = "15 seconds") -> Definition:
    """What a conversation at this desk is about."""
    full = Desk.model_validate({"name": "The Desk", "channels": {"support": {"email": desk}}})
    return Definition(
        visit="test",
        desk_name="desk",
        desk=full,
        channel_name="support",
        channel=full.channels["support"],
        mailbox="anna",
        address=address,
        plus=None,
        persona=Persona(name="Anna Keller"),
        scenario="test",
        parameters={},
        limits=Limits(desk_per_day=10_000, mailbox_per_day=10_000, uncertain_grace=Duration.parse(grace)),
    )


async def decided(bot: Customers, agent: Agent, end: float) -> list[Conversation]:
    """All conversations, once each has its verdict and all that the desk answered is in the journal."""
    while True:
        conversations = await bot.all()
        kept = sum(m.inbound for each in conversations for m in each.messages)
        if agent.idle and kept >= len(agent.answered) and all(each.verdict for each in conversations):
            return conversations
        assert time.monotonic() < end, (
            f"{kept} of {len(agent.answered)} answers; {Counter(e.verdict for e in conversations)}"
        )
        await asyncio.sleep(0.2)
