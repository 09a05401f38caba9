"""A complaint, at a desk in memory that may or may not be sorry."""

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conversations.records import Conversation, StoredFinding
from conversations.scenario import Stage
from conversations.visit import Persona
from scenarios.upset_customer import upset_customer
from tests.conversations.desk import Town, begin, definition, life

WITH: Mapping[str, Any] = {
    "subject": "Third time",
    "opening": "This is the third time that my parcel has not come. I am really angry. When will it come?\n\n{name}",
    "questions": [{"ask": "When will it come?", "expect": ["thursday"]}],
    "patience": "1 day",
}
UPSET = Persona(name="Anna Keller", mood="upset")
COOL = "Hello Anna,\n\nyour parcel will be delivered by our colleagues on Thursday.\n\nKind regards\nRobin"
SORRY = "Hello Anna,\n\nwe are very sorry for this. Your parcel will come on Thursday.\n\nKind regards\nRobin"


class Desk:
    """Says these things, one an answer."""

    def __init__(self, *says: str) -> None:
        self.says = list(says)

    def __call__(self, town: Town, mail: EmailMessage) -> None:
        if self.says:
            town.reply(mail, self.says.pop(0))


async def played(town: Town, **settings: str) -> tuple[Conversation, StoredFinding | None]:
    async with life(town, upset_customer) as here:
        what = definition({**WITH, **settings}).model_copy(update={"persona": UPSET})
        ended = await here.play(await begin(here.journal, what, town.clock.now()))
    return ended, next((each for each in ended.findings if each.check == "apologised"), None)


async def test_an_apology_is_found_with_its_words(tmp_path: Path) -> None:
    ended, found = await played(Town(tmp_path, answer=Desk(SORRY)))
    assert ended.verdict == "passed", ended.reason
    assert found is not None
    assert (found.result, found.value) == ("ok", 1)
    assert "we are very sorry" in found.evidence


async def test_that_nobody_is_sorry_is_a_finding_and_no_failure(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Desk(COOL))
    ended, found = await played(town)
    assert ended.verdict == "passed", ended.reason
    assert found is not None
    assert (found.result, found.rule) == ("problem", "apologised.never")
    assert len(town.delivered) == 2


async def test_a_customer_who_insists_may_get_it_in_the_second_reply(tmp_path: Path) -> None:
    town = Town(
        tmp_path, answer=Desk(COOL, "Hello Anna,\n\nwe apologise for all of this, and will do better.\n\nRobin")
    )
    ended, found = await played(town, insist="I had hoped that somebody would say sorry.")
    assert ended.verdict == "passed", ended.reason
    assert found is not None
    assert (found.result, found.value) == ("ok", 2)
    assert "say sorry" in town.delivered[1].get_content()


async def test_nobody_insists_who_has_heard_it(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Desk(SORRY))
    await played(town, insist="I had hoped that somebody would say sorry.")
    assert len(town.delivered) == 2


async def test_a_complaint_that_is_not_settled_fails(tmp_path: Path) -> None:
    ended, _ = await played(Town(tmp_path, answer=Desk()))
    assert (ended.verdict, ended.reason) == ("failed", "no reply within 1 day")


def test_only_who_is_upset_can_expect_an_apology() -> None:
    stage = Stage(channels=("support",), mailboxes=("anna",), persona=Persona(mood="happy"), hours=None)
    with pytest.raises(ValidationError, match="needs a persona with mood: upset"):
        upset_customer.parameters(WITH, stage)
