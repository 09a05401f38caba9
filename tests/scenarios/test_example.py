"""The example of docs/scenarios.md, loaded by its path as a user's own scenario is."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations.records import Conversation, Verdict
from mysterybot.app import find_scenario
from tests.conversations.desk import Town, begin, definition, life

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


async def played(town: Town) -> Conversation:
    scenario = find_scenario("are_you_open.py:are_you_open", EXAMPLES)
    visit = definition({"day": "Saturday", "patience": "4 hours"})
    async with life(town, scenario) as here:
        return await here.play(await begin(here.journal, visit, town.clock.now()))


async def test_the_example_passes_when_a_person_says_yes(town: Town) -> None:
    def answers(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            town.reply(mail, "Hello Anna,\n\nyes, until noon.\n\nRobin")

    town.answer = answers
    conversation = await played(town)
    assert conversation.verdict is Verdict.PASSED, conversation.reason
    assert [step.name for step in conversation.steps] == ["write", "reply", "find", "answer"]
    assert "Saturday" in town.delivered[0].get_content()
    found = [(found.check, found.result, found.evidence) for found in conversation.findings]
    assert ("clear_answer", "ok", "yes") in found


async def test_the_example_asks_again_in_the_same_thread_and_then_gives_up(town: Town) -> None:
    conversation = await played(town)
    assert (conversation.verdict, conversation.reason) == (Verdict.FAILED, "no reply within 4 hours")
    assert len(town.delivered) == 2
    assert town.delivered[1]["In-Reply-To"] == town.delivered[0]["Message-ID"]
    assert conversation.finished_at == conversation.started_at + 8 * 3600


async def test_the_example_fails_the_desk_for_an_answer_that_says_nothing(town: Town) -> None:
    def evades(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            town.reply(mail, "Hello Anna,\n\nwe are always glad to help our customers.\n\nRobin")

    town.answer = evades
    conversation = await played(town)
    assert conversation.verdict is Verdict.FAILED
    assert conversation.reason == "the answer does not say whether they are open"
    assert ("clear_answer", "problem") in [(found.check, found.result) for found in conversation.findings]
