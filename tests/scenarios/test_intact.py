"""The scenario that looks at its own words, at a desk in memory."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations.records import Conversation, StoredFinding
from scenarios.intact import ATTACHMENT, SUBJECT, intact
from tests.conversations.desk import Town, begin, definition, life

WITH = {"patience": "1 hour"}


async def played(
    town: Town, settings: dict[str, object] | None = None, channel: str = "support"
) -> tuple[Conversation, StoredFinding | None]:
    async with life(town, intact) as here:
        what = definition({**WITH, **(settings or {})}, channel=channel)
        ended = await here.play(await begin(here.journal, what, town.clock.now()))
    return ended, next((found for found in ended.findings if found.check == "intact"), None)


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def quoting(damage: Callable[[str], str] = str) -> Callable[[Town, EmailMessage], None]:
    def answer(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) > 1:
            return  # thanks
        subject = "Re: " + damage(str(mail["Subject"]))
        told = "\n".join(f"> {line}" for line in damage(text(mail)).splitlines())
        town.reply(mail, f"Yes, of course.\n\nRobin\n\nAm 2. März 2026 schrieb Anna Keller:\n{told}", Subject=subject)

    return answer


async def test_it_sends_umlauts_an_emoji_a_long_subject_and_a_file(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=quoting())
    await played(town)
    mail = town.delivered[0]
    assert str(mail["Subject"]).startswith(SUBJECT)
    assert len(SUBJECT) > 78
    assert "🤞" in text(mail)
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Größen.txt", ATTACHMENT)


async def test_it_passes_when_a_person_quotes_it_as_it_was_and_says_thank_you(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=quoting())
    ended, found = await played(town)
    assert (ended.verdict, ended.reason) == ("passed", "")
    assert found is not None
    assert found.result == "ok"
    assert "Gänsefüßchenstraße" in found.evidence
    assert len(town.delivered) == 2


async def test_it_fails_with_the_evidence_when_it_comes_back_damaged(tmp_path: Path) -> None:
    ended, found = await played(Town(tmp_path, answer=quoting(lambda said: said.encode().decode("latin-1"))))
    assert found is not None
    assert found.result == "problem"
    assert ended.verdict == "failed"
    assert "what we wrote was damaged: " in str(ended.reason)
    assert "Zürich came back as ZÃ¼rich" in str(ended.reason)


async def test_the_subject_of_an_acknowledgement_is_enough(tmp_path: Path) -> None:
    def acknowledges(town: Town, mail: EmailMessage) -> None:
        subject = f"[ACME-1] {mail['Subject']}"
        town.reply(mail, "We have received your request.", **{"Subject": subject, "Auto-Submitted": "auto-replied"})

    town = Town(tmp_path, answer=acknowledges)
    ended, found = await played(town)
    assert ended.verdict == "passed"
    assert found is not None
    assert found.result == "ok"
    assert len(town.delivered) == 1


@pytest.mark.parametrize("person", [True, False])
async def test_a_desk_that_quotes_nothing_leaves_it_unknown(tmp_path: Path, person: bool) -> None:
    def bare(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            subject = "We have received your request"
            town.reply(mail, "We will answer soon.", **{"Subject": subject, "Auto-Submitted": "auto-replied"})
            if person:
                town.reply(mail, "Yes.\n\nRobin", Subject="Your request")

    ended, found = await played(Town(tmp_path, answer=bare))
    assert ended.verdict == "passed"
    assert found is not None
    assert (found.result, found.rule) == ("unknown", "intact.nothing")


async def test_it_fails_when_nobody_answers(tmp_path: Path) -> None:
    ended, found = await played(Town(tmp_path))
    assert (ended.verdict, ended.reason, found) == ("failed", "no answer within 1 hour", None)


async def test_over_a_form_there_is_no_file(tmp_path: Path) -> None:
    town = Town(tmp_path)
    await played(town, channel="form")
    assert "🤞" in town.forms[0]["Message"]


async def test_without_a_text_there_is_no_file(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=quoting())
    await played(town, {"attachment": ""})
    assert not town.delivered[0].is_multipart()
