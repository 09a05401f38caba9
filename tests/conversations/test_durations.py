import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from conversations.durations import LONGEST_BUSINESS_DAYS, LONGEST_BUSINESS_HOURS, LONGEST_DAYS, Duration

ANY = st.one_of(
    st.floats(0, LONGEST_DAYS * 86_400).map(lambda n: Duration(seconds=n)),
    st.integers(0, LONGEST_DAYS * 86_400).map(lambda n: Duration(seconds=n)),
    st.floats(0, LONGEST_BUSINESS_HOURS).map(lambda n: Duration(business_hours=n)),
    st.integers(0, LONGEST_BUSINESS_DAYS).map(lambda n: Duration(business_days=n)),
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5m", 300), ("90s", 90), ("2 hours", 7200), ("4h", 14400), ("4 h", 14400), ("4 hours", 14400), ("90 min", 5400),
     ("1.5 hours", 5400), ("1 week", 604800), ("2 days", 172800), (" 1 Day ", 86400), ("0s", 0), ("0.25s", 0.25),
     ("1 minute", 60)],
)  # fmt: skip
def test_calendar_durations_are_read(written: str, seconds: float) -> None:
    assert Duration.parse(written) == Duration(seconds=seconds)
    assert not Duration.parse(written).business


def test_business_durations_are_read() -> None:
    assert Duration.parse("4 business hours") == Duration(business_hours=4)
    assert Duration.parse("1.5 business  h") == Duration(business_hours=1.5)
    assert Duration.parse("1 business day") == Duration(business_days=1)
    assert Duration.parse("1 business day").business


@given(ANY)
def test_what_is_written_is_read_back_as_the_same(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration


@given(ANY)
def test_the_schema_accepts_what_is_written(duration: Duration) -> None:
    assert re.match(TypeAdapter(Duration).json_schema()["pattern"], str(duration))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("300s", "5 minutes"), ("60s", "1 minute"), ("7d", "1 week"), ("90 min", "90 minutes"), ("1.5s", "1.5 seconds"),
     ("0 h", "0 seconds"), ("1 business hour", "1 business hour"), ("2 business days", "2 business days")],
)  # fmt: skip
def test_it_is_written_in_the_largest_whole_unit(written: str, canonical: str) -> None:
    assert str(Duration.parse(written)) == canonical


@pytest.mark.parametrize("written", ["5", "5.0", " 7 "])
def test_a_number_without_a_unit_is_told_so(written: str) -> None:
    with pytest.raises(ValueError, match="needs a unit: 30s, 5m"):
        Duration.parse(written)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "-5m", "5 fortnights", "5m 3s", "1e5 s", "५ hours", "5 business", "business days", "9" * 13 + "s",
     "999999999999w", "inf s", "6000 business hours"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="should be a duration"):
        Duration.parse(written)


@pytest.mark.parametrize("written", ["1.5 business days", "2 business weeks", "5 business minutes"])
def test_business_time_is_in_hours_or_whole_days(written: str) -> None:
    with pytest.raises(ValueError, match="whole days: 4 business hours"):
        Duration.parse(written)


def test_a_duration_has_exactly_one_clock() -> None:
    for fields in ({}, {"seconds": 1.0, "business_days": 1}):
        with pytest.raises(ValueError, match="in seconds, in business hours or in business days"):
            Duration(**fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 to 3660 days"):
        Duration(seconds=float("nan"))


@given(ANY.filter(lambda duration: duration.amount < 125))
def test_a_multiple_stays_in_its_clock(duration: Duration) -> None:
    assert (duration * 1) == duration
    assert (4 * duration).business == duration.business
    assert (4 * duration).amount == pytest.approx(4 * duration.amount, abs=1e-5)


def test_a_multiple_is_no_longer_than_a_duration_can_be() -> None:
    assert Duration(business_days=400) * 4 == Duration(business_days=LONGEST_BUSINESS_DAYS)
    assert Duration.parse("3000 days") * 4 == Duration(seconds=LONGEST_DAYS * 86_400)


def test_zero_is_false() -> None:
    assert not Duration.parse("0s")
    assert Duration.parse("0.1s")


class Promise(BaseModel):
    within: Duration


def test_a_model_reads_it_and_writes_it_as_text() -> None:
    promise = Promise.model_validate({"within": "4 business hours"})
    assert json.loads(promise.model_dump_json()) == {"within": "4 business hours"}
    assert Promise.model_validate_json(promise.model_dump_json()) == promise
    assert Promise(within=Duration(seconds=1)).within.seconds == 1


@pytest.mark.parametrize("written", [5, 5.5])
def test_a_bare_number_in_a_model_is_told_about_its_unit(written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Promise.model_validate({"within": written})
    assert caught.value.errors(include_input=False)[0]["msg"].startswith("needs a unit: 30s, 5m")


@pytest.mark.parametrize("written", [None, True, ["5m"], {}])
def test_something_else_in_a_model_is_no_duration(written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Promise.model_validate({"within": written})
    assert caught.value.errors(include_input=False)[0]["msg"].startswith("should be a duration: 30s, 5m")
