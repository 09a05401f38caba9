"""When a visit is due."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from conversations.slots import latest_slot, next_slot, start_of
from conversations.visit import Visit

ZURICH = "Europe/Zurich"
YEARS = st.floats(datetime(2024, 1, 1, tzinfo=UTC).timestamp(), datetime(2036, 1, 1, tzinfo=UTC).timestamp())
WHOLE_SECONDS = YEARS.map(lambda epoch: float(int(epoch)))
EVERY = st.sampled_from(
    ["1 second", "1.1 seconds", "7 seconds", "90 seconds", "3.3 minutes", "2 hours", "1 day", "9 days", "100 days"]
)
CLOCKED = st.sampled_from(
    [
        {"at": ["10:30"]},
        {"at": ["02:30"]},
        {"at": ["02:00", "03:00", "mon-fri 16:00"]},
        {"at": ["sun 02:15", "sat 23:59"]},
        {"cron": "30 9 * * mon-fri"},
        {"cron": "*/7 * * * *"},
        {"cron": "30 2 * * *"},
        {"cron": "0 * * * *"},
        {"cron": "0 0 1 1 *"},
    ]
)
ZONES = st.sampled_from(["UTC", ZURICH, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])


def visit(**when: object) -> Visit:
    what = {"desk": "d", "channel": "c", "mailbox": "m", "scenario": "s"}
    return Visit.model_validate({**what, **when})


def local(epoch: float | None, zone: str = ZURICH) -> str:
    assert epoch is not None
    return datetime.fromtimestamp(epoch, ZoneInfo(zone)).strftime("%d %H:%M %Z")


def at(text: str, zone: str = ZURICH, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def all_slots(what: Visit, start: float, end: float, zone: str = ZURICH) -> list[float]:
    found = []
    while (start := next_slot("v", what, zone, start)) <= end:
        found.append(start)
    return found


# --- every ------------------------------------------------------------------------------------------------------


@given(name=st.text("abc", min_size=1, max_size=5), every=EVERY, now=YEARS)
def test_now_lies_between_the_latest_slot_and_the_next(name: str, every: str, now: float) -> None:
    what = visit(every=every)
    latest = latest_slot(name, what, "UTC", now)
    assert latest is not None
    assert latest <= now < next_slot(name, what, "UTC", now)


@given(name=st.text("abc", min_size=1, max_size=5), every=EVERY, now=YEARS)
def test_the_slot_that_is_announced_is_the_slot_that_comes(name: str, every: str, now: float) -> None:
    """To the last bit: it is a key of the journal and the seed of the jitter."""
    what = visit(every=every)
    upcoming = next_slot(name, what, "UTC", now)
    assert latest_slot(name, what, "UTC", upcoming) == upcoming


@given(name=st.text("abc", min_size=1, max_size=5), every=EVERY, now=YEARS, later=st.floats(0, 0.999))
def test_slots_are_the_same_whenever_the_bot_is_started(name: str, every: str, now: float, later: float) -> None:
    what = visit(every=every)
    moment = now + later * what.interval
    one, two = next_slot(name, what, "UTC", now), next_slot(name, what, "UTC", moment)
    assert two in {one, next_slot(name, what, "UTC", one)}


def test_slots_of_every_are_an_interval_apart() -> None:
    found = all_slots(visit(every="2 hours"), at("2026-03-02 00:00"), at("2026-03-03 00:00"))
    assert [later - sooner for sooner, later in pairwise(found)] == [7200.0] * 11


def test_visits_with_the_same_interval_do_not_all_begin_in_the_same_second() -> None:
    what, now = visit(every="1 hour"), at("2026-03-02 00:00")
    assert len({next_slot(f"visit{n}", what, "UTC", now) for n in range(50)}) == 50


# --- jitter -----------------------------------------------------------------------------------------------------


def test_jitter_is_drawn_once_for_each_slot() -> None:
    what = visit(every="1 hour", jitter="10 minutes")
    slots = all_slots(what, at("2026-03-02 00:00"), at("2026-03-12 00:00"))
    delays = [start_of("v", what, slot) - slot for slot in slots]
    assert delays == [start_of("v", what, slot) - slot for slot in slots]
    assert all(0 <= delay <= 600 for delay in delays)
    assert max(delays) - min(delays) > 480, "it is spread over the whole of it"
    assert start_of("another", what, slots[0]) != start_of("v", what, slots[0])


def test_without_jitter_a_visit_begins_at_its_slot() -> None:
    assert start_of("v", visit(every="1 hour"), 1000.0) == 1000.0


# --- at and cron ------------------------------------------------------------------------------------------------


@given(when=CLOCKED, zone=ZONES, now=st.one_of(YEARS, WHOLE_SECONDS))
@example(when={"at": ["10:30"]}, zone="UTC", now=at("2026-03-02 10:29", "UTC") + 59.5)
@example(when={"at": ["10:30"]}, zone="UTC", now=at("2026-03-02 10:30", "UTC"))
@example(when={"at": ["02:30"]}, zone=ZURICH, now=at("2026-03-29 03:10"))
@example(when={"at": ["02:30"]}, zone=ZURICH, now=at("2026-10-25 02:40", fold=1))
@example(when={"cron": "*/7 * * * *"}, zone=ZURICH, now=at("2026-10-25 02:40", fold=1))
def test_now_lies_between_the_slots_of_a_wall_clock(when: dict[str, object], zone: str, now: float) -> None:
    what = visit(**when)
    latest = latest_slot("v", what, zone, now)
    assert latest is not None
    assert latest <= now < next_slot("v", what, zone, now)


@given(when=CLOCKED, zone=ZONES, now=WHOLE_SECONDS)
@example(when={"at": ["02:30"]}, zone=ZURICH, now=at("2026-03-29 01:10"))
@example(when={"at": ["02:30"]}, zone=ZURICH, now=at("2026-10-25 01:10"))
@example(when={"cron": "*/7 * * * *"}, zone=ZURICH, now=at("2026-10-25 02:40", fold=0))
def test_the_announced_slot_of_a_wall_clock_is_the_one_that_comes(
    when: dict[str, object], zone: str, now: float
) -> None:
    what = visit(**when)
    upcoming = next_slot("v", what, zone, now)
    for moment in (upcoming, upcoming + 0.5, upcoming + 1.0):
        assume(moment < next_slot("v", what, zone, upcoming))
        assert latest_slot("v", what, zone, moment) == upcoming


def test_times_of_day_are_local_all_year() -> None:
    what = visit(at=["10:30"])
    for day in ("2026-01-15", "2026-07-15"):
        assert local(next_slot("v", what, ZURICH, at(f"{day} 00:00")))[3:8] == "10:30"


def test_a_time_that_the_clock_jumps_over_comes_once_that_day() -> None:
    """29 March 2026, Zurich: 02:00 becomes 03:00."""
    found = all_slots(visit(at=["02:30"]), at("2026-03-28 12:00"), at("2026-03-30 12:00"))
    assert [local(slot) for slot in found] == ["29 03:00 CEST", "30 02:30 CEST"]


def test_a_time_that_comes_twice_is_visited_once() -> None:
    """25 October 2026, Zurich: 03:00 becomes 02:00."""
    found = all_slots(visit(at=["02:30"]), at("2026-10-24 12:00"), at("2026-10-26 12:00"))
    assert [local(slot)[:8] for slot in found] == ["25 02:30", "26 02:30"]


def test_an_hourly_cron_runs_in_every_hour_of_a_long_day() -> None:
    found = all_slots(visit(cron="0 * * * *"), at("2026-10-25 00:30"), at("2026-10-25 04:30"))
    assert [later - sooner for sooner, later in pairwise(found)] == [3600.0] * 4


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_daily_visits_are_neither_lost_nor_doubled_over_a_change_of_the_clock(day: str) -> None:
    what = visit(at=["00:30", "01:30", "04:30", "23:30"])
    found = all_slots(what, at(f"{day} 00:00"), at(f"{day} 23:59"))
    assert [local(slot)[3:8] for slot in found] == ["00:30", "01:30", "04:30", "23:30"]


def test_weekdays_are_those_of_the_visit() -> None:
    found = all_slots(visit(at=["mon,sun 10:30"]), at("2026-03-02 00:00"), at("2026-03-15 23:59"))
    assert [local(slot)[:2] for slot in found] == ["02", "08", "09", "15"]  # 2 March 2026 is a Monday
