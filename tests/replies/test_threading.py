"""What became of the customer's own answer."""

from typing import Any

import pytest

from replies.kind import Classified, Kind
from replies.message import Message
from replies.threading import threading
from replies.turns import Turn

WRITTEN = Turn(Kind.SENT, "Where is my kettle?", "<1@us.example>")
ASKED = Turn(Kind.HUMAN, "Which order is it?", "<2@desk.example>", tickets=("#123",))
ANSWER = Turn(Kind.SENT, "It is RX482173.", "<3@us.example>", answers=True)
THREAD = [WRITTEN, ASKED, ANSWER]


def told(kind: Kind = Kind.HUMAN, earlier: list[Turn] = THREAD, permanent: bool | None = None, **mail: Any) -> Any:
    found = threading(Message(**mail), Classified(kind, "", "Action: failed 5.1.1", permanent), earlier)
    return None if found is None else (found.result, found.rule, found.evidence)


@pytest.mark.parametrize("subject", ["Re: [#123] Kettle", "Re: Kettle [Ticket 123]", "[Desk #123] Kettle"])
def test_the_same_number_proves_that_the_answer_arrived_in_its_ticket(subject: str) -> None:
    assert told(subject=subject) == ("ok", "threading.same_ticket", subject)


def test_another_number_is_a_second_ticket() -> None:
    said = "the ticket was #123, after the answer it is #456: [#456] Re: Kettle"
    assert told(subject="[#456] Re: Kettle") == ("problem", "threading.other_ticket", said)
    both = told(subject="[#456] Re: [#123] Kettle")  # the old number is only our own subject, given back
    assert both[:2] == ("problem", "threading.other_ticket")
    body = told(Kind.ACKNOWLEDGEMENT, subject="Re: [#123] Kettle", text="Your ticket number is 456.")
    assert body[:2] == ("problem", "threading.other_ticket")


def test_a_persons_text_is_full_of_other_numbers() -> None:
    assert told(subject="Re: [#123] Kettle", text="Your ticket number is 456.")[0] == "ok"


def test_without_numbers_the_thread_is_believed() -> None:
    nameless = [WRITTEN, Turn(Kind.HUMAN, "Which order?", "<2@desk.example>"), ANSWER]
    headers: Any = {"in_reply_to": ("<3@us.example>",)}
    assert told(earlier=nameless, subject="Re: Kettle", **headers) == ("ok", "threading.references", "<3@us.example>")
    assert told(earlier=nameless, subject="Kettle") == ("unknown", "threading.nothing_told", "Kettle")
    assert told(earlier=nameless, subject="[#9] Kettle", **headers)[0] == "ok"  # the first number that we hear of
    assert told(subject="Re: Kettle", references=("<1@us.example>",))[:2] == ("ok", "threading.references")


def test_before_there_is_an_answer_there_is_nothing_to_tell() -> None:
    assert told(earlier=[]) is None
    assert told(earlier=[WRITTEN, ASKED], subject="[#456] Kettle") is None
    anew = Turn(Kind.SENT, "Another question.", "<4@us.example>")  # a new contact may well be a new ticket
    assert told(earlier=[WRITTEN, ASKED, anew], subject="[#456] Kettle") is None


def test_a_bounce_of_the_answer_proves_that_nobody_can_answer() -> None:
    bounced = ("problem", "threading.bounced", "Action: failed 5.1.1")
    assert told(Kind.BOUNCE, permanent=True, returned_ids=("<3@us.example>",)) == bounced
    assert told(Kind.BOUNCE, permanent=True) == bounced
    assert told(Kind.BOUNCE, permanent=True, returned_ids=("<1@us.example>",)) is None
    assert told(Kind.BOUNCE, permanent=False, returned_ids=("<3@us.example>",)) is None
