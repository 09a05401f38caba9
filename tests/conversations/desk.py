"""A desk, a mailbox and a clock in memory, with the real journal, intake and engine between them.

Everything that a killed process would lose hangs on `Life`; what outlives it (the journal's file, the desk, the mailbox,
the time) hangs on `Town`.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from conversations.definition import Definition, Sender
from conversations.dispatch.local import LocalDispatch
from conversations.engine import Engine
from conversations.intake import Intake
from conversations.journal import Journal, lifecycle
from conversations.records import Conversation
from conversations.scenario import Scenario, load_scenario
from conversations.start import Started, start
from conversations.visit import Desk, Limits, Persona
from probes.contact import PointOfNoReturn
from probes.errors import ProbeError
from probes.form.browser import Submitted
from probes.form.channel import FormChannel
from probes.mail.arrivals import Arrival, Position
from probes.mail.smtp import Accepted
from scenarios import BUILT_IN

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC).timestamp()  # a Monday
MAILBOX = "anna"
BEN = "ben@inbox.example"


class Clock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time

    def turn(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Town:
    """What is not ours, and what is on disk."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    delivered: list[EmailMessage] = field(default_factory=list)  # mail that the desk has taken in
    forms: list[Mapping[str, str]] = field(default_factory=list)
    mailbox: list[Arrival] = field(default_factory=list)  # mail in our mailbox
    second_mailbox: list[Arrival] = field(default_factory=list)  # mail in ben's, from which companions may write
    answer: Callable[["Town", EmailMessage], None] = lambda town, mail: None
    page: str = ""  # what stands on the page of the contact form
    trouble: list[ProbeError] = field(default_factory=list)  # raised by the next sends, before the point of no return
    trouble_after: list[ProbeError] = field(default_factory=list)  # raised after it

    @property
    def received(self) -> int:
        """Mails in all our mailboxes."""
        return len(self.mailbox) + len(self.second_mailbox)

    def receive(self, mail: EmailMessage, folder: str = "INBOX") -> None:
        """Somebody sends us a mail."""
        mailbox = self.second_mailbox if BEN in str(mail["To"]) else self.mailbox
        self.receive_raw(mail.as_bytes(policy=default.clone(linesep="\r\n")), folder, mailbox)

    def receive_raw(self, raw: bytes, folder: str = "INBOX", mailbox: list[Arrival] | None = None) -> None:
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        mailbox = self.mailbox if mailbox is None else mailbox
        mailbox.append(Arrival(folder, 7, len(mailbox) + 1, raw, len(raw), now.replace(microsecond=0), now))

    def reply(self, to: EmailMessage, text: str, **headers: str) -> None:
        """The desk answers a mail of ours, in its thread."""
        mail = EmailMessage()
        mail["From"] = "Robin Agent <support@desk.example>"
        mail["To"] = to["From"]
        mail["Subject"] = headers.pop("Subject", f"Re: {str(to['Subject']).removeprefix('Re: ')}")
        mail["Message-ID"] = f"<{len(self.mailbox)}.{len(self.delivered)}@desk.example>"
        mail["In-Reply-To"] = to["Message-ID"]
        mail["Date"] = datetime.fromtimestamp(self.clock.now(), UTC)
        for name, value in headers.items():
            del mail[name]
            mail[name] = value
        mail.set_content(text)
        self.receive(mail)

    def acknowledge(self, to: EmailMessage) -> None:
        self.reply(to, "We have received your request and will answer soon.", **{"Auto-Submitted": "auto-replied"})


class World:
    """conversations.world.World, in memory."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.town.clock.now(), UTC)

    async def mailbox_ready(self, mailbox: str) -> None:
        return None

    async def mailbox_read(self, mailbox: str) -> None:
        return None

    async def send_mail(
        self, mailbox: str, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        if self.town.trouble:
            raise self.town.trouble.pop(0)
        await point_of_no_return()
        if self.town.trouble_after:
            raise self.town.trouble_after.pop(0)
        received = message_from_bytes(mail, policy=default)
        assert isinstance(received, EmailMessage)
        self.town.delivered.append(received)
        self.town.answer(self.town, received)
        return Accepted(self.now(), "2.0.0 ok", None, {})

    async def submit_form(
        self, channel: FormChannel, values: Mapping[str, str], *, evidence: Path, point_of_no_return: PointOfNoReturn
    ) -> Submitted:
        if self.town.trouble:
            raise self.town.trouble.pop(0)
        await point_of_no_return()
        if self.town.trouble_after:
            raise self.town.trouble_after.pop(0)
        self.town.forms.append(dict(values))
        return Submitted(self.now(), {"load": 0.1, "submit": 0.2}, self.town.page, "Thank you", channel.form, None)

    def evidence_folder(self, conversation_id: str) -> Path:
        folder = self.town.folder / "evidence" / conversation_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass
class Life:
    """One life of the process."""

    town: Town
    journal: Journal
    engine: Engine
    dispatch: LocalDispatch
    intake: Intake
    second_intake: Intake

    async def poll(self) -> None:
        """Take in what lies in the mailboxes and has not been read."""
        for intake, mailbox in ((self.intake, self.town.mailbox), (self.second_intake, self.town.second_mailbox)):
            for folder in ("INBOX", "Junk"):
                position = await intake.position(folder) or Position(7, 1)
                news = [a for a in mailbox if a.folder == folder and a.uid >= position.next_uid]
                if news:
                    await intake.keep(folder, news, Position(7, news[-1].uid + 1))

    async def settle(self) -> None:
        """Go on until nothing happens any more at this moment."""
        while True:
            await self.dispatch.drain()
            before = self.town.received
            await self.poll()
            await self.dispatch.drain()
            if self.town.received == before:
                return

    async def play(self, conversation_id: str, *, for_seconds: float = 40 * 86_400.0) -> Conversation:
        """Turn the clock from wake to wake until the conversation has ended."""
        end = self.town.clock.now() + for_seconds
        while True:
            await self.settle()
            conversation = await self.load(conversation_id)
            if conversation.verdict is not None or self.town.clock.now() >= end:
                return conversation
            wake = await self.journal.read(lifecycle.next_wake)
            assert wake is not None, "an open conversation must have somebody to wake it"
            self.town.clock.time = max(self.town.clock.time, wake)

    async def companions(self, conversation_id: str) -> list[Conversation]:
        """The companions of a conversation."""
        ids = await self.journal.read(lambda c: lifecycle.family(c, conversation_id))
        return [await self.load(each) for each in ids[1:]]

    async def load(self, conversation_id: str) -> Conversation:
        conversation = await self.journal.read(lambda c: lifecycle.load(c, conversation_id))
        assert conversation is not None
        return conversation


@contextlib.asynccontextmanager
async def life(town: Town, scenario: Scenario, owner: str = "test:1") -> AsyncIterator[Life]:
    """Start the process. Its scenario goes by the name `test`; companions may play the built-in ones."""

    def find_scenario(reference: str) -> Scenario:
        return scenario if reference == "test" else load_scenario(reference, Path("/"), BUILT_IN)

    async with Journal.at(town.folder / "journal.sqlite") as journal:
        engine = Engine(journal, World(town), town.clock, owner, find_scenario)
        dispatch = LocalDispatch(journal, engine.advance, town.clock)
        intakes = (
            Intake(journal, mailbox, address, town.clock, town.folder / "evidence", dispatch.nudge)
            for mailbox, address in ((MAILBOX, "anna@inbox.example"), ("ben", BEN))
        )
        try:
            yield Life(town, journal, engine, dispatch, *intakes)
        finally:
            await dispatch.stop()


def definition(
    parameters: Mapping[str, object] | None = None, *, channel: str = "support", visit: str = "test", **desk: object
) -> Definition:
    """A visit at a desk with an e-mail channel and a form."""
    channels = {
        "support": {"email": "support@desk.example"},
        "form": {
            "form": "http://127.0.0.1:1/contact",
            "fields": {"Message": "{body}", "Subject": "{subject}"},
            "submit": "Send",
        },
    }
    full = Desk.model_validate({"name": "The Desk", "channels": channels, **desk})
    return Definition(
        visit=visit,
        desk_name="desk",
        desk=full,
        channel_name=channel,
        channel=full.channels[channel],
        mailbox=MAILBOX,
        address="anna@inbox.example",
        plus=None,
        persona=Persona(name="Anna Keller"),
        scenario="test",
        parameters=dict(parameters or {}),
        limits=Limits(),
        senders={"ben": Sender(address=BEN, plus=None, name="Ben Aldous")},
    )


async def begin(journal: Journal, what: Definition, now: float, seed: int = 1) -> str:
    """Start a conversation."""
    started = await start(
        journal, what, due_at=now, now=now, location="test", rng=random.Random(seed), open_allowed=None
    )
    assert isinstance(started, Started), started
    return str(started)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that other tasks bring about."""
    try:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None
