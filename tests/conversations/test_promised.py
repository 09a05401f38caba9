"""What the desk promised of itself, and whether it answered in time."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from conversations.customer import Customer
from conversations.hours import BusinessHours
from conversations.promised import deadline_of, stated_promises
from conversations.records import Conversation, StoredFinding
from conversations.scenario import scenario
from replies.promise import promise
from tests.conversations.desk import Town, begin, definition, life
from tests.conversations.test_times import talk

OFFICE = BusinessHours(timezone="Europe/Zurich", open=("mon-fri 09:00-17:00",), holidays="CH-ZH")
HOUR, DAY = 3_600.0, 86_400.0


def told(text: str, *said: tuple[str, float], page: str = "", confirmation: str = "") -> Conversation:
    """A talk in which the acknowledgements say `text`, and the form's pages what is given."""
    talked = talk(*said)
    for message in talked.messages:
        if message.kind == "acknowledgement":
            message.text = text
        elif not message.inbound:
            message.envelope = {"page": page, "confirmation": confirmation}
    return talked


def judged(talked: Conversation, hours: BusinessHours | None = None, *, ended: float) -> list[StoredFinding]:
    return list(stated_promises(talked, hours, talked.started_at + ended))


def test_a_promise_of_the_acknowledgement_is_kept_with_what_was_left() -> None:
    talked = told("We reply within 24 hours.", ("sent", 0), ("acknowledgement", 60), ("human", 60 + 20 * HOUR))
    (found,) = judged(talked, ended=2 * DAY)
    assert (found.check, found.result, found.rule) == ("promise", "ok", "promise.kept")
    assert found.evidence == "We reply within 24 hours."
    assert found.value == {
        "source": "acknowledgement",
        "seconds": DAY,
        "unit": "hours",
        "kept": True,
        "margin_seconds": 4 * HOUR,
    }


def test_a_late_reply_misses_it_by_so_much() -> None:
    talked = told("We reply within 2 hours.", ("sent", 0), ("acknowledgement", 0), ("human", 5 * HOUR))
    (found,) = judged(talked, ended=DAY)
    assert (found.result, found.rule, found.value["kept"], found.value["margin_seconds"]) == (
        "problem",
        "promise.missed",
        False,
        -3 * HOUR,
    )


def test_silence_beyond_it_misses_it_and_an_early_end_decides_nothing() -> None:
    talked = told("We reply within 2 hours.", ("sent", 0), ("acknowledgement", 0))
    (missed,) = judged(talked, ended=3 * HOUR)
    assert (missed.rule, missed.value["margin_seconds"]) == ("promise.missed", -HOUR)
    (early,) = judged(talked, ended=HOUR)
    assert (early.result, early.rule, early.value["kept"], early.value["margin_seconds"]) == (
        "unknown",
        "promise.undecided",
        None,
        None,
    )


def test_as_soon_as_possible_is_never_missed() -> None:
    talked = told("We reply as soon as possible.", ("sent", 0), ("acknowledgement", 0), ("human", 30 * DAY))
    (found,) = judged(talked, ended=31 * DAY)
    assert (found.result, found.rule, found.value["kept"]) == ("unknown", "promise.vague", None)


def test_the_pages_of_the_form_promise_from_the_moment_it_was_sent() -> None:
    page = "Contact us\nName\nWe answer within 1 hour.\nSend"
    talked = told("", ("sent", 0), ("human", 2 * HOUR), page=page, confirmation="Thanks!\nYou hear from us today.")
    of_page, of_confirmation = judged(talked, ended=DAY)
    assert (of_page.value["source"], of_page.rule, of_page.evidence) == (
        "page",
        "promise.missed",
        "We answer within 1 hour.",
    )
    assert (of_confirmation.value["source"], of_confirmation.rule) == ("confirmation", "promise.kept")


def test_a_page_that_says_it_again_after_the_form_is_judged_once() -> None:
    page = "We answer within 1 hour."
    assert len(judged(told("", ("sent", 0), page=page, confirmation=f"Thanks!\n{page}"), ended=DAY)) == 1


def test_a_desk_that_named_no_time_is_said_to_have_named_none() -> None:
    (found,) = judged(told("We got it.", ("sent", 0), ("acknowledgement", 1)), ended=DAY)
    assert (found.result, found.rule, found.value["kept"]) == ("unknown", "promise.none", None)
    assert judged(told("", ("sent", 0), ("human", 5)), ended=DAY) == []  # nothing in which one could have stood


def zurich(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Zurich"))


@pytest.mark.parametrize(
    ("text", "at", "deadline"),
    [
        ("We reply within 24 hours.", "2026-11-20 16:00", "2026-11-21 16:00"),  # a Friday
        ("We reply within 2 business days.", "2026-11-20 16:00", "2026-11-24 16:00"),
        ("We reply within 1 business day.", "2026-12-24 16:00", "2026-12-28 16:00"),  # Christmas, then a weekend
        ("We reply within 4 business hours.", "2026-11-20 15:00", "2026-11-23 11:00"),
        ("We reply tomorrow.", "2026-11-20 16:00", "2026-11-22 00:00"),
        ("We reply today.", "2026-11-20 16:00", "2026-11-21 00:00"),
        ("We reply by Monday.", "2026-11-20 16:00", "2026-11-24 00:00"),
        ("We reply by Friday.", "2026-11-20 16:00", "2026-11-28 00:00"),
        ("We reply by the end of the week.", "2026-11-20 16:00", "2026-11-23 00:00"),
        ("We reply next week.", "2026-11-20 16:00", "2026-11-30 00:00"),
    ],
)
def test_a_deadline_is_on_the_desks_clock_and_calendar(text: str, at: str, deadline: str) -> None:
    found = promise(text)
    assert found is not None
    assert deadline_of(found, zurich(at).astimezone(UTC), OFFICE) == zurich(deadline)


def test_without_known_hours_business_days_skip_weekends_and_business_hours_have_no_deadline() -> None:
    friday = datetime(2026, 11, 20, 16, tzinfo=UTC)
    days, hours = promise("We reply within 1 business day."), promise("We reply within 4 business hours.")
    assert days is not None
    assert hours is not None
    assert deadline_of(days, friday, None) == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert deadline_of(hours, friday, None) is None


@scenario("Ask")
async def ask(customer: Customer) -> None:
    await customer.write("Where is my parcel?")
    await customer.reply()


def answer_late(town: Town, mail: EmailMessage) -> None:
    town.reply(
        mail, "We have received your request and will reply within 2 hours.", **{"Auto-Submitted": "auto-replied"}
    )
    town.clock.time += 3 * HOUR
    town.reply(mail, "Hello Anna,\n\nit left yesterday.\n\nRobin")


async def test_the_journal_holds_the_judgement_once_when_the_conversation_ends(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=answer_late)
    async with life(town, ask) as process:
        ended = await process.play(await begin(process.journal, definition(), town.clock.now()))
    found = [each for each in ended.findings if each.check == "promise" and each.rule.startswith("promise.m")]
    assert [(each.rule, each.value["unit"], each.value["kept"]) for each in found] == [
        ("promise.missed", "hours", False)
    ]


async def test_a_conversation_ends_also_when_a_promise_cannot_be_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("within 2 hours")

    monkeypatch.setattr("conversations.promised.deadline_of", broken)
    town = Town(tmp_path, answer=answer_late)
    async with life(town, ask) as process:
        ended = await process.play(await begin(process.journal, definition(), town.clock.now()))
    assert ended.verdict == "passed"
    assert not [each for each in ended.findings if each.check == "promise" and each.message is None]
    assert "what the desk promised failed: OverflowError" in caplog.text
    assert "within 2 hours" not in caplog.text
