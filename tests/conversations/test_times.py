"""How long the customer waited, and which promises were kept: pure arithmetic over messages."""

from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.records import Conversation, StoredMessage, Verdict
from conversations.times import Elapsed, Times, elapsed, exchanges, promises_decided, times
from replies.kind import Kind
from tests.conversations.desk import START

ALWAYS = BusinessHours.always()
OFFICE = BusinessHours(timezone="Europe/Zurich", open=("mon-fri 09:00-17:00",))
HOUR = 3600.0


def talk(
    *said: tuple[str, float], ended: float | None = None, verdict: Verdict | None = Verdict.PASSED
) -> Conversation:
    """Messages as (`sent`, or the kind of what came in; seconds after the start)."""
    numbers = count(1)
    held = [
        StoredMessage(
            id=next(numbers),
            direction="out" if kind == "sent" else "in",
            kind=Kind(kind),
            message_id=None,
            subject="",
            sender="",
            recipient="",
            text="",
            at=START + at,
            detected_at=None if kind == "sent" else START + at,
        )
        for kind, at in said
    ]
    finished = None if ended is None else START + ended
    return Conversation(
        id="c",
        visit="v",
        due_at=START,
        desk="d",
        channel="c",
        mailbox="m",
        location="l",
        reference="r",
        definition="{}",
        verdict=None if ended is None else verdict,
        reason=None,
        started_at=START,
        finished_at=finished,
        waiting_since=None,
        wake_at=None,
        rev=0,
        owner=None,
        messages=held,
    )


def same(seconds: float) -> Elapsed:
    return Elapsed(seconds, seconds)


# --- times ------------------------------------------------------------------------------------------------------


def test_nothing_is_known_before_anything_was_sent() -> None:
    assert times(talk(), ALWAYS) == Times(None, None, (), None)
    assert times(talk(("human", 5.0)), ALWAYS) == Times(None, None, (), None)


def test_each_wait_is_measured_from_our_message_to_theirs() -> None:
    told = talk(
        ("sent", 0), ("acknowledgement", 2), ("human", 60), ("sent", 100), ("human", 250), ("sent", 260), ended=261
    )
    assert times(told, ALWAYS) == Times(2.0, same(60), (same(150),), same(250))


def test_an_open_conversation_has_no_resolution_and_neither_has_one_that_failed() -> None:
    said = (("sent", 0.0), ("human", 60.0))
    assert times(talk(*said), ALWAYS).resolution is None
    assert times(talk(*said, ended=100, verdict=Verdict.FAILED), ALWAYS).resolution is None
    assert times(talk(*said, ended=100), ALWAYS).resolution == same(60)


def test_an_out_of_office_note_and_a_bounce_are_no_replies() -> None:
    told = talk(("sent", 0), ("out_of_office", 1), ("bounce", 2), ("bulk", 3), ("other", 4), ended=9)
    assert times(told, ALWAYS) == Times(None, None, (), None)


def test_several_messages_of_ours_in_a_row_are_one_wait_that_begins_with_the_first() -> None:
    told = talk(("sent", 0), ("sent", 50), ("human", 80), ended=90)
    assert times(told, ALWAYS) == Times(None, same(80), (), same(80))


def test_several_replies_in_a_row_end_one_wait_with_the_first_of_them() -> None:
    told = talk(("sent", 0), ("human", 10), ("human", 20), ("sent", 30), ("human", 70), ended=90)
    assert times(told, ALWAYS) == Times(None, same(10), (same(40),), same(70))


def test_a_reply_that_crossed_our_message_does_not_answer_it() -> None:
    told = talk(("sent", 0), ("human", 10), ("human", 40), ("sent", 50), ended=60)
    assert times(told, ALWAYS).next_replies == ()


def test_what_came_in_after_the_end_counts_nowhere() -> None:
    told = talk(("sent", 0), ("human", 200), ended=100, verdict=Verdict.FAILED)
    assert times(told, ALWAYS) == Times(None, None, (), None)


def test_a_reply_that_seems_to_come_before_the_question_took_no_time() -> None:
    """Two clocks may disagree by a little; a second is the grain of a mail server's stamps."""
    told = talk(("sent", 0), ("acknowledgement", -0.5), ("human", -0.4), ended=9)
    assert times(told, ALWAYS) == Times(0.0, same(0), (), same(0))


def test_business_time_stands_still_while_the_desk_is_closed() -> None:
    friday_16 = datetime(2026, 3, 6, 15, 0, tzinfo=UTC).timestamp() - START  # 16:00 in Zurich
    monday_10 = datetime(2026, 3, 9, 9, 0, tzinfo=UTC).timestamp() - START
    told = talk(("sent", friday_16), ("human", monday_10), ended=monday_10 + 1)
    reply = times(told, OFFICE).first_reply
    assert reply == Elapsed(monday_10 - friday_16, 2 * HOUR)


def test_business_time_is_right_over_a_change_of_the_clock() -> None:
    saturday = datetime(2026, 3, 28, 12, 0, tzinfo=UTC).timestamp()  # the clocks go forward on the 29th
    monday = datetime(2026, 3, 30, 7, 30, tzinfo=UTC).timestamp()  # 09:30 in Zurich, summer time
    assert elapsed(saturday, monday, OFFICE).business == 1800


def test_the_times_as_json_have_exactly_the_promised_keys() -> None:
    told = times(talk(("sent", 0), ("acknowledgement", 1.23456), ("human", 60), ended=61), ALWAYS).to_json()
    assert told == {
        "acknowledgement_seconds": 1.235,
        "first_reply_seconds": {"calendar": 60.0, "business": 60.0},
        "next_reply_seconds": [],
        "resolution_seconds": {"calendar": 60.0, "business": 60.0},
        "delivery_seconds": None,
    }


def test_exchanges_end_with_the_first_message_that_nobody_answered() -> None:
    told = talk(("sent", 0), ("human", 10), ("sent", 20), ("sent", 30), ended=90)
    found = [(ours.at - START, reply and reply.at - START) for ours, reply in exchanges(told)]
    assert found == [(0, 10), (20, None)]


def test_a_reply_ends_the_wait_of_all_that_was_written_before_it() -> None:
    told = talk(("sent", 0), ("sent", 50), ("human", 80), ("human", 100), ended=110)
    found = [(ours.at - START, reply and reply.at - START) for ours, reply in exchanges(told)]
    assert found == [(0, 80)]


@given(
    st.lists(
        st.tuples(st.sampled_from(["sent", "human", "acknowledgement"]), st.floats(0, 1e6).map(lambda x: round(x, 3))),
        max_size=12,
    ),
    st.booleans(),
)
def test_no_time_is_negative_and_no_reply_ends_two_waits(said: list[tuple[str, float]], finished: bool) -> None:
    told = talk(*said, ended=2e6 if finished else None)
    found = times(told, OFFICE)
    waits = [found.first_reply, *found.next_replies, found.resolution]
    for wait in waits:
        assert wait is None or 0 <= wait.business <= wait.calendar + 1e-3
    ends = [reply.id for _, reply in exchanges(told) if reply is not None]
    assert len(ends) == len(set(ends))
    starts = [ours.at for ours, _ in exchanges(told)]
    assert starts == sorted(starts)


# --- promises ---------------------------------------------------------------------------------------------------

PROMISES = {
    "acknowledgement": Duration.parse("5 minutes"),
    "first_reply": Duration.parse("1 hour"),
    "next_reply": Duration.parse("2 hours"),
    "resolution": Duration.parse("4 hours"),
}


def decided(conversation: Conversation, hours: BusinessHours = ALWAYS, **promises: str) -> list[tuple[str, bool]]:
    given_ = {name: Duration.parse(text) for name, text in promises.items()} or PROMISES
    return [(each.promise, each.kept) for each in promises_decided(conversation, given_, hours)]


def test_all_promises_kept() -> None:
    told = talk(
        ("sent", 0),
        ("acknowledgement", 10),
        ("human", HOUR),
        ("sent", 2 * HOUR),
        ("human", 3 * HOUR),
        ("sent", 3 * HOUR + 9),
        ended=3 * HOUR + 10,
    )
    assert decided(told) == [
        ("acknowledgement", True),
        ("first_reply", True),
        ("next_reply", True),
        ("resolution", True),
    ]


def test_a_promise_is_missed_by_what_came_too_late() -> None:
    told = talk(("sent", 0), ("acknowledgement", 301), ("human", HOUR + 1), ended=HOUR + 5)
    assert decided(told) == [("acknowledgement", False), ("first_reply", False), ("resolution", True)]


def test_a_promise_is_missed_by_what_never_came() -> None:
    told = talk(("sent", 0), ended=5 * HOUR, verdict=Verdict.FAILED)
    assert decided(told) == [("acknowledgement", False), ("first_reply", False), ("resolution", False)]


def test_a_wait_that_ended_with_the_conversation_before_its_time_decides_nothing() -> None:
    told = talk(("sent", 0), ("acknowledgement", 10), ended=20, verdict=Verdict.FAULTED)
    assert decided(told) == [("acknowledgement", True)]


def test_nothing_is_decided_while_a_conversation_is_open_or_before_anything_was_sent() -> None:
    assert decided(talk(("sent", 0), ("human", 10))) == []
    assert decided(talk(ended=10 * HOUR, verdict=Verdict.FAULTED)) == []


def test_nobody_need_answer_our_thanks() -> None:
    told = talk(("sent", 0), ("human", 60), ("sent", 61), ended=100 * HOUR)
    assert ("next_reply", False) not in decided(told)
    failed = talk(("sent", 0), ("human", 60), ("sent", 61), ended=100 * HOUR, verdict=Verdict.FAILED)
    assert ("next_reply", False) in decided(failed)


def test_a_person_who_answers_at_once_has_acknowledged() -> None:
    assert ("acknowledgement", True) in decided(talk(("sent", 0), ("human", 60), ended=70))


def test_a_promise_that_was_not_made_is_not_judged() -> None:
    told = talk(("sent", 0), ended=5 * HOUR, verdict=Verdict.FAILED)
    assert decided(told, next_reply="1 hour") == []


def test_a_promise_in_business_time_runs_while_the_desk_is_open() -> None:
    friday_16 = datetime(2026, 3, 6, 15, 0, tzinfo=UTC).timestamp() - START
    monday_11 = datetime(2026, 3, 9, 10, 0, tzinfo=UTC).timestamp() - START
    told = talk(("sent", friday_16), ("human", monday_11), ended=monday_11 + 1)
    assert decided(told, OFFICE, first_reply="3 business hours") == [("first_reply", True)]
    assert decided(told, OFFICE, first_reply="2 business hours") == [("first_reply", False)]
    assert decided(told, OFFICE, first_reply="1 business day") == [("first_reply", True)]


@pytest.mark.parametrize(("late", "kept"), [(0.0, True), (0.001, False)])
def test_a_promise_is_kept_up_to_its_last_moment(late: float, kept: bool) -> None:
    told = talk(("sent", 0), ("human", HOUR + late), ended=HOUR + 10)
    assert decided(told, first_reply="1 hour") == [("first_reply", kept)]
