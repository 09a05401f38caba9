import pytest

from conversations.wallclock import At, smallest_gap


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
