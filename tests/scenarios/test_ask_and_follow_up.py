"""The everyday scenario at a desk in memory."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conversations.records import Conversation
from scenarios.ask_and_follow_up import ask_and_follow_up
from scenarios.questions import MOST_FOLLOW_UPS
from tests.conversations.desk import Town, begin, definition, life

READY = {"ask": "When will it be ready?", "expect": ["thursday", r"\d+:00"], "follow_up": "Please tell me when."}
PRICE = {"ask": "How much is it?", "expect": ["EUR"]}
WITH: dict[str, object] = {
    "subject": "Order {order}",
    "opening": "Hello\n\nMy order is {order}, reference {reference}. When will it be ready? How much is it?\n\n{name}",
    "questions": [READY, PRICE],
    "facts": {"order": 20417},
}


async def played(town: Town, settings: dict[str, object] | None = None, **desk: Any) -> Conversation:
    async with life(town, ask_and_follow_up) as here:
        what = definition({**WITH, **(settings or {})}, **desk)
        return await here.play(await begin(here.journal, what, town.clock.now()))


class Agent:
    """Says these things, one an answer, an hour after each mail; then nothing more."""

    def __init__(self, *says: str, acknowledges: bool = True) -> None:
        self.says, self.acknowledges = list(says), acknowledges

    def __call__(self, town: Town, mail: EmailMessage) -> None:
        if self.acknowledges and len(town.delivered) == 1:
            town.acknowledge(mail)
        if self.says:
            town.reply(mail, f"Hello Anna,\n\n{self.says.pop(0)}\n\nKind regards\nRobin")


def bodies(town: Town) -> list[str]:
    return [mail.get_content().replace("\r\n", "\n").strip() for mail in town.delivered]


def findings(ended: Conversation) -> list[tuple[str, Any]]:
    return [(each.result, each.value) for each in ended.findings if each.check == "questions_answered"]


async def test_a_full_answer_is_thanked_for_once_and_passes(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("It will be ready on Thursday and is EUR 12."))
    ended = await played(town)
    assert (ended.verdict, ended.reason) == ("passed", "")
    assert [step.name for step in ended.steps] == ["write", "acknowledgement", "reply", "find", "answer"]
    opening, thanks = bodies(town)
    assert opening.startswith(f"Hello\n\nMy order is 20417, reference {ended.reference}. When")
    assert town.delivered[0]["Subject"] == f"Order 20417 ({ended.reference})"
    assert thanks == "Thank you, that answers my question.\n\nKind regards\nAnna Keller"
    assert findings(ended) == [("ok", [2, 2])]


async def test_only_what_is_missing_is_asked_again_in_its_own_words(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("It is EUR 12.", "At 14:00."))
    ended = await played(town)
    assert ended.verdict == "passed", ended.reason
    assert bodies(town)[1] == "Please tell me when."
    assert len(town.delivered) == 3
    assert findings(ended) == [("problem", [1, 2]), ("ok", [2, 2])]


async def test_a_question_without_words_of_its_own_is_asked_again_as_it_was(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("On Thursday.", "EUR 12."))
    await played(town)
    assert "\n\nHow much is it?\n\nKind regards\nAnna Keller" in bodies(town)[1]


async def test_all_that_is_missing_stands_in_one_follow_up(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("I will look into it.", "On Thursday, EUR 12."))
    assert (await played(town)).verdict == "passed"
    assert "Please tell me when." in bodies(town)[1]
    assert "How much is it?" in bodies(town)[1]


async def test_our_own_words_in_a_quotation_answer_nothing(tmp_path: Path) -> None:
    quoted = "I will look into it.\n\nOn Monday Anna Keller wrote:\n> Is it on Thursday, at 14:00, for EUR 12?"
    town = Town(tmp_path, answer=lambda town, mail: town.reply(mail, quoted) if len(town.delivered) == 1 else None)
    opening = "Is it ready on Thursday, at 14:00, for EUR 12? My order is {order}. {reference}"
    ended = await played(town, {"opening": opening})
    assert findings(ended)[0] == ("problem", [0, 2])
    assert ended.verdict == "failed"


async def test_it_gives_up_after_three_follow_ups(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent(*["I will ask a colleague about this."] * 9))
    ended = await played(town)
    assert (ended.verdict, ended.reason) == ("failed", "2 of 2 questions unanswered after 4 replies")
    assert len(town.delivered) == 1 + MOST_FOLLOW_UPS == 4, "and no thanks"
    assert findings(ended) == [("problem", [0, 2])] * 4


HOLDING = "I am looking into this and will write to you again in a moment."


async def test_who_announces_an_answer_is_waited_for_and_not_asked_again(tmp_path: Path) -> None:
    def in_two_mails(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            town.reply(mail, f"Hello Anna,\n\n{HOLDING}\n\nRobin")
            town.reply(
                mail,
                "Hello Anna,\n\nit will be ready on Thursday and is EUR 12.\n\nRobin",
                **{"Message-ID": "<2@desk>"},
            )

    def one_by_one(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            town.reply(mail, f"Hello Anna,\n\n{HOLDING}\n\nRobin")

    town = Town(tmp_path / "later", answer=one_by_one)
    town.folder.mkdir()
    async with life(town, ask_and_follow_up) as here:
        begun = await begin(here.journal, definition(WITH), town.clock.now())
        await here.settle()
        town.clock.turn(3600)
        town.reply(town.delivered[0], "It will be ready on Thursday and is EUR 12.", **{"Message-ID": "<2@desk>"})
        ended = await here.play(begun)
    assert (ended.verdict, len(town.delivered)) == ("passed", 2), "the question and the thanks"
    assert findings(ended) == [("problem", [0, 2]), ("ok", [2, 2])]
    town = Town(tmp_path, answer=in_two_mails)
    ended = await played(town)
    assert (ended.verdict, len(town.delivered)) == ("passed", 2)


async def test_who_announces_an_answer_and_sends_none_is_asked_again(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent(HOLDING, "On Thursday, EUR 12."))
    ended = await played(town)
    assert ended.verdict == "passed", ended.reason
    assert len(town.delivered) == 3
    assert [step.outcome.get("error") for step in ended.steps if step.name == "reply"] == [None, "NoReply", None]


async def test_an_expression_that_takes_too_long_is_our_fault_and_not_the_desks(tmp_path: Path) -> None:
    slow = {"ask": "When will it be ready?", "expect": [r"(x+x+)+[yz]"]}
    town = Town(tmp_path, answer=Agent(*["x" * 5_000] * 4))
    ended = await played(town, {"questions": [slow]})
    assert ended.verdict == "faulted"
    assert (ended.reason or "").startswith("1 of 1 questions unanswered after 4 replies, or answered: the expressions")
    assert findings(ended) == [("unknown", [0, 1])] * 4


async def test_what_was_answered_in_an_earlier_reply_stays_answered(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("It is EUR 12.", "Let me see.", "On Thursday."))
    ended = await played(town)
    assert ended.verdict == "passed"
    assert findings(ended) == [("problem", [1, 2]), ("problem", [1, 2]), ("ok", [2, 2])]


@pytest.mark.parametrize(
    ("settings", "desk", "told"),
    [
        ({}, {}, "no reply within 1 day"),
        ({}, {"promises": {"first_reply": "10 hours"}}, "no reply within 40 hours"),
        ({}, {"promises": {"first_reply": "1 hour"}}, "no reply within 1 day"),
        ({"patience": "2 hours"}, {"promises": {"first_reply": "10 hours"}}, "no reply within 2 hours"),
    ],
)
async def test_nobody_answers_and_patience_ends(
    tmp_path: Path, settings: dict[str, object], desk: dict[str, Any], told: str
) -> None:
    town = Town(tmp_path, answer=Agent())
    ended = await played(town, settings, **desk)
    assert (ended.verdict, ended.reason) == ("failed", told)
    assert len(town.delivered) == 1


async def test_patience_is_four_times_a_promise_in_business_time(tmp_path: Path) -> None:
    hours = {"timezone": "UTC", "open": ["mon-fri 09:00-17:00"]}
    ended = await played(Town(tmp_path), hours=hours, promises={"first_reply": "1 business day"})
    assert ended.reason == "no reply within 4 business days"
    assert ended.finished_at is not None
    assert ended.finished_at - ended.started_at == 4 * 86_400, "from Monday to Friday"


async def test_nobody_answers_the_follow_up_and_patience_ends_from_there(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("I will see."))
    ended = await played(town)
    assert (ended.verdict, ended.reason) == ("failed", "no reply within 1 day")
    assert len(town.delivered) == 2


async def test_a_desk_that_never_acknowledges_may_pass_all_the_same(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("On Thursday, EUR 12.", acknowledges=False))
    ended = await played(town, promises={"acknowledgement": "5 minutes"})
    assert ended.verdict == "passed"
    assert ended.steps[1].outcome == {"messages": []}


async def test_a_reply_after_the_thanks_is_kept_and_changes_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("On Thursday, EUR 12.", "You are welcome."))
    async with life(town, ask_and_follow_up) as here:
        conversation_id = await begin(here.journal, definition(WITH), town.clock.now())
        ended = await here.play(conversation_id)
        await here.settle()
        assert len((await here.load(conversation_id)).messages) == len(town.delivered) + len(town.mailbox)
    assert ended.verdict == "passed"
    assert len(town.delivered) == 2


async def test_the_last_word_discloses_the_test_when_the_desk_is_to_know(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=Agent("On Thursday, EUR 12."))
    await played(town, disclosure="closing")
    assert "test of your customer support" not in bodies(town)[0]
    assert "test of your customer support" in bodies(town)[1]


@pytest.mark.parametrize("where", ["opening", "subject"])
async def test_an_unknown_placeholder_is_our_fault_and_nothing_is_sent(tmp_path: Path, where: str) -> None:
    town = Town(tmp_path)
    ended = await played(town, {where: "My {oder}"})
    assert ended.verdict == "faulted"
    assert ended.reason is not None
    assert ended.reason.startswith("unknown placeholder {oder}; known are {address}, {name}, {order}, {reference}")
    assert town.delivered == []


@pytest.mark.parametrize(
    "settings",
    [
        {"thanks": "Thank you for {oder}."},
        {"questions": [{**READY, "follow_up": "When is {oder} ready?"}]},
        {"questions": [{"ask": "When is {oder} ready?", "expect": ["x"]}]},
    ],
    ids=["thanks", "follow_up", "ask"],
)
async def test_an_unknown_placeholder_in_a_later_text_is_found_before_anything_is_sent(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    town = Town(tmp_path, answer=Agent("I will see.", "On Thursday, EUR 12."))
    ended = await played(town, settings)
    assert ended.verdict == "faulted"
    assert town.delivered == [], "a person's time is not wasted on a visit that cannot end well"


async def test_a_fact_is_put_in_as_it_is_and_not_filled_again(tmp_path: Path) -> None:
    town = Town(tmp_path)
    await played(town, {"facts": {"order": "{name} {nothing}"}, "opening": "Order {order}. {reference}"})
    assert bodies(town)[0].startswith("Order {name} {nothing}. ")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"questions": []}, ("questions",)),
        ({"opening": ""}, ("opening",)),
        ({"questions": [{**READY, "expect": ["("]}]}, ("questions", 0, "expect")),
        ({"questions": [{**READY, "expect": []}]}, ("questions", 0, "expect")),
        ({"patience": "soon"}, ("patience",)),
        ({"question": "?"}, ("question",)),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as told:
        ask_and_follow_up.parameters({**WITH, **changes})
    assert where in [error["loc"] for error in told.value.errors()]
