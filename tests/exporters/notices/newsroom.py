"""A journal in which things happen, and a notifier that tells of them; the clock is turned by hand."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.journal import lifecycle
from conversations.records import Verdict
from conversations.scenario import scenario
from exporters.notices.notifier import DOWN_FOR, MailboxState, Notifier, Surroundings
from exporters.notices.settings import Place
from tests.conversations.desk import MAILBOX, START, Life, Town, World, begin, definition, life
from tests.conversations.journal.aggregated import everything

PROMISED: dict[str, Any] = {"promises": {"first_reply": "1 hour"}}


@scenario("Wait for one answer of a person")
async def one_question(customer: Customer) -> None:
    await customer.write("Is anybody there?")
    await customer.reply(within=Duration.parse("1 day"))


@dataclass
class Newsroom:
    """What the notifier sees besides the journal: the tests change it."""

    here: Life
    places: Mapping[str, Place]
    quiet: set[str] = field(default_factory=set)
    mailboxes: dict[str, MailboxState] = field(default_factory=lambda: {MAILBOX: MailboxState(True, START, "")})

    def __post_init__(self) -> None:
        async def quiet() -> frozenset[str]:
            return frozenset(self.quiet)

        around = Surroundings(
            location="zurich",
            desks={"desk": "The Desk"},
            desks_of={MAILBOX: frozenset({"desk"})},
            addresses={MAILBOX: "anna@inbox.example"},
            mailboxes=lambda: self.mailboxes,
            quiet=quiet,
        )
        clock, world = self.here.town.clock, World(self.here.town)
        self.notifier = Notifier(self.here.journal, world, clock, random.Random(1), self.places, around)

    async def round(self) -> None:
        """What the service does every few seconds."""
        await self.notifier.look()
        await self.notifier.deliver()

    async def ended(self, verdict: str, reason: str = "because", visit: str = "test") -> str:
        """A conversation has just ended so."""
        journal, clock = self.here.journal, self.here.town.clock
        clock.turn(60)
        which = await begin(journal, definition(visit=visit), clock.now(), seed=int(clock.now()))
        held = await journal.write(lambda c: lifecycle.claim(c, which, "test:1", clock.now(), clock.now() + 60))
        assert held is not None
        end = Verdict(verdict)
        await journal.write(lambda c: lifecycle.finish(c, held, "test:1", end, reason, clock.now(), ()))
        return which

    async def asked(self) -> str:
        """A customer has asked, was promised an answer within an hour, and waits."""
        which = await begin(self.here.journal, definition(**PROMISED), self.here.town.clock.now())
        await self.here.settle()
        return which

    def mailbox_down(self, reason: str = "the login was refused") -> None:
        """For so long that people should know."""
        self.mailboxes[MAILBOX] = MailboxState(False, self.here.town.clock.now() - DOWN_FOR, reason)

    async def counted(self) -> dict[str, float]:
        found = await self.here.journal.read(everything)
        return {labels["result"]: value for labels, value in found.get("notifications_total", ())}


def place(**settings: Any) -> Place:
    """As it stands in a config."""
    return Place.model_validate(settings)


@asynccontextmanager
async def newsroom(folder: Path, *, town: Town | None = None, **places: Place) -> AsyncIterator[Newsroom]:
    """One life of the process."""
    async with life(town or Town(folder), one_question) as here:
        yield Newsroom(here, places)
