"""A customer who writes when nobody is there, at a desk in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conversations.hours import BusinessHours
from conversations.journal import lifecycle
from conversations.records import Conversation, StoredFinding
from conversations.scenario import Stage
from conversations.visit import Persona
from scenarios.off_hours import off_hours
from tests.conversations.desk import Town, begin, definition, life

WITH: Mapping[str, Any] = {
    "subject": "Saturday",
    "opening": "Are you open on Saturday?\n\n{name}",
    "questions": [{"ask": "Are you open on Saturday?", "expect": ["until noon"]}],
    "patience": "4 days",
}
HOURS = {"timezone": "UTC", "open": ["mon-fri 09:00-17:00"]}
PROMISES = {"acknowledgement": "5 minutes", "first_reply": "4 hours"}
AUTOMATIC = {"Auto-Submitted": "auto-replied"}
NO_TIME = "We have received your request."
NOON = "Hello Anna,\n\nuntil noon.\n\nKind regards\nRobin"


def at(text: str) -> float:
    """A day and a time of the week that begins on Monday, 2 March 2026, UTC."""
    day, clock = text.split()
    number = 2 + ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day)
    return datetime.fromisoformat(f"2026-03-{number:02}T{clock}").replace(tzinfo=UTC).timestamp()


async def played(
    town: Town, begins: str, replies: str | None, acknowledgement: str | None = NO_TIME, **desk: Any
) -> Conversation:
    """Begin then, and have somebody reply then."""

    def answer(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1 and acknowledgement is not None:
            town.reply(mail, acknowledgement, Subject="We have received your request", **AUTOMATIC)

    town.answer = answer
    town.clock.time = at(begins)
    async with life(town, off_hours) as here:
        what = definition(WITH, **{"hours": HOURS, "promises": PROMISES, **desk})
        begun = await begin(here.journal, what, town.clock.now())
        await here.settle()
        if replies is not None:
            while (wake := await here.journal.read(lifecycle.next_wake) or at(replies)) < at(replies):
                town.clock.time = wake
                await here.settle()
            town.clock.time = at(replies)
            town.reply(town.delivered[0], NOON)
        return await here.play(begun)


def found(ended: Conversation, check: str) -> StoredFinding:
    (one,) = (each for each in ended.findings if each.check == check)
    return one


@pytest.mark.parametrize(
    ("replies", "result"),
    [("tue 12:59", "ok"), ("tue 13:01", "problem"), ("mon 21:00", "ok")],
    ids=["in time", "too late", "in the night"],
)
async def test_a_promise_of_four_hours_runs_while_the_desk_is_open(tmp_path: Path, replies: str, result: str) -> None:
    ended = await played(Town(tmp_path), "mon 20:00", replies)
    assert found(ended, "kept_in_hours").result == result
    assert ended.verdict == ("passed" if result == "ok" else "failed")
    assert "due Tue 03 Mar 13:00 UTC in business hours" in found(ended, "kept_in_hours").evidence
    assert ended.reason == ("" if result == "ok" else found(ended, "kept_in_hours").evidence)


@pytest.mark.parametrize("promises", [{"first_reply": "1 business day"}, {}], ids=["business days", "none"])
async def test_other_promises_count_as_they_are(tmp_path: Path, promises: Mapping[str, str]) -> None:
    ended = await played(Town(tmp_path), "fri 20:00", "sun 12:00", promises=promises)
    assert ended.verdict == "passed", ended.reason
    assert found(ended, "kept_in_hours").result == ("ok" if promises else "unknown")


@pytest.mark.parametrize(
    ("promised", "acknowledgement", "due"),
    [
        ("1 day", NO_TIME, "2026-03-10T09:00:00+00:00"),  # a day is a business day
        ("30 hours", NO_TIME, "2026-03-12T15:00:00+00:00"),
        (None, "We have received your request and answer within 4 hours.", "2026-03-09T13:00:00+00:00"),
        (None, "We have received your request and answer within 2 business days.", "2026-03-11T09:00:00+00:00"),
        ("4 hours", "We have received your request and answer within 10 hours.", "2026-03-09T13:00:00+00:00"),
        (None, NO_TIME, None),
    ],
)
async def test_when_an_answer_is_due_that_was_asked_for_on_friday_night(
    tmp_path: Path, promised: str | None, acknowledgement: str, due: str | None
) -> None:
    promises = {"first_reply": promised} if promised else {}
    ended = await played(Town(tmp_path), "fri 20:00", "sun 12:00", acknowledgement, promises=promises)
    assert found(ended, "kept_in_hours").value == {"business_seconds": 0.0, "due": due}


async def test_while_the_desk_is_open_the_customer_waits_until_it_closes(tmp_path: Path) -> None:
    town = Town(tmp_path)
    ended = await played(town, "mon 11:00", None)
    assert ended.steps[1].name == "pause"
    written = next(message.at for message in ended.messages if not message.inbound)
    assert written == at("mon 17:00")
    assert (ended.verdict, ended.reason) == ("failed", "no reply within 4 days")


@pytest.mark.parametrize(
    ("acknowledgement", "rule"),
    [
        ("We have received your request and answer within 4 hours.", "expectation.promise"),
        ("We have received your request. Our opening hours are Monday to Friday, 9 to 17.", "expectation.hours"),
        (NO_TIME, "expectation.none"),
        (None, "expectation.no_acknowledgement"),
    ],
)
async def test_what_the_customer_is_told_to_expect(tmp_path: Path, acknowledgement: str | None, rule: str) -> None:
    ended = await played(Town(tmp_path), "mon 20:00", "tue 09:30", acknowledgement)
    assert ended.verdict == "passed", "a finding, and no failure"
    assert found(ended, "expectation").rule == rule


async def test_who_is_answered_at_once_was_told_nothing_to_expect(tmp_path: Path) -> None:
    ended = await played(Town(tmp_path), "mon 20:00", "mon 20:01", None)
    assert ended.verdict == "passed", ended.reason
    assert not any(each.check == "expectation" for each in ended.findings)


@pytest.mark.parametrize("hours", [None, BusinessHours.always()])
def test_a_desk_without_hours_is_never_closed(hours: BusinessHours | None) -> None:
    stage = Stage(channels=("support",), mailboxes=("anna",), persona=Persona(), hours=hours)
    with pytest.raises(ValidationError, match="needs a desk with hours"):
        off_hours.parameters(WITH, stage)
