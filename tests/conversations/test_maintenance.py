"""When a desk is left alone, on the wall clock of its place."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from conversations.maintenance import Maintenance, Window, under_maintenance

ZURICH = "Europe/Zurich"


def window(**written: Any) -> Window:
    return Window.model_validate(
        {{"begins": "from", "lasts": "for"}.get(key, key): value for key, value in written.items()}
    )


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def goes_on(window: Window, text: str, timezone: str = ZURICH) -> bool:
    return window.until(timezone, at(text)) is not None


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    once = window(begins="2026-12-24 22:00", to="2026-12-25 02:00")
    assert not goes_on(once, "2026-12-24T21:59:59+01:00")
    assert goes_on(once, "2026-12-24T22:00+01:00")
    assert goes_on(once, "2026-12-25T01:59:59+01:00")
    assert not goes_on(once, "2026-12-25T02:00+01:00")


def test_a_time_without_an_offset_is_of_the_window_s_zone_else_of_the_desk_s() -> None:
    written = {"begins": "2026-12-24 22:00", "to": "2026-12-24 23:00"}
    assert goes_on(window(**written), "2026-12-24T22:30+01:00", ZURICH)
    assert goes_on(window(**written), "2026-12-24T22:30-05:00", "America/New_York")
    assert goes_on(window(**written, timezone="Asia/Tokyo"), "2026-12-24T22:30+09:00", ZURICH)
    offset = window(begins="2026-12-24T22:00+02:00", to="2026-12-24T21:00:00Z")
    assert goes_on(offset, "2026-12-24T20:30+00:00", "Asia/Tokyo")


def test_a_recurring_window_comes_back_on_the_wall_clock_and_lasts_as_long_as_it_says() -> None:
    weekly = window(at="sun 02:00", lasts="2h")
    for sunday, offset in (("2026-03-22", "+01:00"), ("2026-07-05", "+02:00"), ("2026-12-06", "+01:00")):
        assert goes_on(weekly, f"{sunday}T02:00{offset}") and goes_on(weekly, f"{sunday}T03:59{offset}")
        assert not goes_on(weekly, f"{sunday}T01:59{offset}") and not goes_on(weekly, f"{sunday}T04:00{offset}")
    assert not goes_on(weekly, "2026-07-06T02:30+02:00"), "a Monday"


def test_when_summer_begins_the_hour_that_is_skipped_does_not_lengthen_it() -> None:
    weekly = window(at="sun 01:30", lasts="1h")
    assert weekly.until(ZURICH, at("2026-03-29T01:45+01:00")) == at("2026-03-29T03:30+02:00")
    assert goes_on(weekly, "2026-03-29T03:29+02:00") and not goes_on(weekly, "2026-03-29T03:30+02:00")


def test_a_beginning_that_summer_skips_is_when_the_clock_goes_on() -> None:
    weekly = window(at="sun 02:30", lasts="1h")
    assert not goes_on(weekly, "2026-03-29T01:59+01:00")
    assert goes_on(weekly, "2026-03-29T03:00+02:00")


def test_when_summer_ends_it_begins_once_and_not_again() -> None:
    weekly = window(at="sun 02:15", lasts="30m")
    assert goes_on(weekly, "2026-10-25T02:30+02:00")
    assert not goes_on(weekly, "2026-10-25T02:50+02:00")
    assert not goes_on(weekly, "2026-10-25T02:30+01:00"), "the same hour, a second time"


def test_it_may_go_over_midnight_and_the_end_of_the_week() -> None:
    weekly = window(at="sun 23:00", lasts="3h")
    assert goes_on(weekly, "2026-11-30T01:59+01:00") and not goes_on(weekly, "2026-11-30T02:00+01:00")


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({}, "should have from and to, or at and for"),
        ({"begins": "2026-12-24 22:00"}, "should have from and to, or at and for"),
        ({"at": "sun 02:00"}, "should have from and to, or at and for"),
        ({"at": "sun 02:00", "lasts": "2h", "to": "2026-12-24 22:00"}, "should have from and to, or at and for"),
        ({"begins": "2026-12-24 22:00", "to": "2026-12-24 22:00"}, "should end after it begins"),
        ({"begins": "2026-12-24 22:00", "to": "2026-12-24T23:00Z"}, "both have an offset, or neither"),
        ({"begins": "1700000000", "to": "2026-12-24 23:00"}, "should be a date and a time"),
        ({"begins": "24.12.2026", "to": "2026-12-24 23:00"}, "should be a date and a time"),
        ({"at": "02:00", "lasts": "1 day"}, "shorter than the time from one to the next"),
        ({"at": "sun 02:00", "lasts": "2 business hours"}, "should be in calendar time"),
    ],
)
def test_what_is_no_window_is_refused(written: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        window(**written)


def test_of_several_the_one_that_ends_last_is_told() -> None:
    now = at("2026-12-24T22:30+01:00")
    windows = [
        window(begins="2026-12-24 22:00", to="2026-12-24 23:00", reason="short"),
        window(at="22:00", lasts="5h", reason="long"),
        window(begins="2026-12-26 22:00", to="2026-12-27 23:00", reason="another day"),
    ]
    assert under_maintenance(windows, ZURICH, now) == Maintenance(at("2026-12-25T03:00+01:00"), "long")
    decided = Maintenance(now + 86_400, "by hand")
    assert under_maintenance(windows, ZURICH, now, decided) == decided
    assert under_maintenance([], ZURICH, now, Maintenance(now, "over")) is None
    assert under_maintenance([], ZURICH, now) is None


@given(st.floats(at("2020-01-01T00:00Z"), at("2035-01-01T00:00Z")), st.integers(1, 167))
def test_it_goes_on_exactly_so_long_after_each_beginning(now: float, hours: int) -> None:
    weekly = window(at="sun 02:00", lasts=f"{hours}h")
    until = weekly.until(ZURICH, now)
    if until is not None:
        began = until - hours * 3600
        assert began <= now < until
        assert weekly.until(ZURICH, began) == until
        assert weekly.until(ZURICH, began - 1) is None


def test_it_is_written_and_read_back() -> None:
    for each in (window(at="sun 02:00", lasts="2h"), window(begins="2026-12-24 22:00", to="2026-12-25 02:00")):
        assert Window.model_validate_json(each.model_dump_json(by_alias=True)) == each
