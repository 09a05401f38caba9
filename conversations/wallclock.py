"""The clock on the wall of a place: times of day and cron expressions, right at both ends of daylight saving time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from conversations.hours import WEEKDAYS, parse_clock, parse_days

_WEEK: Final = 7 * 24 * 60

LONGEST_JUMP: Final = 2 * 3600
"""Seconds by which clocks are changed at most.

cronsim reckons with bare times of day, so from within an hour that comes twice it does not see what was, or will be, in the
other of the two: it is asked from outside of that hour.
"""


@dataclass(frozen=True, slots=True)
class At:
    """A time of day on some days of the week (Monday is 0): `10:30`, `mon-fri 10:30`."""

    days: frozenset[int]
    hour: int
    minute: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; ValueError tells how to write one."""
        days, _, clock = text.strip().lower().rpartition(" ")
        try:
            hour, minute = divmod(parse_clock(clock), 60)
            if hour < 24:
                return cls(parse_days(days or "mon-sun"), hour, minute)
        except ValueError:
            pass
        raise ValueError("should be a time, or days and a time: 10:30, mon-fri 10:30")

    @property
    def cron(self) -> str:
        """The same as a cron expression, where Monday is 1."""
        return f"{self.minute} {self.hour} * * {','.join(str((day + 1) % 7) for day in sorted(self.days))}"

    def __str__(self) -> str:
        clock = f"{self.hour:02}:{self.minute:02}"
        days = ",".join(WEEKDAYS[day][:3] for day in sorted(self.days))
        return clock if len(self.days) == 7 else f"{days} {clock}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        pattern = r"^\s*([A-Za-z, -]+\s)?([01]?[0-9]|2[0-3]):[0-5][0-9]\s*$"
        return {"title": "At", "type": "string", "pattern": pattern, "examples": ["10:30", "mon-fri 10:30"]}

    @classmethod
    def _read(cls, written: object) -> Self:
        if isinstance(written, cls):
            return written
        try:
            return cls.parse(written if isinstance(written, str) else "")
        except ValueError as error:
            raise PydanticCustomError("at", "{message}", {"message": str(error)}) from None


def latest(expression: str, timezone: str, now: float) -> float:
    """The newest instant of a cron expression that is not after `now`, in epoch seconds."""
    local = datetime.fromtimestamp(math.floor(now) + LONGEST_JUMP + 1, ZoneInfo(timezone))
    return next(instant for instant in _instants(CronSim(expression, local, reverse=True)) if instant <= now)


def following(expression: str, timezone: str, now: float) -> float:
    """The first one after `now`."""
    local = datetime.fromtimestamp(math.floor(now) - LONGEST_JUMP, ZoneInfo(timezone))
    return next(instant for instant in _instants(CronSim(expression, local)) if instant > now)


def _instants(times: Iterable[datetime]) -> Iterator[float]:
    return (each.astimezone(UTC).timestamp() for each in times)


def smallest_gap(times: Sequence[At]) -> float:
    """Seconds between the two of these that lie closest together in a week; clock changes are left aside."""
    minutes = sorted({day * 1440 + time.hour * 60 + time.minute for time in times for day in time.days})
    return 60.0 * min(later - sooner for sooner, later in pairwise([*minutes, minutes[0] + _WEEK]))
