"""Kinds of message, on invented mails in many languages."""

import pytest

from replies.kind import Classified, Kind, classify
from replies.message import read
from replies.new_text import new_text
from tests.replies.mails import ABSENCES, ACKNOWLEDGEMENTS, CLOSED, HUMANS, MARKS, RESPONDER, mail

PERSON = "Robin Baker <robin@desk.example>"


def judged(raw: bytes, *ours: str) -> Classified:
    message = read(raw)
    return classify(message, new_text(message.text, ours), ours)


@pytest.mark.parametrize("mark", ["zendesk", "plain"])
@pytest.mark.parametrize("language", ACKNOWLEDGEMENTS)
def test_an_acknowledgement_is_told_from_its_words(language: str, mark: str) -> None:
    subject, text = ACKNOWLEDGEMENTS[language]
    found = judged(mail(text, subject, **MARKS[mark]))
    assert found.kind == Kind.ACKNOWLEDGEMENT, found


@pytest.mark.parametrize("language", ABSENCES)
@pytest.mark.parametrize(
    "headers", [RESPONDER, {"X_Auto_Response_Suppress": "All"}, {}], ids=["responder", "exchange", "bare"]
)
def test_an_out_of_office_reply_is_not_an_answer(language: str, headers: dict[str, str]) -> None:
    subject, text = ABSENCES[language]
    found = judged(mail(text, subject, PERSON, **headers))
    assert found.kind == Kind.OUT_OF_OFFICE, found


@pytest.mark.parametrize("mark", ["zendesk", "plain", "rt"])
@pytest.mark.parametrize("language", CLOSED)
def test_a_notice_of_closing_or_a_survey_is_no_reply(language: str, mark: str) -> None:
    subject, text = CLOSED[language]
    found = judged(mail(text, subject, **MARKS[mark]))
    assert found.kind == Kind.OTHER, found


@pytest.mark.parametrize("sender", [PERSON, "Example Support <support@desk.example>"], ids=["person", "team"])
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("language", HUMANS)
def test_what_a_person_wrote_stays_human_whatever_the_helpdesk_marks_it_as(
    language: str, mark: str, sender: str
) -> None:
    found = judged(mail(HUMANS[language], sender=sender, **MARKS[mark]))
    assert found.kind == Kind.HUMAN, found
