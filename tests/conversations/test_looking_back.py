"""What a reply is read against: earlier messages, and what the desk wrote to others."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from conversations import examination
from conversations.customer import Customer
from conversations.description import describe
from conversations.durations import Duration
from conversations.journal import lookback, schema
from conversations.records import Conversation
from conversations.scenario import scenario
from probes.errors import AddressRefused
from replies import checks
from replies.checks import Check
from replies.kind import Kind
from tests.conversations.desk import Life, Town, begin, definition, life
from tests.conversations.journal.aggregated import everything

PATIENCE = Duration.parse("1 hour")
QUESTION = "I ordered a blue kettle three weeks ago. When will the parcel be delivered?"


@scenario("Ask, answer whatever is asked back, and end when nothing more comes")
async def talk(customer: Customer, question: str = QUESTION, turns: int = 2) -> None:
    await customer.write(question)
    for _ in range(turns - 1):
        await customer.reply(within=PATIENCE)
        await customer.answer("I have told you all that I know.")
    await customer.reply(within=PATIENCE)


def story(*answers: str | dict[str, str]) -> Callable[[Town, EmailMessage], None]:
    """The desk's replies, one to each mail of ours: a text, or headers with the text under `text`."""

    def answer(town: Town, mail: EmailMessage) -> None:
        said = answers[len(town.delivered) - 1]
        town.clock.turn(60)
        headers = {} if isinstance(said, str) else {name: value for name, value in said.items() if name != "text"}
        town.reply(mail, said if isinstance(said, str) else said["text"], **headers)

    return answer


async def played(folder: Path, *answers: str | dict[str, str], town: Town | None = None) -> Conversation:
    town = town or Town(folder)
    town.answer = story(*answers)
    async with life(town, talk) as here:
        parameters = {"turns": len(answers)}
        return await here.play(await begin(here.journal, definition(parameters), town.clock.now()))


def found(conversation: Conversation, check: str) -> list[tuple[str, str]]:
    return [(each.result, each.rule) for each in conversation.findings if each.check == check]


# --- does our answer arrive in the same ticket? -----------------------------------------------------------------


async def test_an_answer_that_arrives_in_its_ticket_proves_that_one_can_answer(tmp_path: Path) -> None:
    first = {"text": "Which order is it?\n\nMia", "Subject": "Re: [#123] Kettle"}
    second = {"text": "It comes on Friday.\n\nMia", "Subject": "Re: [#123] Kettle"}
    conversation = await played(tmp_path, first, second)
    assert found(conversation, "threading") == [("ok", "threading.same_ticket")]


async def test_a_second_ticket_for_our_answer_is_a_problem_of_the_message_that_tells_it(tmp_path: Path) -> None:
    first = {"text": "Which order is it?\n\nMia", "Subject": "Re: [#123] Kettle"}
    second = {
        "text": "We have received your request.",
        "Subject": "[#124] Re: [#123] Kettle",
        "Auto-Submitted": "auto-replied",
    }
    third = {"text": "It comes on Friday.\n\nMia", "Subject": "Re: [#124] Kettle"}

    def answer(town: Town, mail: EmailMessage) -> None:
        story(first, second)(town, mail)
        if len(town.delivered) == 2:
            town.reply(mail, third["text"], Subject=third["Subject"])

    town = Town(tmp_path, answer=answer)
    async with life(town, talk) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert found(conversation, "threading") == [("problem", "threading.other_ticket")] * 2
    told = describe(conversation)
    problem = next(each for each in told["findings"] if each["check"] == "threading")
    (message,) = (each for each in told["messages"] if each["id"] == problem["message"])
    assert message["subject"] == "[#124] Re: [#123] Kettle"
    assert problem["value"] == "#124"


async def test_an_answer_that_bounces_or_is_refused_is_a_problem_of_the_thread(tmp_path: Path) -> None:
    report = {
        "text": "Your message could not be delivered: 550 5.1.1 user unknown",
        "From": "MAILER-DAEMON@desk.example",
        "Subject": "Undelivered Mail Returned to Sender",
        "Return-Path": "<>",
    }
    bounced = await played(tmp_path, "Which order is it?\n\nMia", report)
    assert found(bounced, "threading") == [("problem", "threading.bounced")]
    town = Town(tmp_path / "other")
    town.folder.mkdir()

    def refuses(town: Town, mail: EmailMessage) -> None:
        story("Which order is it?\n\nMia")(town, mail)
        town.trouble.append(AddressRefused("550 5.1.1 no such user"))

    town.answer = refuses
    async with life(town, talk) as here:
        refused = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert found(refused, "threading") == [("problem", "threading.refused")]
    (finding,) = (each for each in refused.findings if each.check == "threading")
    assert (finding.evidence, refused.verdict) == ("550 5.1.1 no such user", "failed")


async def test_a_reply_to_that_is_no_address_is_passed_over_for_the_sender(tmp_path: Path) -> None:
    town = Town(tmp_path)
    odd = {"Reply-To": "support\\desk@desk.example"}
    ended = await played(tmp_path, {"text": "Which order is it?\n\nMia", **odd}, "Thank you.\n\nMia", town=town)
    assert (ended.verdict, town.delivered[-1]["To"]) == ("passed", "support@desk.example")


@pytest.mark.parametrize("sender", ["", "Robin <support\\desk@desk.example>", "Robin <a@bücher..example>"])
async def test_a_person_who_cannot_be_answered_at_all_is_the_desks_failure(tmp_path: Path, sender: str) -> None:
    ended = await played(tmp_path, {"text": "Which order is it?\n\nMia", "From": sender}, "Never sent")
    assert found(ended, "threading") == [("problem", "threading.refused")]
    assert (ended.verdict, str(ended.reason).partition(":")[0]) == (
        "failed",
        "the desk's mail names no address to answer to",
    )


async def test_the_first_contact_that_is_refused_says_nothing_about_answers(tmp_path: Path) -> None:
    town = Town(tmp_path, trouble=[AddressRefused("550 5.1.1 no such user")])
    assert found(await played(tmp_path, "Never sent", "Never sent", town=town), "threading") == []


# --- who ----------------------------------------------------------------------------------------------------------


def by(name: str, text: str, **headers: str) -> dict[str, str]:
    sender = f"{name.splitlines()[0]} <support@desk.example>"
    return {"text": f"{text}\n\nKind regards,\n{name}", "From": sender, **headers}


async def test_a_circle_over_people_is_found_where_it_closes_and_handoffs_are_counted(tmp_path: Path) -> None:
    conversation = await played(
        tmp_path,
        by("Mia Wong", "I will look at it."),
        by("Tom Berg", "This is for me now."),
        by("Mia Wong", "It came back to me."),
    )
    assert found(conversation, "handoff") == [("problem", "handoff.agent")] * 2
    (circle,) = (each for each in conversation.findings if each.check == "loop")
    assert circle.value == ["Mia Wong", "Tom Berg", "Mia Wong"]
    assert circle.message == conversation.messages[-1].id
    assert describe(conversation)["who"] == {
        "agents": ["Mia Wong", "Tom Berg", "Mia Wong"],
        "departments": ["support"],
        "handoffs": 2,
        "replies": 3,
        "one_touch": False,
        "reopened": 0,
    }


async def test_departments_are_told_by_signatures_where_the_address_is_shared(tmp_path: Path) -> None:
    conversation = await played(
        tmp_path,
        by("Mia Wong\nBilling Team", "I will look at it."),
        by("Mia Wong\nReturns Department", "I sit elsewhere now."),
        by("Mia Wong", "It is paid."),
    )
    assert found(conversation, "handoff") == [("problem", "handoff.department")]
    who = describe(conversation)["who"]
    assert (who["departments"], who["handoffs"], who["agents"]) == (["billing", "returns"], 1, ["Mia Wong"])


async def test_one_touch_is_a_conversation_that_one_reply_resolved(tmp_path: Path) -> None:
    told = describe(await played(tmp_path, by("Mia Wong", "It comes on Friday.")))
    assert (told["who"]["one_touch"], told["who"]["handoffs"]) == (True, 0)
    assert [each["agent"] for each in told["messages"]] == [None, "Mia Wong"]


async def test_a_conversation_that_goes_on_after_the_desk_has_closed_it_was_reopened(tmp_path: Path) -> None:
    conversation = await played(
        tmp_path,
        by("Mia Wong", "Hi Anna, I called the carrier: your kettle comes on Friday. Your ticket has been closed."),
        by("Mia Wong", "I have opened it again and asked the carrier."),
    )
    assert found(conversation, "closed") == [("problem", "closed.phrase")]
    assert describe(conversation)["who"]["reopened"] == 1


# --- what the desk wrote to others ----------------------------------------------------------------------------------

CANNED = """Hi Anna,

thank you for your message. We have looked into it with our partner and will come back to you as soon as we have heard \
from them. Your satisfaction is important to us at all times.

Kind regards,
Mia"""
OWN = "Hi Anna,\n\nthe invoice with your tax number is attached; accounting has corrected the address on it.\n\nMia"
INVOICE = "Could you send an invoice with our tax number for the accounting department?"


async def asked(here: Life, visit: str, question: str, answer: str) -> Conversation:
    here.town.answer = lambda town, mail: town.reply(mail, answer)
    here.town.clock.turn(3600)
    what = definition({"question": question, "turns": 1}, visit=visit)
    return await here.play(await begin(here.journal, what, here.town.clock.now(), seed=int(here.town.clock.now())))


async def test_the_same_words_to_a_different_question_of_another_visit_are_canned(tmp_path: Path) -> None:
    async with life(Town(tmp_path), talk) as here:
        assert found(await asked(here, "kettle", QUESTION, CANNED), "canned") == []
        again = await asked(here, "kettle", QUESTION, CANNED)
        assert found(again, "canned") == []  # the same answer to the same question is no wonder
        same = await asked(here, "form", QUESTION.replace("three", "four"), CANNED)
        assert found(same, "canned") == []  # and neither is it through another channel
        other = await asked(here, "invoice", INVOICE, CANNED.replace("partner", "bank"))
        assert found(other, "canned") == [("problem", "canned.shingles")]
        good = await asked(here, "invoice", INVOICE, OWN)
        assert found(good, "canned") == [("ok", "canned.shingles")]


async def test_an_answer_to_the_question_of_another_visit_is_probably_off_topic(tmp_path: Path) -> None:
    async with life(Town(tmp_path), talk) as here:
        await asked(here, "invoice", INVOICE, OWN)
        wrong = await asked(here, "kettle", QUESTION, OWN)
    (finding,) = (each for each in wrong.findings if each.check == "off_topic")
    assert (finding.result, finding.evidence) == ("problem", f"probably about: {INVOICE}")


# --- a check that breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["check", "new_text", "classify", "agent", "numbers"])
async def test_whatever_breaks_in_reading_the_mail_is_kept_and_counted(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RecursionError("It comes on Friday.")

    if place == "check":
        monkeypatch.setattr(checks, "CHECKS", (Check(("loop",), frozenset(Kind), broken),))
    else:
        monkeypatch.setattr(examination, place, broken)
    conversation = await played(tmp_path, by("Mia Wong", "It comes on Friday."))
    (came,) = (each for each in conversation.messages if each.inbound)
    assert "It comes on Friday." in came.text
    assert "RecursionError" in caplog.text
    assert "It comes" not in caplog.text
    if place == "check":
        assert found(conversation, "loop") == [("unknown", "loop.error")]
        async with life(Town(tmp_path), talk) as here:
            counted = await here.journal.read(everything)
        labels = {"visit": "test", "desk": "desk", "channel": "support", "check": "loop", "result": "unknown"}
        assert (labels, 1.0) in counted["findings_total"]


async def test_of_a_flooded_conversation_only_the_first_replies_are_read(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=story("It comes on Friday.\n\nMia"))
    async with life(town, talk) as here:
        which = await begin(here.journal, definition({"turns": 1}), town.clock.now())
        await here.play(which)
        more = [
            {
                **dict.fromkeys(("mailbox", "subject", "sender", "recipient"), "-"),
                **{"conversation": which, "direction": "in", "kind": "human", "fingerprint": str(number)},
                **{"text": f"{number} It comes on Friday.", "at": town.clock.now() + number},
            }
            for number in range(1000)
        ]
        await here.journal.write(lambda c: c.execute(schema.message.insert(), more).rowcount)
        (exchange,) = await here.journal.read(lambda c: lookback.elsewhere(c, "desk", "another"))
    assert exchange.question == QUESTION
    assert [reply[:20] for reply in exchange.replies] == ["It comes on Friday.\n", "0 It comes on Friday"]
