"""Can one answer, and is it over?"""

import pytest

from replies.message import Message
from replies.notices import handoff, notices


def said(text: str, sender: str = "support@desk.example", *reply_to: str) -> dict[str, str]:
    return {found.check: found.result for found in notices(Message(sender=sender, reply_to=reply_to), text)}


@pytest.mark.parametrize(
    ("text", "check", "result"),
    [
        ("Please do not reply to this e-mail.", "no_reply", "problem"),
        ("This mailbox is not monitored.", "no_reply", "problem"),
        ("Antworten Sie bitte nicht auf diese Nachricht.", "no_reply", "problem"),
        ("Merci de ne pas répondre à ce courriel.", "no_reply", "problem"),
        ("No responda a este mensaje.", "no_reply", "problem"),
        ("Si prega di non rispondere a questa e-mail.", "no_reply", "problem"),
        ("このメールには返信できません。", "no_reply", "problem"),
        ("Please sign in to your account to view our answer.", "login_wall", "problem"),
        ("Um die Antwort zu lesen, melden Sie sich bitte im Kundenportal an.", "login_wall", "problem"),
        ("We no longer offer support by e-mail.", "form_only", "problem"),
        ("Please submit a new request using our contact form.", "form_only", "problem"),
        ("Nutzen Sie bitte unser Kontaktformular.", "form_only", "problem"),
        ("Your request has been resolved.", "closed", "problem"),
        ("Votre demande a été clôturée.", "closed", "problem"),
        ("Unless you reply within 3 days, this ticket will be closed.", "closed", "ok"),
        ("How satisfied were you with our service?", "survey", "ok"),
    ],
)
def test_a_notice_is_found_and_quoted(text: str, check: str, result: str) -> None:
    assert said(text) == {check: result}


@pytest.mark.parametrize(
    "text",
    [
        "Just reply to this email or log in to view your request.",
        "There is no need to reply to this message right now.",
        "You can log in to the shop with your old password. Your kettle comes on Friday.",
        "The lid of the kettle closes with a click, and the issue is the seal.",
        "Can I close the ticket once it has arrived?",
        "If this has been resolved, let me know.",
        "I rate the blue one higher than the red one.",
        "Please fill in the customs form that comes with the parcel.",
    ],
)
def test_what_only_sounds_like_a_notice_is_none(text: str) -> None:
    assert said(text) == {}


def test_the_address_for_replies_counts_before_the_sender() -> None:
    assert said("Hello", "no-reply@desk.example") == {"no_reply": "problem"}
    assert said("Hello", "no-reply@desk.example", "help@desk.example") == {}
    assert said("Hello", "help@desk.example", "donotreply@desk.example") == {"no_reply": "problem"}


@pytest.mark.parametrize(
    "text",
    [
        "I have passed your request on to our billing team.",
        "Ich habe Ihre Anfrage an unsere Technik weitergeleitet.",
        "J'ai transmis votre demande à notre service technique.",
        "He transferido su caso al departamento de ventas.",
        "Please contact our returns department directly.",
    ],
)
def test_a_handoff_is_found(text: str) -> None:
    found = handoff(text)
    assert found is not None
    assert found.evidence == text


def test_moving_a_thing_is_no_handoff() -> None:
    assert handoff("I transferred the refund to your card this morning.") is None
    assert handoff("I moved the domain to your account.") is None
