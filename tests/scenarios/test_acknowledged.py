"""The scenario that only wants a sign of life, at a desk in memory."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from conversations.records import Conversation
from scenarios.acknowledged import acknowledged
from tests.conversations.desk import Town, begin, definition, life

WITH = {"opening": "Hello, is anybody there?\n\n{name}", "subject": "Hello"}


async def played(
    town: Town, settings: dict[str, object] | None = None, channel: str = "support", **desk: Any
) -> Conversation:
    async with life(town, acknowledged) as here:
        what = definition(settings or WITH, channel=channel, **desk)
        return await here.play(await begin(here.journal, what, town.clock.now()))


def silent(town: Town, mail: EmailMessage) -> None:
    pass


def person(town: Town, mail: EmailMessage) -> None:
    town.reply(mail, "Hello Anna, yes, I am here. What can I do for you?\n\nRobin")


def away(town: Town, mail: EmailMessage) -> None:
    town.reply(mail, "I am out of the office until Monday.", Subject="Automatic reply: Hello")


@pytest.mark.parametrize("answer", [Town.acknowledge, person])
async def test_it_passes_with_an_acknowledgement_or_a_person(
    tmp_path: Path, answer: Callable[[Town, EmailMessage], None]
) -> None:
    town = Town(tmp_path, answer=answer)
    ended = await played(town)
    assert (ended.verdict, ended.reason) == ("passed", "")
    assert len(town.delivered) == 1, "nothing is written after it"
    assert town.delivered[0].get_content().replace("\r\n", "\n").strip() == "Hello, is anybody there?\n\nAnna Keller"


@pytest.mark.parametrize(
    ("settings", "desk", "told"),
    [
        ({}, {}, "no answer within 1 hour"),
        ({}, {"promises": {"acknowledgement": "30 minutes"}}, "no answer within 2 hours"),
        ({}, {"promises": {"acknowledgement": "5 minutes"}}, "no answer within 1 hour"),
        ({"patience": "90 seconds"}, {"promises": {"acknowledgement": "5 minutes"}}, "no answer within 90 seconds"),
    ],
)
async def test_it_fails_after_four_times_the_promise_but_at_least_an_hour_or_as_it_is_told(
    tmp_path: Path, settings: dict[str, object], desk: dict[str, Any], told: str
) -> None:
    ended = await played(Town(tmp_path, answer=silent), {**WITH, **settings}, **desk)
    assert (ended.verdict, ended.reason) == ("failed", told)


async def test_an_out_of_office_note_is_no_sign_that_anything_was_received(tmp_path: Path) -> None:
    ended = await played(Town(tmp_path, answer=away))
    assert (ended.verdict, ended.messages[-1].kind) == ("failed", "out_of_office")


async def test_it_passes_over_a_form(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with life(town, acknowledged) as here:
        conversation_id = await begin(here.journal, definition(WITH, channel="form"), town.clock.now())
        await here.settle()
        [form] = town.forms
        mail = EmailMessage()
        mail["From"], mail["To"] = "support@desk.example", "anna@inbox.example"
        mail["Subject"], mail["Auto-Submitted"] = f"We have received: {form['Subject']}", "auto-replied"
        mail.set_content("We have received your request and will answer soon.")
        town.receive(mail)
        ended = await here.play(conversation_id)
    assert ended.verdict == "passed", ended.reason
