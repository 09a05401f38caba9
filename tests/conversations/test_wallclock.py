from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.wallclock import At, following, latest, smallest_gap


@pytest.mark.parametrize("text", ["10:30", "mon-fri 10:30", "sat 09:00", "sun,tue 0:05", "Mon-Fri 23:59"])
def test_a_time_is_written_and_read_back(text: str) -> None:
    at = At.parse(text)
    assert At.parse(str(at)) == at


def test_a_time_names_its_days_or_means_every_day() -> None:
    assert At.parse("10:30") == At(frozenset(range(7)), 10, 30)
    assert At.parse("mon-fri 9:05") == At(frozenset(range(5)), 9, 5)
    assert str(At.parse("fri-mon 9:05")) == "mon,fri,sat,sun 09:05"


@pytest.mark.parametrize("text", ["", "24:00", "25:00", "10:60", "630", "noon", "fri", "10:30 fri", "mon-", "10:30:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be a time, or days and a time: 10:30, mon-fri 10:30"):
        At.parse(text)


def test_the_smallest_gap_goes_round_the_end_of_the_week() -> None:
    assert smallest_gap([At.parse("sun 23:00"), At.parse("mon 01:00")]) == 2 * 3600
    assert smallest_gap([At.parse("sun 23:00")]) == 7 * 86_400


# --- around a change of the clocks ------------------------------------------------------------------------------

CHANGES = {
    "Europe/Vienna": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "America/New_York": (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    "Antarctica/Troll": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
}


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, float, float]:
    """A zone, and two moments within hours of a change of its clocks, the earlier one first."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = draw(st.sampled_from(CHANGES[zone])).timestamp()
    moments = sorted(change + draw(st.integers(-6 * 3600, 6 * 3600)) for _ in range(2))
    return zone, *moments  # type: ignore[return-value]


EXPRESSIONS = st.one_of(
    st.builds(lambda hour, minute: f"{minute} {hour} * * *", st.integers(0, 4), st.integers(0, 59)),
    st.sampled_from(["*/7 * * * *", "30 * * * *", "0 */2 * * *", "15,45 2 * * sun"]),
)


@given(when=near_a_change(), expression=EXPRESSIONS)
def test_the_wall_clock_never_goes_back(when: tuple[str, float, float], expression: str) -> None:
    zone, earlier, later = when
    assert latest(expression, zone, earlier) <= latest(expression, zone, later) <= later
    assert later < following(expression, zone, later)
    assert following(expression, zone, earlier) <= following(expression, zone, later)


@given(when=near_a_change(), expression=EXPRESSIONS)
def test_what_comes_next_is_the_latest_when_it_has_come(when: tuple[str, float, float], expression: str) -> None:
    zone, now, _ = when
    upcoming = following(expression, zone, now)
    assert latest(expression, zone, upcoming) == upcoming
    assert latest(expression, zone, upcoming - 1) <= now
