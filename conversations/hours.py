"""Business hours: when a desk is open, and what a promise in business time means."""

import difflib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, available_timezones

import holidays as calendars
from pydantic import AfterValidator, Field

from conversations.durations import Duration
from probes.settings import Settings

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_MIDNIGHT: Final = 24 * 60
_OPENING = re.compile(r"(?P<days>[a-z, -]*?)\s*(?P<opens>\d{1,2}:\d\d)\s*-\s*(?P<closes>\d{1,2}:\d\d)", re.ASCII)

Interval = tuple[datetime, datetime]


def parse_days(text: str) -> frozenset[int]:
    """Weekdays (Monday is 0) written as `mon-fri` or `sat,sun`; a range may go round the end of the week."""
    days: set[int] = set()
    for part in text.split(","):
        ends = [_weekday(name) for name in part.split("-")]
        if len(ends) > 2:
            raise ValueError("should name days as in mon-fri or sat,sun")
        days.update((ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1))
    return frozenset(days)


def parse_clock(text: str) -> int:
    """Minutes after midnight in `09:30`; 24:00 is the end of the day."""
    if re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00", text) is None:
        raise ValueError("should have times of day from 00:00 to 24:00")
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def parse_opening(text: str) -> tuple[frozenset[int], int, int]:
    """Days, opening and closing time (minutes after midnight) of `mon-fri 09:00-17:00`."""
    written = _OPENING.fullmatch(text.strip().lower())
    if written is None or not written["days"]:
        raise ValueError("should be days and times, as in mon-fri 09:00-17:00")
    opens, closes = parse_clock(written["opens"]), parse_clock(written["closes"])
    if opens == closes:
        raise ValueError("opens and closes at the same time; all day is 00:00-24:00")
    if opens > closes:
        raise ValueError("closes before it opens; write a night as two: fri 22:00-24:00 and sat 00:00-06:00")
    return parse_days(written["days"]), opens, closes


def parse_timezone(name: str) -> ZoneInfo:
    """The zone of that IANA name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "Europe" is a folder
        near = difflib.get_close_matches(name, available_timezones(), 1)
        hint = f"did you mean {near[0]}?" if near else "write it as in Europe/Zurich"
        raise ValueError(f"no such time zone; {hint}") from None


@lru_cache(maxsize=1000)
def parse_holidays(code: str) -> calendars.HolidayBase:
    """The public holidays of a country (`DE`) or a part of it (`CH-ZH`, ISO 3166), reckoned as they are asked for."""
    country, _, part = code.partition("-")
    hint = "write a country (DE) or a part of one (CH-ZH, US-CA)"
    if re.fullmatch("[A-Z]{2}", country) is None:
        raise ValueError(f"no such holidays; {hint}")
    try:
        whole = calendars.country_holidays(country)
    except (NotImplementedError, TypeError):
        raise ValueError(f"no such holidays; {hint}") from None
    if "-" not in code:
        return whole
    if part not in whole.subdivisions:
        raise ValueError(f"no such part of {country}; known: {', '.join(whole.subdivisions[:60]) or 'none'}")
    return calendars.country_holidays(country, subdiv=part)


def _weekday(name: str) -> int:
    name = name.strip()
    for number, weekday in enumerate(WEEKDAYS):
        if name in (weekday, weekday[:3]):
            return number
    raise ValueError("should name days as in mon-fri or sat,sun")


def _checked_opening(text: str) -> str:
    parse_opening(text)
    return text


def _checked_timezone(name: str) -> str:
    parse_timezone(name)
    return name


def _checked_holidays(code: str) -> str:
    parse_holidays(code)
    return code


def _some(openings: tuple[str, ...]) -> tuple[str, ...]:
    # min_length would complain about a missing opening whenever the only one is wrong.
    if not 1 <= len(openings) <= 100:
        raise ValueError("should have from 1 to 100 openings, such as mon-fri 09:00-17:00")
    return openings


Timezone = Annotated[
    str, AfterValidator(_checked_timezone), Field(description="IANA time zone", examples=["Europe/Zurich"])
]
Opening = Annotated[
    str, AfterValidator(_checked_opening), Field(description="Days and times", examples=["mon-fri 09:00-17:00"])
]
Holidays = Annotated[
    str,
    AfterValidator(_checked_holidays),
    Field(description="Days that are closed: a country or a part of one", examples=["DE", "CH-ZH", "US-CA"]),
]


class BusinessHours(Settings):
    """When a desk is open, on the wall clock of its time zone."""

    # All instants are aware datetimes; answers are in UTC. An opening or closing time that a clock change skips or
    # repeats is taken with the offset before the change (fold=0 of PEP 495).

    timezone: Timezone
    open: Annotated[
        tuple[Opening, ...],
        AfterValidator(_some),
        Field(description="When it is open in a week", json_schema_extra={"minItems": 1}),
    ]
    holidays: Holidays | None = None

    @classmethod
    def always(cls) -> Self:
        """Round the clock, in UTC."""
        return cls(timezone="UTC", open=("mon-sun 00:00-24:00",))

    def is_open(self, at: datetime) -> bool:
        """Whether the desk is open; at the minute of closing it is not."""
        return any(opens <= at < closes for opens, closes in self._day(self._local(at).date()))

    def opens(self, at: datetime) -> datetime:
        """`at` if the desk is open then, else its next opening."""
        return max(_utc(at), next(opens for opens, closes in self._intervals(at) if at < closes))

    def closes(self, at: datetime) -> datetime:
        """`at` if the desk is closed then, else when it closes next. Raises ValueError for one that never does."""
        if self.never_close:
            raise ValueError("this desk never closes")
        end = _utc(at)
        for opens, closes in self._intervals(end):
            if opens > end:
                break
            end = max(end, closes)  # at midnight one day goes over into the next
        return end

    @property
    def never_close(self) -> bool:
        """Whether it is open round the clock, all week, holidays too."""
        return self.holidays is None and all(day == ((0, _MIDNIGHT),) for day in self._week)

    def between(self, start: datetime, end: datetime) -> float:
        """Seconds of business time from `start` to `end`; negative if `end` is earlier."""
        if end < start:
            return -self.between(end, start)
        total = timedelta()
        for opens, closes in self._intervals(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta())
        return total.total_seconds()

    def after(self, start: datetime, duration: Duration) -> datetime:
        """When a promise of `duration` given at `start` runs out.

        Calendar time simply runs. Business hours run while the desk is open: it is the first instant by which so much
        business time has passed. For N business days, `start` moves to the next opening if the desk is closed, and
        from there N working days on at the same local time of day, kept within that day's hours (into a break: its
        end; past closing time: closing time).
        """
        if duration.seconds is not None:
            return _utc(start) + timedelta(seconds=duration.seconds)
        if duration.business_hours is not None:
            return self._after_hours(_utc(start), timedelta(hours=duration.business_hours))
        return self._after_days(self.opens(start), duration.business_days or 0)

    def _after_hours(self, start: datetime, left: timedelta) -> datetime:
        if not left:
            return start
        for opens, closes in self._intervals(start):
            available = closes - max(opens, start)
            if left <= available:
                return max(opens, start) + left
            left -= max(available, timedelta())
        raise AssertionError("the weeks never end")

    def _after_days(self, start: datetime, days: int) -> datetime:
        if not days:
            return start
        local = self._local(start)
        working = (day for step in count(1) if self._day(day := local.date() + timedelta(step)))
        day = next(day for number, day in enumerate(working, 1) if number == days)
        same_time = datetime.combine(day, local.time(), local.tzinfo).astimezone(UTC)
        for opens, closes in self._day(day):
            if same_time <= closes:
                return max(same_time, opens)
        return self._day(day)[-1][1]

    def _intervals(self, start: datetime) -> Iterator[Interval]:
        """All opening times from the day of `start` on, in order and apart from each other, for ever."""
        today = self._local(start).date()
        for step in count():
            yield from self._day(today + timedelta(step))

    def _day(self, day: date) -> tuple[Interval, ...]:
        if not self._week[day.weekday()] or (self._closed is not None and day in self._closed):
            return ()
        intervals: list[Interval] = []
        for opens, closes in self._week[day.weekday()]:
            # When the clock jumps over an opening time, the times after it may come out in another order.
            begin = max([self._instant(day, opens)] + [end for _, end in intervals[-1:]])
            if begin < (end := self._instant(day, closes)):
                intervals.append((begin, end))
        return tuple(intervals)

    def _instant(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, _MIDNIGHT)
        wall = time(minutes // 60, minutes % 60)
        return datetime.combine(day + timedelta(days), wall, self._zone).astimezone(UTC)

    def _local(self, at: datetime) -> datetime:
        return _utc(at).astimezone(self._zone)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)  # which keeps them itself

    @property
    def _closed(self) -> calendars.HolidayBase | None:
        return parse_holidays(self.holidays) if self.holidays else None

    @property
    def _week(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return _week(self.open)


@lru_cache(maxsize=1000)
def _week(openings: tuple[str, ...]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The opening times of each weekday, sorted, with what overlaps or touches joined."""
    week: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for days, opens, closes in sorted(map(parse_opening, openings), key=lambda opening: opening[1:]):
        for times in (week[day] for day in days):
            if times and opens <= times[-1][1]:
                times[-1] = (times[-1][0], max(closes, times[-1][1]))
            else:
                times.append((opens, closes))
    return tuple(map(tuple, week))


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return at.astimezone(UTC)
