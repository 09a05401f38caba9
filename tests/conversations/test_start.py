"""What keeps a conversation from being started."""

import random
from pathlib import Path
from typing import Any

import pytest

from conversations.definition import Definition
from conversations.journal import Journal, lifecycle, messages, switches, visits
from conversations.records import Verdict
from conversations.reference import references_in
from conversations.start import DAY, NotStarted, Started, start
from conversations.visit import Limits
from tests.conversations.desk import MAILBOX, START, definition


@pytest.fixture
async def journal(tmp_path: Path) -> Any:
    async with Journal.at(tmp_path / "journal.sqlite") as opened:
        yield opened


async def starting(
    journal: Journal, due_at: float = START, what: Definition | None = None, **options: Any
) -> Started | NotStarted:
    options = {"now": due_at, "rng": random.Random(), "open_allowed": None, **options}
    return await start(journal, what or definition(), due_at=due_at, location="here", **options)


def limited(visit: str = "test", **limits: int) -> Definition:
    return definition(visit=visit).model_copy(update={"limits": Limits.model_validate(limits)})


async def finish(journal: Journal, conversation_id: str) -> None:
    def operation(connection: Any) -> None:
        held = lifecycle.claim(connection, conversation_id, "w", START, START + 60)
        assert held is not None
        lifecycle.finish(connection, held, "w", Verdict.PASSED, "", START, ())

    await journal.write(operation)


async def test_a_started_conversation_is_due_at_once_and_carries_its_definition(journal: Journal) -> None:
    started = await starting(journal)
    assert isinstance(started, Started)
    held = await journal.read(lambda c: lifecycle.load(c, started))
    assert held is not None
    assert Definition.model_validate_json(held.definition) == definition()
    assert references_in(held.reference) == [held.reference.lower()]
    assert await journal.read(lambda c: lifecycle.due(c, START, 10)) == [started]


async def test_one_that_is_started_for_an_owner_is_nobody_elses(journal: Journal) -> None:
    started = await starting(journal, owner="once:1", lease_until=START + 60)
    assert isinstance(started, Started)
    assert await journal.read(lambda c: lifecycle.due(c, START + 59, 10)) == []
    assert await journal.write(lambda c: lifecycle.claim(c, started, "run:1", START, START + 60)) is None
    assert await journal.write(lambda c: lifecycle.claim(c, started, "once:1", START, START + 60)) is not None


async def test_no_second_one_while_the_first_is_open_and_its_slot_is_done_with(journal: Journal) -> None:
    first = await starting(journal, open_allowed=1)
    assert isinstance(first, Started)
    assert await starting(journal, START + 60, open_allowed=1) == NotStarted("open")
    assert (await journal.read(visits.states))["test"]["last_due"] == START + 60
    await finish(journal, first)
    assert isinstance(await starting(journal, START + 120, open_allowed=1), Started)


async def test_so_many_may_be_open_as_overlap_allows(journal: Journal) -> None:
    found = [await starting(journal, START + number, open_allowed=3) for number in range(4)]
    assert [isinstance(each, Started) for each in found] == [True, True, True, False]


async def test_another_visit_does_not_count_as_open(journal: Journal) -> None:
    await starting(journal, open_allowed=1)
    assert isinstance(await starting(journal, what=definition(visit="other"), open_allowed=1), Started)


async def test_a_desk_is_contacted_so_often_in_24_hours_by_all_visits_together(journal: Journal) -> None:
    found = [await starting(journal, START + n, limited(f"v{n}", desk_per_day=3)) for n in range(4)]
    assert found[3] == NotStarted("desk_per_day")
    assert all(isinstance(each, Started) for each in found[:3])
    just_before = await starting(journal, START + DAY, limited("later", desk_per_day=3))
    assert just_before == NotStarted("desk_per_day")
    assert isinstance(await starting(journal, START + DAY + 1, limited("later", desk_per_day=3)), Started)


async def test_a_mailbox_sends_so_much_in_24_hours(journal: Journal) -> None:
    started = await starting(journal)

    def sent(number: int) -> dict[str, object]:
        return {
            "mailbox": MAILBOX,
            "fingerprint": f"f{number}",
            "subject": "s",
            "sender": "a",
            "recipient": "b",
            "text": "t",
            "at": START + number,
        }

    for number in range(2):
        await journal.write(lambda c, n=number: messages.record_sent(c, str(started), sent(n)))  # type: ignore[misc]
    assert await starting(journal, START + 5, limited(mailbox_per_day=2)) == NotStarted("mailbox_per_day")
    assert isinstance(await starting(journal, START + 6, limited(mailbox_per_day=3)), Started)
    elsewhere = limited("v", mailbox_per_day=2).model_copy(update={"mailbox": "ben"})
    assert isinstance(await starting(journal, START + 7, elsewhere), Started)


async def test_while_paused_nobody_new_is_contacted_and_what_is_open_goes_on(journal: Journal) -> None:
    first = await starting(journal)
    await journal.write(lambda c: switches.pause(c, START))
    assert await starting(journal, START + 60) == NotStarted("paused")
    assert await journal.read(lambda c: lifecycle.due(c, START, 10)) == [first]
    await journal.write(switches.resume)
    assert await starting(journal, START + 60) != NotStarted("paused")


async def test_what_was_not_started_by_hand_leaves_the_timetable_alone(journal: Journal) -> None:
    await journal.write(lambda c: switches.pause(c, START))
    await starting(journal, scheduled=False)
    assert await journal.read(visits.states) == {}


async def test_a_reference_that_is_taken_is_drawn_again(journal: Journal) -> None:
    one = await starting(journal, rng=random.Random(3))
    two = await starting(journal, START + 1, rng=random.Random(3))
    references = set()
    for started in (one, two):
        held = await journal.read(lambda c, s=started: lifecycle.load(c, str(s)))  # type: ignore[misc]
        assert held is not None
        references.add(held.reference)
    assert len(references) == 2
