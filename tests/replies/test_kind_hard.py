"""Kinds that are hard to tell, on invented mails: no wording of wordings/hard.txt stands in a table as a whole."""

from pathlib import Path

import pytest

from replies.kind import Classified, classify
from replies.message import read
from replies.new_text import new_text
from tests.replies.mails import MARKS, RESPONDER, mail

SENDERS = {
    "person": "Robin Baker <robin@desk.example>",
    "team": "Example Support <support@desk.example>",
    "firm": "Swanmore <hello@swanmore.example>",
    "daemon": "Mail Delivery Subsystem <mailer-daemon@mx.example>",
    "postmaster": "<postmaster@mx.example>",
}
HEADERS = MARKS | {
    "responder": RESPONDER,
    "osticket": RESPONDER | {"X_Mailer": "osTicket Mailer"},
    "calendar": {"Auto_Submitted": "auto-generated"},
    "null": {"Return_Path": "<>"},
    "discussion": {"In_Reply_To": "", "List_Id": "<forum.example>"},
    "precedence": {"In_Reply_To": "", "Precedence": "bulk"},
    "unasked": {"In_Reply_To": ""},
    "list": {"In_Reply_To": "", "List_Unsubscribe": "<https://x.example>"},
}
BLOCKS = (Path(__file__).parent / "wordings" / "hard.txt").read_text("utf-8").removeprefix("=== ").split("\n=== ")


def judged(raw: bytes) -> Classified:
    message = read(raw)
    return classify(message, new_text(message.text))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_wording_that_nobody_listed_is_told_by_its_parts(block: str) -> None:
    title, _, text = block.partition("\n")
    kind, sender, headers, subject = title.split(" | ", 3)
    found = judged(mail(text.strip(), subject, SENDERS.get(sender, sender), **HEADERS[headers]))
    assert found.kind == kind, found


def test_an_acknowledgement_above_the_history_of_our_request_is_no_answer() -> None:
    text = (
        "##- Please type your reply above this line -##\n\nYour request (77) has been received and is being reviewed.\n\n"
        "Ann Gray, Nov 11, 2026, 21:02 GMT+1\n\nHello, where is my kettle? I paid 49 EUR.\n\nAnn\n"
    )
    raw = mail(text, "[Example] Request received: Kettle", SENDERS["team"], **MARKS["zendesk"])
    assert judged(raw).kind == "acknowledgement"


@pytest.mark.parametrize(("what", "permanent"), [("Bounce", True), ("Delivery", False)])
def test_a_notification_of_amazon_about_a_delivery_is_final_only_if_it_says_so(what: str, permanent: bool) -> None:
    found = judged(mail(f'{{"notificationType":"{what}","mail":{{}}}}', "AWS Notification Message", "sns@desk.example"))
    assert (found.kind, found.permanent) == ("bounce", permanent)
