"""Kinds of message, on invented mails in many languages."""

import pytest

from replies.kind import Classified, Kind, classify
from replies.message import read
from replies.new_text import new_text
from tests.replies.mails import ABSENCES, ACKNOWLEDGEMENTS, CLOSED, HUMANS, MARKS, RESPONDER, mail

PERSON = "Robin Baker <robin@desk.example>"
TEAM = "Example Support <support@desk.example>"
ABSENT_MARKS = {"responder": RESPONDER, "exchange": {"X_Auto_Response_Suppress": "All"}, "bare": {}}


def judged(raw: bytes, *ours: str) -> Classified:
    message = read(raw)
    return classify(message, new_text(message.text, ours), ours)


@pytest.mark.parametrize("mark", ["zendesk", "plain"])
@pytest.mark.parametrize("language", ACKNOWLEDGEMENTS)
def test_an_acknowledgement_is_told_from_its_words(language: str, mark: str) -> None:
    subject, text = ACKNOWLEDGEMENTS[language]
    found = judged(mail(text, subject, **MARKS[mark]))
    assert found.kind == Kind.ACKNOWLEDGEMENT, found


@pytest.mark.parametrize("mark", ABSENT_MARKS)
@pytest.mark.parametrize("language", ABSENCES)
def test_an_out_of_office_reply_is_not_an_answer(language: str, mark: str) -> None:
    subject, text = ABSENCES[language]
    found = judged(mail(text, subject, PERSON, **ABSENT_MARKS[mark]))
    assert found.kind == Kind.OUT_OF_OFFICE, found


@pytest.mark.parametrize("mark", ["zendesk", "plain", "rt"])
@pytest.mark.parametrize("language", CLOSED)
def test_a_notice_of_closing_or_a_survey_is_no_reply(language: str, mark: str) -> None:
    subject, text = CLOSED[language]
    found = judged(mail(text, subject, **MARKS[mark]))
    assert found.kind == Kind.OTHER, found


@pytest.mark.parametrize("sender", [PERSON, TEAM], ids=["person", "team"])
@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("language", HUMANS)
def test_what_a_person_wrote_stays_human_whatever_mark_the_helpdesk_gives_it(
    language: str, mark: str, sender: str
) -> None:
    subject, text = HUMANS[language]
    found = judged(mail(text, subject, sender, **MARKS[mark]))
    assert found.kind == Kind.HUMAN, found


def test_a_quoted_acknowledgement_does_not_make_a_reply_automatic() -> None:
    text = (
        HUMANS["en-short"][1]
        + "\n\nOn Wed, 18 Nov 2026 at 10:00, Example Support wrote:\n> "
        + "\n> ".join(ACKNOWLEDGEMENTS["en"][1].split("\n"))
    )
    assert judged(mail(text, sender=PERSON)).kind == Kind.HUMAN


def test_somebody_who_was_out_of_the_office_is_back_and_human() -> None:
    text = "Hi Ann, sorry for the wait, I was out of the office until yesterday. The kettle is on its way.\n\nRobin"
    assert judged(mail(text, sender=PERSON)).kind == Kind.HUMAN


def test_a_subject_of_ours_about_holidays_does_not_make_a_reply_an_absence() -> None:
    raw = mail("Yes, both rooms are free.\n\nRobin", "[desk.example #7] Vacation on 3 May", PERSON, **MARKS["rt"])
    assert judged(raw).kind == Kind.HUMAN


FRAME = """Hello,

You recently logged a ticket with a subject of "Where is my kettle?" with us. This e-mail is to advise you of {what}.

The following {thing} was added to ticket [help-1]:

{text}

{end} please reply to this e-mail and keep the subject intact.

Regards,

Customer help
"""
UPDATE = {
    "what": "an update to that ticket",
    "thing": "comment",
    "end": "If you need to provide us with further information,",
}
SOLUTION = {
    "what": "a resolution to that ticket",
    "thing": "resolution",
    "end": "Can you please confirm that this resolution addresses your needs so we may close this ticket? If not,",
}


def test_an_agents_text_in_the_frame_of_a_helpdesk_is_human_even_when_it_resolves() -> None:
    text = "Thank you, it arrives tomorrow before noon.\n\nRobin"
    for frame, state in ((UPDATE, "Updated"), (SOLUTION, "Resolved")):
        raw = mail(FRAME.format(text=text, **frame), f"[help-1] Where is my kettle? ({state})", TEAM)
        assert judged(raw).kind == Kind.HUMAN
        assert new_text(read(raw).text) == text


def test_an_echo_of_our_own_text_is_no_reply() -> None:
    ours = "My postcode is 12345 and the order was EX-20417.\n\nAnn"
    raw = mail(FRAME.format(text=ours, **UPDATE), "[help-1] Where is my kettle? (Updated)", TEAM)
    assert judged(raw, ours).kind == Kind.OTHER
    automatic = mail(
        FRAME.format(text=ours, **UPDATE), "[help-1] Where is my kettle? (Updated)", TEAM, Auto_Submitted="auto-replied"
    )
    assert judged(automatic).kind == Kind.OTHER


def test_a_resolution_without_a_text_is_a_notice() -> None:
    raw = mail(FRAME.format(text="", **SOLUTION), "[help-1] Where is my kettle? (Resolved)", TEAM)
    assert judged(raw).kind == Kind.OTHER


def test_the_notice_of_rt_that_a_request_has_been_resolved_is_no_reply() -> None:
    text = (
        "According to our records, your request has been resolved. If you have any\n"
        "further questions or concerns, please respond to this message.\n"
    )
    raw = mail(text, "[desk.example #7] Resolved: Where is my kettle?", '"Robin Agent via RT" <s@desk.example>')
    assert judged(raw).kind == Kind.OTHER


@pytest.mark.parametrize(
    "text",
    [
        (
            "Please verify your email address by clicking the link below: https://desk.example/v/1 Then we "
            "create your ticket."
        ),
        "Ihre Nachricht wird zurückgehalten. Bitte bestätigen Sie Ihre E-Mail-Adresse: https://desk.example/v/1",
        "Pour éviter le spam, veuillez confirmer votre adresse en cliquant sur ce lien : https://desk.example/v/1",
        "Your message is being held until you confirm that you are a human. Reply to this message to release it.",
    ],
)
def test_a_demand_to_confirm_the_sender_is_a_challenge(text: str) -> None:
    assert judged(mail(text, "Confirm your message")).kind == Kind.CHALLENGE


def test_an_agent_who_asks_to_confirm_an_address_is_human() -> None:
    text = (
        "Hi Ann, I found two accounts. Could you confirm your e-mail address for the order? Just reply here.\n\nRobin"
    )
    assert judged(mail(text, sender=PERSON)).kind == Kind.HUMAN


def test_a_newsletter_is_bulk_and_an_agents_offer_is_not() -> None:
    letter = mail(
        "This week only: 20% off all kettles. Shop now!\n\nUnsubscribe: https://desk.example/u",
        "Kettle sale",
        "Example News <news@desk.example>",
        In_Reply_To="",
        List_Unsubscribe="<https://desk.example/u>",
    )
    assert judged(letter).kind == Kind.BULK
    offer = mail("Hi Ann, I can give you a discount of 20% off your next order, code KETTLE.\n\nRobin", sender=PERSON)
    assert judged(offer).kind == Kind.HUMAN
