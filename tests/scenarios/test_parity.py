"""Two customers who ask the same, at a desk in memory that may treat them differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conversations.journal import switches
from conversations.records import Conversation, StoredFinding
from conversations.scenario import Stage
from conversations.visit import Persona
from probes.errors import SendUncertain
from scenarios.parity import parity
from tests.conversations.desk import START, Life, Town, begin, definition, life

WITH: Mapping[str, object] = {
    "subject": "Saturday",
    "opening": "Are you open on Saturday?\n\n{name}",
    "questions": [{"ask": "Are you open on Saturday?", "expect": ["until noon"]}],
    "patience": "1 day",
    "compare": {"mailbox": "ben"},
    "leeway": "0 seconds",
}
MINUTE = 60.0


@dataclass
class Queues:
    """Answers Anna and Ben after so many seconds; None for never."""

    anna: float | None
    ben: float | None
    says: str = "Yes, until noon."
    due: list[tuple[float, EmailMessage]] = field(default_factory=list)

    def __call__(self, town: Town, mail: EmailMessage) -> None:
        after = self.ben if "Ben" in mail["From"] else self.anna
        if after is not None and not str(mail["Subject"]).startswith("Re:"):
            self.due.append((town.clock.now() + after, mail))


async def played(
    folder: Path, queues: Queues, settings: Mapping[str, object] | None = None, **desk: Any
) -> tuple[Conversation, Conversation | None, Town]:
    town = Town(folder, answer=queues)
    async with life(town, parity) as here:
        what = definition({**WITH, **(settings or {})}, **desk)
        begun = await begin(here.journal, what, town.clock.now())
        await answered(here, queues)
        ended = await here.play(begun)
        others = await here.companions(begun)
    return ended, others[0] if others else None, town


async def answered(here: Life, queues: Queues) -> None:
    """Turn the clock from answer to answer."""
    await here.settle()
    for at, mail in sorted(queues.due, key=lambda due: due[0]):
        here.town.clock.time = at
        here.town.reply(mail, f"Hello\n\n{queues.says}\n\nRobin")
        await here.settle()


def found(ended: Conversation) -> StoredFinding:
    (one,) = (each for each in ended.findings if each.check == "parity")
    return one


async def test_both_ask_the_same_at_the_same_time_and_both_say_thanks(tmp_path: Path) -> None:
    ended, other, town = await played(tmp_path, Queues(10 * MINUTE, 10 * MINUTE))
    assert (ended.verdict, ended.reason) == ("passed", "")
    assert other is not None
    assert (other.verdict, other.visit, other.mailbox) == ("passed", "test/other", "ben")
    assert len(town.delivered) == 4
    assert {message.at for each in (ended, other) for message in each.messages[:1]} == {START}
    assert found(ended).value == {
        "clock": "business",
        "ratio": 1.0,
        "calendar_ratio": 1.0,
        "a_seconds": 600.0,
        "b_seconds": 600.0,
        "answered": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("anna", "ben", "settings", "result"),
    [
        (20, 10, {}, "ok"),
        (21, 10, {}, "problem"),
        (21, 10, {"leeway": "1 minute"}, "ok"),
        (5, 60, {}, "ok"),  # the visit's own side is the favoured one
        (9, 10, {"tolerance": 0.5}, "problem"),  # premium should be twice as fast, and is not
        (5, 10, {"tolerance": 0.5}, "ok"),
    ],
)
async def test_it_fails_when_its_own_side_waits_longer_than_is_tolerated(
    tmp_path: Path, anna: float, ben: float, settings: Mapping[str, object], result: str
) -> None:
    ended, _, _ = await played(tmp_path, Queues(anna * MINUTE, ben * MINUTE), settings)
    assert found(ended).result == result
    assert ended.verdict == ("passed" if result == "ok" else "failed")
    if result == "problem":
        told = f"not treated alike: first reply after {anna} min, on the other side after {ben} min (business time)"
        assert ended.reason == told


@pytest.mark.parametrize(("clock", "result"), [("business", "ok"), ("calendar", "problem")])
async def test_a_night_counts_on_the_calendar_only(tmp_path: Path, clock: str, result: str) -> None:
    queues = Queues(24 * 60 * MINUTE, 7.5 * 60 * MINUTE)  # 9:00 tomorrow against 16:30 today
    hours = {"timezone": "UTC", "open": ["mon-fri 09:00-17:00"]}
    settings = {"clock": clock, "patience": "2 business days"}
    ended, _, _ = await played(tmp_path, queues, settings, hours=hours)
    assert found(ended).result == result
    assert found(ended).value["calendar_ratio"] == 3.2
    assert found(ended).value["ratio"] == (1.067 if clock == "business" else 3.2)


@pytest.mark.parametrize(
    ("anna", "ben", "rule", "answered", "reason"),
    [
        (
            None,
            10,
            "parity.one_answered",
            ["b"],
            "no reply within 1 day; first reply never, on the other side after 10",
        ),
        (10, None, "parity.one_answered", ["a"], "the other side was not answered: no reply within 1 day"),
        (None, None, "parity.nobody_answered", [], "no reply within 1 day; first reply never, on the other side never"),
    ],
)
async def test_it_fails_when_a_side_is_not_answered(
    tmp_path: Path, anna: float | None, ben: float | None, rule: str, answered: list[str], reason: str
) -> None:
    queues = Queues(None if anna is None else anna * MINUTE, None if ben is None else ben * MINUTE)
    ended, _, _ = await played(tmp_path, queues)
    assert (found(ended).rule, found(ended).value["answered"]) == (rule, answered)
    assert found(ended).result == ("problem" if answered else "unknown"), "nobody answered: nobody was favoured"
    assert ended.verdict == "failed"
    assert (ended.reason or "").startswith(reason)


async def test_what_went_wrong_on_our_side_of_the_other_is_not_the_desks_fault(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Queues(None, None), trouble_after=[SendUncertain("the line was lost")])
    async with life(town, parity) as here:
        begun = await begin(here.journal, definition(WITH), town.clock.now())
        await here.settle()
        ended = await here.play(begun)
        (other,) = await here.companions(begun)
    assert "faulted" in {other.verdict, ended.verdict}
    assert ended.verdict == "faulted"


async def test_it_contacts_nobody_while_contact_is_paused(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Queues(10 * MINUTE, 10 * MINUTE))
    async with life(town, parity) as here:
        begun = await begin(here.journal, definition(WITH), town.clock.now())
        await here.journal.write(lambda c: switches.pause(c, town.clock.now()))
        ended = await here.play(begun)
    assert ended.verdict == "faulted"
    assert "new contact is paused" in str(ended.reason)
    assert town.delivered == []


async def test_the_same_answer_to_both_is_not_called_canned(tmp_path: Path) -> None:
    says = "Yes, we are open on Saturdays from nine in the morning until noon, but only for customers with a contract."
    ended, other, _ = await played(tmp_path, Queues(10 * MINUTE, 20 * MINUTE, says))
    assert other is not None
    found_canned = [each for side in (ended, other) for each in side.findings if each.check == "canned"]
    assert [each for each in found_canned if each.result == "problem"] == []


STAGE = Stage(channels=("support", "sales"), mailboxes=("anna", "ben"), persona=Persona(), hours=None)


@pytest.mark.parametrize(
    ("compare", "told"),
    [
        ({"channel": "sale"}, "no such channel; did you mean sales?"),
        ({"mailbox": "zoe"}, "no such mailbox; there are: anna, ben"),
        ({}, "should have at least one of channel, mailbox and persona"),
        ({"chanel": "sales"}, "Extra inputs are not permitted"),
    ],
)
def test_whom_it_is_compared_with_must_be_there(compare: object, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parity.parameters({**WITH, "compare": compare}, STAGE)
    assert told in str(refused.value)
