"""Journals to look at: conversations written down with the journal's own operations, at times that the test gives."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conversations.definition import Definition
from conversations.journal import Journal, lifecycle, messages, steps
from conversations.maintenance import Maintenance
from conversations.records import Status, Step, StoredFinding, Verdict
from conversations.visit import Desk, EmailChannel, Limits, Persona
from exporters.snapshot import Live, LiveDesk, LiveMailbox, LiveVisit
from replies.kind import Kind

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC).timestamp()
"""Ten o'clock in Zurich."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

ACME = Desk.model_validate(
    {
        "name": "Acme Hosting",
        "hours": {"timezone": "Europe/Zurich", "open": ["mon-fri 09:00-17:00"]},
        "promises": {"acknowledgement": "5m", "first_reply": "4 business hours", "resolution": "2 business days"},
        "channels": {"support": {"email": "support@acme.example"}},
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """Something written in a conversation, so many seconds after it began. Ours when `kind` is sent."""

    after: float
    kind: Kind
    text: str
    subject: str = "An invoice that I do not understand"
    folder: str = "INBOX"
    permanent: bool | None = None
    findings: Sequence[StoredFinding] = ()


def wrote(after: float, text: str, **more: Any) -> Said:
    """A message of ours."""
    return Said(after, Kind.SENT, text, **more)


def acknowledged(after: float, text: str = "We have received your request [ACME-4711].", **more: Any) -> Said:
    """An automatic answer."""
    return Said(after, Kind.ACKNOWLEDGEMENT, text, **more)


def replied(after: float, text: str, **more: Any) -> Said:
    """A person's reply."""
    return Said(after, Kind.HUMAN, text, **more)


def answered(done: int, of: int) -> StoredFinding:
    """What `ask_and_follow_up` finds about a reply."""
    result = "ok" if done == of else "problem"
    evidence = f"answered {done} of {of}" + ("" if done == of else "; still open: When is the refund paid?")
    return StoredFinding("questions_answered", result, "questions.expected_fact", evidence, [done, of])


@dataclass(slots=True)
class Stories:
    """Writes conversations into a journal."""

    journal: Journal
    desk: Desk = ACME
    told: int = 0
    ids: list[str] = field(default_factory=list)

    async def tell(
        self,
        *said: Said,
        at: float = MONDAY,
        visit: str = "refund",
        verdict: Verdict | None = Verdict.PASSED,
        reason: str = "",
        finished_after: float | None = None,
        findings: Sequence[StoredFinding] = (),
        evidence: Mapping[str, str] | None = None,
    ) -> str:
        """One conversation, ended unless `verdict` is None; its id."""
        self.told += 1
        new = _start(visit, at, self.told, self.desk)
        await self.journal.write(lambda c: lifecycle.start(c, new, at, owner="test", lease_until=at + 60))
        for number, each in enumerate(said):
            await self._say(new, number, each, at)
        for found in findings:
            await self.journal.write(steps.add_finding(new.id, found))
        for kind, path in (evidence or {}).items():
            await self.journal.write(steps.add_evidence(new.id, kind, path, at))
        if verdict is not None:
            held = await self.journal.read(lambda c: lifecycle.load(c, new.id))
            assert held is not None
            end = at + (finished_after if finished_after is not None else max([s.after for s in said], default=0.0) + 1)
            await self.journal.write(lambda c: lifecycle.finish(c, held, "test", verdict, reason, end, ()))
        self.ids.append(new.id)
        return new.id

    async def stray(self, sender: str, subject: str, text: str, at: float = MONDAY) -> None:
        """A mail that belongs to no conversation."""
        self.told += 1
        values = _columns(Said(0, Kind.OTHER, text, subject), f"stray-{self.told}", at, sender)
        await self.journal.write(lambda c: messages.store(c, messages.Received("anna", None, values, (), (), None), at))

    async def _say(self, new: lifecycle.Start, number: int, said: Said, began: float) -> None:
        at, fingerprint = began + said.after, f"{new.id}-{number}"
        ours = said.kind is Kind.SENT
        name = ("answer" if number else "write") if ours else _WAITS.get(said.kind, "reply")
        step = Step(number, name, "digest", Status.DONE, at, at)
        await self.journal.write(steps.save(new.id, step))
        values = _columns(said, fingerprint, at, "support@acme.example")
        if ours:
            sent = {**values, "mailbox": "anna", "sender": "anna@example.net", "recipient": "support@acme.example"}
            for inbound_only in ("kind", "permanent", "folder", "uid", "uidvalidity", "detected_at"):
                del sent[inbound_only]
            await self.journal.write(lambda c: messages.record_sent(c, new.id, sent))
        else:
            received = messages.Received("anna", new.id, values, (), said.findings, None)
            await self.journal.write(lambda c: messages.store(c, received, at))


_WAITS = {Kind.ACKNOWLEDGEMENT: "acknowledgement"}


def _start(visit: str, at: float, number: int, desk: Desk) -> lifecycle.Start:
    definition = Definition(
        visit=visit,
        desk_name="acme",
        desk=desk,
        channel_name="support",
        channel=EmailChannel(email="support@acme.example"),
        mailbox="anna",
        address="anna@example.net",
        plus="+",
        persona=Persona(name="Anna Keller"),
        scenario="ask_and_follow_up",
        parameters={},
        limits=Limits(),
    )
    return lifecycle.Start(
        id=f"c{number:04}",
        visit=visit,
        due_at=at,
        desk="acme",
        channel="support",
        mailbox="anna",
        location="zurich",
        reference=f"RX{482000 + number}",
        definition=definition.model_dump_json(),
    )


def _columns(said: Said, fingerprint: str, at: float, sender: str) -> dict[str, Any]:
    return {
        "kind": said.kind,
        "fingerprint": fingerprint,
        "message_id": f"<{fingerprint}@example.net>",
        "subject": said.subject,
        "sender": sender,
        "recipient": "anna@example.net",
        "text": said.text,
        "at": at,
        "detected_at": at + 0.2,
        "folder": said.folder,
        "uidvalidity": 1,
        "uid": None,
        "permanent": said.permanent,
    }


@asynccontextmanager
async def stories(path: Path) -> AsyncIterator[Stories]:
    """An open journal in this file, and a pen."""
    async with Journal.at(path) as journal:
        yield Stories(journal)


def live(**changes: Any) -> Live:
    """A program that runs two visits at one desk."""
    promises = {"acknowledgement": 300.0, "first_reply": 14_400.0}
    values: dict[str, Any] = {
        "location": "zurich",
        "version": "0.1.0",
        "visits": (
            LiveVisit("refund", "acme", "support", 7200.0, promises, form=False),
            LiveVisit("order", "acme", "contact", None, {}, form=True),
        ),
        "mailboxes": (LiveMailbox("anna", True, 0.25), LiveMailbox("ben", False, None)),
        "targets": ({"desk": "acme", "channel": "contact", "probe": "page"}, {"mailbox": "anna", "probe": "imap"}),
        "timetable_lag": 0.5,
        "next_looks": {"refund": MONDAY + 7200},
        "paused": False,
        "config_loaded": True,
        "config_loaded_at": MONDAY,
        "places": ("oncall",),
        "desks": (
            LiveDesk("acme", "Acme Hosting", open=True),
            LiveDesk("quiet", "Quiet & Sons", open=False, maintenance=Maintenance(MONDAY + HOUR, "they move house")),
        ),
    }
    return Live(**(values | changes))


async def everyday(pen: Stories) -> None:
    """A week as desks have it: prompt, slow, silent, unreachable, and one of our own faults."""
    await pen.tell(
        wrote(0, "Dear team, why is invoice 4711 higher than last month, and when is the refund paid?"),
        acknowledged(12),
        replied(42 * MINUTE, "The price went up in November.", findings=[answered(1, 2)]),
        wrote(43 * MINUTE, "Thank you. When is the refund paid?"),
        replied(3 * HOUR, "It is paid on 30 November. Kind regards, Mia", findings=[answered(2, 2)]),
        wrote(3 * HOUR + MINUTE, "Thank you, that answers my question."),
    )
    await pen.tell(
        wrote(0, "When is the refund paid?"),
        replied(2 * DAY, "On 30 November.", folder="Junk", findings=[answered(1, 1)]),
        at=MONDAY + 2 * HOUR,
    )
    await pen.tell(
        wrote(0, "When is the refund paid?"),
        acknowledged(20),
        at=MONDAY + DAY,
        verdict=Verdict.FAILED,
        reason="no reply within 2 days",
        finished_after=2 * DAY,
    )
    await pen.tell(at=MONDAY + DAY, visit="order", verdict=Verdict.FAILED, reason="the address was refused: 550 5.1.1")
    await pen.tell(at=MONDAY + 2 * DAY, verdict=Verdict.FAULTED, reason="the mailbox anna does not let us in")
    await pen.tell(wrote(0, "When is the refund paid?"), acknowledged(8), at=MONDAY + 3 * DAY, verdict=None)
    await pen.stray("news@shop.example", "Our offers of the week", "Everything must go.")
