"""A customer who comes back over the form, at a desk in memory that may have forgotten everything."""

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conversations.records import Conversation, StoredFinding
from conversations.scenario import Stage
from conversations.visit import Persona
from scenarios.repeat_customer import repeat_customer
from tests.conversations.desk import Town, begin, definition, life
from tests.conversations.journal.aggregated import everything

WITH: Mapping[str, Any] = {
    "subject": "My order",
    "opening": "My order number is {order}. When is it ready?\n\n{name}",
    "questions": [{"ask": "When is it ready?", "expect": ["thursday"]}],
    "facts": {"order": "20417"},
    "second": "form",
    "again": "It is about my ticket {ticket}. Can it come on Friday instead?\n\n{name}",
    "patience": "1 day",
}

THURSDAY = "Hello Anna,\n\non Thursday.\n\nKind regards\nRobin"


def first_contact(town: Town, mail: EmailMessage) -> None:
    if len(town.delivered) == 1:
        subject = "[DESK-7] We have received your request"
        town.reply(mail, "We will answer soon.", Subject=subject, **{"Auto-Submitted": "auto-replied"})


def reply_to_form(town: Town, text: str, subject: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Kim <support@desk.example>", "anna@inbox.example", subject
    mail["Message-ID"] = f"<form.{len(town.mailbox)}@desk.example>"
    mail.set_content(f"Hello Anna,\n\n{text}\n\nKind regards\nKim")
    town.receive(mail)


async def played(
    town: Town, says: str | None, *, tag: str = "[DESK-7] ", second_tag: str | None = None
) -> tuple[Conversation, Mapping[str, list[tuple[dict[str, str], float]]]]:
    """The conversation, and the counters at its end."""
    async with life(town, repeat_customer) as here:
        begun = await begin(here.journal, definition(WITH), town.clock.now())
        await here.settle()
        town.reply(town.delivered[0], THURSDAY, Subject=f"Re: {tag}My order")
        town.clock.turn(5)  # a while later it is seen
        await here.settle()
        assert len(town.forms) == 1
        if says is not None:
            town.clock.turn(3600)
            reply_to_form(town, says, f"Re: {second_tag or tag}{town.forms[0]['Subject']}")
        return await here.play(begun), await here.journal.read(everything)


def found(ended: Conversation) -> StoredFinding:
    (one,) = (each for each in ended.findings if each.check == "context_lost")
    return one


@pytest.mark.parametrize(
    ("says", "result", "verdict", "reason"),
    [
        ("Yes, Friday is fine.", "ok", "passed", ""),
        ("Could you please tell me your order number?", "problem", "failed", "had to be told again: order"),
    ],
)
async def test_whether_it_is_asked_again_decides(
    tmp_path: Path, says: str, result: str, verdict: str, reason: str
) -> None:
    town = Town(tmp_path, answer=first_contact)
    ended, _ = await played(town, says)
    assert (found(ended).result, ended.verdict, ended.reason) == (result, verdict, reason)
    assert found(ended).value == {
        "asked": ["order"] if result == "problem" else [],
        "tickets": ["DESK-7"],
        "new_tickets": [],
    }


async def test_the_second_contact_quotes_the_ticket_over_the_other_channel(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=first_contact)
    ended, _ = await played(town, "Yes, Friday is fine.")
    assert "It is about my ticket DESK-7." in town.forms[0]["Message"]
    assert ended.reference in town.forms[0]["Subject"]
    assert len(town.delivered) == 2, "the question and the thanks"


async def test_without_a_ticket_number_the_customer_quotes_the_reference(tmp_path: Path) -> None:
    town = Town(tmp_path)
    ended, _ = await played(town, "Yes, Friday is fine.", tag="")
    assert f"my ticket {ended.reference}." in town.forms[0]["Message"]


async def test_who_is_asked_again_tells_it_and_waits_once_more(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=first_contact)
    await played(town, "Could you please tell me your order number?")
    assert "as I wrote before:\n\norder: 20417" in town.delivered[1].get_content().replace("\r\n", "\n")
    assert len(town.delivered) == 3


async def test_a_new_ticket_for_the_second_contact_is_told(tmp_path: Path) -> None:
    ended, _ = await played(Town(tmp_path, answer=first_contact), "Yes, Friday is fine.", second_tag="[DESK-9] ")
    assert found(ended).value["new_tickets"] == ["DESK-9"]


async def test_the_wait_after_the_second_contact_counts_for_its_channel(tmp_path: Path) -> None:
    _, counters = await played(Town(tmp_path, answer=first_contact), "Yes, Friday is fine.")
    sums = {labels["channel"]: value for labels, value in counters["next_reply_seconds_sum"]}
    assert sums == {"form": 3600.0}
    assert {labels["channel"] for labels, _ in counters["first_reply_seconds_sum"]} == {"support"}
    assert {labels["channel"] for labels, _ in counters["form_submit_seconds_sum"]} == {"form"}


async def test_what_is_told_again_belongs_to_the_second_channel_too(tmp_path: Path) -> None:
    ended, _ = await played(Town(tmp_path, answer=first_contact), "Could you please tell me your order number?")
    sent = [message.envelope.get("channel") for message in ended.messages if not message.inbound]
    assert sent == [None, "form", "form", "form"]


async def test_it_fails_when_nobody_answers_the_second_contact(tmp_path: Path) -> None:
    ended, _ = await played(Town(tmp_path, answer=first_contact), None)
    assert (ended.verdict, ended.reason) == ("failed", "no reply within 1 day")


STAGE = Stage(channels=("support", "form"), mailboxes=("anna",), persona=Persona(), hours=None)


def test_its_second_channel_and_its_facts_are_looked_at_with_the_config() -> None:
    with pytest.raises(ValidationError, match="no such channel; did you mean form"):
        repeat_customer.parameters({**WITH, "second": "from"}, STAGE)
    with pytest.raises(ValidationError, match="needs facts, here or of the persona"):
        repeat_customer.parameters({**WITH, "facts": {}}, STAGE)
    repeat_customer.parameters(WITH, STAGE)
