from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from conversations.durations import Duration
from conversations.hours import BusinessHours, parse_days

ZURICH = ZoneInfo("Europe/Zurich")
OFFICE = BusinessHours(timezone="Europe/Zurich", open=("mon-fri 09:00-17:00",), holidays="CH-ZH")
SPLIT = BusinessHours(
    timezone="America/New_York", open=("mon-fri 08:00-12:00", "mon-fri 13:00-18:00", "sat 10:00-12:00")
)
NIGHT = BusinessHours(timezone="Europe/Zurich", open=("sat-sun 00:00-04:00", "sat-sun 22:00-24:00"))
EDGES = BusinessHours(
    timezone="America/New_York", open=("mon-sun 01:15-01:45", "mon-sun 02:15-02:45", "mon-sun 03:00-05:00")
)
CAIRO = BusinessHours(timezone="Africa/Cairo", open=("mon-sun 00:00-24:00",))  # its clock changes at midnight
HOURS = st.sampled_from([OFFICE, SPLIT, NIGHT, EDGES, CAIRO, BusinessHours.always()])
START, END = datetime(2025, 12, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
# A year with every clock change of those zones and some room on both sides.
INSTANT = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))


def zurich(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH)


def local(at: datetime) -> str:
    return at.astimezone(ZURICH).strftime("%a %Y-%m-%d %H:%M")


def deadline(start: str, within: str, hours: BusinessHours = OFFICE) -> str:
    return local(hours.after(zurich(start), Duration.parse(within)))


@given(HOURS, INSTANT, INSTANT, INSTANT)
def test_business_time_adds_up(hours: BusinessHours, a: datetime, b: datetime, c: datetime) -> None:
    assert hours.between(a, b) + hours.between(b, c) == pytest.approx(hours.between(a, c), abs=1e-3)


@given(HOURS, INSTANT, INSTANT)
def test_business_time_is_never_more_than_calendar_time(hours: BusinessHours, a: datetime, b: datetime) -> None:
    a, b = sorted((a, b))
    assert 0 <= hours.between(a, b) <= (b - a).total_seconds()


@given(HOURS, INSTANT, st.floats(0, 60))
def test_a_deadline_is_exactly_so_much_business_time_away(hours: BusinessHours, start: datetime, amount: float) -> None:
    duration = Duration(business_hours=amount)
    end = hours.after(start, duration)
    assert duration.business_hours is not None
    assert hours.between(start, end) == pytest.approx(duration.business_hours * 3600, abs=1e-3)


@given(HOURS, INSTANT, st.floats(0.01, 60))
def test_a_deadline_is_the_first_instant_by_which_the_time_has_passed(
    hours: BusinessHours, start: datetime, amount: float
) -> None:
    end = hours.after(start, Duration(business_hours=amount))
    assert hours.between(start, end - timedelta(seconds=1)) < hours.between(start, end)


@given(HOURS, INSTANT, st.integers(0, 20))
def test_business_days_end_on_an_open_day_within_its_hours(hours: BusinessHours, start: datetime, days: int) -> None:
    end = hours.after(start, Duration(business_days=days))
    assert end >= start
    assert hours.is_open(end) or hours.is_open(end - timedelta(microseconds=1))


@given(HOURS, INSTANT, INSTANT, st.integers(0, 20))
def test_who_asks_later_is_not_answered_earlier(hours: BusinessHours, a: datetime, b: datetime, days: int) -> None:
    a, b = sorted((a, b))
    for duration in (Duration(business_days=days), Duration(business_hours=days), Duration(seconds=days)):
        assert hours.after(a, duration) <= hours.after(b, duration)


@given(HOURS, INSTANT)
def test_the_next_opening_is_open_and_nothing_before_it_is(hours: BusinessHours, at: datetime) -> None:
    opening = hours.opens(at)
    assert hours.is_open(opening)
    assert hours.between(at, opening) == 0


@given(INSTANT, INSTANT)
def test_round_the_clock_business_time_is_calendar_time(a: datetime, b: datetime) -> None:
    for hours in (BusinessHours.always(), CAIRO):
        assert hours.between(a, b) == pytest.approx((b - a).total_seconds(), abs=1e-3)


@settings(max_examples=30)
@given(HOURS, INSTANT)
def test_open_by_the_second_is_the_sum_of_business_time(hours: BusinessHours, start: datetime) -> None:
    start = start.replace(second=0, microsecond=0)
    minutes = [start + timedelta(minutes=n) for n in range(600)]
    assert hours.between(start, start + timedelta(minutes=600)) == 60 * sum(map(hours.is_open, minutes))


@pytest.mark.parametrize(
    ("start", "within", "end"),
    [
        ("2026-11-02T10:00", "4 business hours", "Mon 2026-11-02 14:00"),
        ("2026-11-02T15:00", "4 business hours", "Tue 2026-11-03 11:00"),
        ("2026-11-06T16:00", "4 business hours", "Mon 2026-11-09 12:00"),
        ("2026-11-07T12:00", "4 business hours", "Mon 2026-11-09 13:00"),
        ("2026-11-02T09:00", "8 business hours", "Mon 2026-11-02 17:00"),
        ("2026-11-02T10:00", "1 business day", "Tue 2026-11-03 10:00"),
        ("2026-11-06T10:00", "1 business day", "Mon 2026-11-09 10:00"),
        ("2026-11-06T18:00", "1 business day", "Tue 2026-11-10 09:00"),
        ("2026-11-06T17:00", "1 business day", "Tue 2026-11-10 09:00"),
        ("2026-11-07T12:00", "0 business days", "Mon 2026-11-09 09:00"),
        ("2026-11-06T18:00", "2 days", "Sun 2026-11-08 18:00"),
        ("2026-12-24T16:00", "4 business hours", "Mon 2026-12-28 12:00"),  # 25 December, and the 26th is a Saturday
        ("2026-12-31T10:00", "1 business day", "Mon 2027-01-04 10:00"),  # 1 January
        ("2026-09-11T10:00", "1 business day", "Mon 2026-09-14 10:00"),
    ],
)
def test_deadlines_of_an_office_in_zurich(start: str, within: str, end: str) -> None:
    assert deadline(start, within) == end


def test_a_holiday_of_the_canton_is_closed_and_elsewhere_it_is_not() -> None:
    labour_day = zurich("2026-05-01T10:00")
    assert not OFFICE.is_open(labour_day)
    assert OFFICE.model_copy(update={"holidays": "CH-AI"}).is_open(labour_day)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Zurich", date(2026, 3, 29), 23),
        ("Europe/Zurich", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
    ],
)
def test_a_day_on_which_the_clock_changes_is_as_long_as_it_is(zone: str, day: date, hours: int) -> None:
    around = BusinessHours(timezone=zone, open=("sun 00:00-24:00",))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    assert around.between(noon - timedelta(days=2), noon + timedelta(days=2)) == hours * 3600


def test_the_same_time_of_day_is_kept_over_a_clock_change() -> None:
    assert deadline("2026-03-27T10:00", "1 business day") == "Mon 2026-03-30 10:00"
    assert deadline("2026-10-23T10:00", "1 business day") == "Mon 2026-10-26 10:00"
    assert deadline("2026-03-27T10:00", "3 days") == "Mon 2026-03-30 11:00"


def test_an_opening_that_the_clock_skips_does_not_count_twice() -> None:
    new_york = ZoneInfo("America/New_York")
    start = datetime(2026, 3, 8, 0, tzinfo=new_york)
    # 02:15-02:45 becomes 03:15-03:45, within 03:00-05:00
    assert EDGES.between(start, datetime(2026, 3, 8, 6, tzinfo=new_york)) == 1800 + 105 * 60


def test_business_days_keep_within_that_days_hours() -> None:
    hours = BusinessHours(
        timezone="Europe/Zurich",
        open=("mon-fri 09:00-12:00", "mon-thu 13:00-18:00", "fri 14:00-15:00"),
    )
    assert deadline("2026-11-05T17:30", "1 business day", hours) == "Fri 2026-11-06 15:00"
    assert deadline("2026-11-05T13:30", "1 business day", hours) == "Fri 2026-11-06 14:00"
    assert deadline("2026-11-05T12:30", "1 business day", hours) == "Fri 2026-11-06 14:00"
    assert deadline("2026-11-05T11:30", "1 business day", hours) == "Fri 2026-11-06 11:30"


def test_overlapping_and_touching_openings_count_once() -> None:
    hours = BusinessHours(
        timezone="UTC",
        open=("mon 09:00-12:00", "mon 11:00-13:00", "mon-tue 13:00-14:00", "mon 09:30-10:00"),
    )
    start = datetime(2026, 11, 2, tzinfo=UTC)
    assert hours.between(start, start + timedelta(days=1)) == 5 * 3600


def test_days_are_named_in_ranges_and_lists() -> None:
    assert parse_days("mon-fri") == {0, 1, 2, 3, 4}
    assert parse_days("sat-mon") == {5, 6, 0}
    assert parse_days("monday, wed-thu") == {0, 2, 3}
    for wrong in ("", "mon-", "mon-tue-wed", "moon", "mon tue", "-"):
        with pytest.raises(ValueError, match="should name days"):
            parse_days(wrong)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"timezone": "Europe/Zürich"}, "no such time zone; did you mean Europe/Zurich?"),
        ({"timezone": "Europe"}, "no such time zone"),
        ({"timezone": "../../etc/passwd"}, "no such time zone"),
        ({"holidays": "XX"}, "no such holidays; write a country"),
        ({"holidays": "__"}, "no such holidays; write a country"),
        ({"holidays": "CH-"}, "no such part of CH; known: AG, AI"),
        ({"holidays": "CH-XX"}, "no such part of CH; known: AG, AI"),
        ({"open": ["mon-fri 22:00-06:00"]}, "write a night as two: fri 22:00-24:00 and sat 00:00-06:00"),
        ({"open": ["mon 09:00-09:00"]}, "all day is 00:00-24:00"),
        ({"open": ["mon 09:00-24:30"]}, "times of day from 00:00 to 24:00"),
        ({"open": ["09:00-17:00"]}, "should be days and times"),
        ({"open": ["mon-fri"]}, "should be days and times"),
        ({"open": ["moon 09:00-17:00"]}, "should name days"),
        ({"open": []}, "from 1 to 100 openings"),
    ],
)
def test_a_mistake_is_told_with_its_cure(change: dict[str, object], complaint: str) -> None:
    right = {"timezone": "Europe/Zurich", "open": ["mon-fri 09:00-17:00"]}
    with pytest.raises(ValidationError) as caught:
        BusinessHours.model_validate(right | change)
    (error,) = caught.value.errors(include_input=False)
    assert complaint in error["msg"]


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs its time zone"):
        OFFICE.after(START.replace(tzinfo=None), Duration(seconds=1))


def test_hours_are_written_and_read_back() -> None:
    assert BusinessHours.model_validate_json(OFFICE.model_dump_json()) == OFFICE


@pytest.mark.parametrize(
    ("at", "closes"),
    [
        ("2026-03-02 10:00", "Mon 2026-03-02 17:00"),
        ("2026-03-02 17:00", "Mon 2026-03-02 17:00"),
        ("2026-03-07 12:00", "Sat 2026-03-07 12:00"),
    ],
)
def test_a_desk_closes_at_its_next_closing_time_or_is_closed(at: str, closes: str) -> None:
    assert local(OFFICE.closes(zurich(at))) == closes


@given(HOURS, INSTANT)
def test_when_a_desk_closes_it_is_closed_and_was_open_until_then(hours: BusinessHours, at: datetime) -> None:
    if hours.never_close:
        with pytest.raises(ValueError, match="never closes"):
            hours.closes(at)
        return
    closes = hours.closes(at)
    assert not hours.is_open(closes)
    assert hours.between(at, closes) == (closes - at).total_seconds()


def test_midnight_is_no_closing_time_of_a_desk_that_is_open_on_both_sides() -> None:
    assert local(NIGHT.closes(zurich("2026-03-07 23:00"))) == "Sun 2026-03-08 04:00"
