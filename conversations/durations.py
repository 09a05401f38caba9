"""Durations as people write them: `5m`, `90 seconds`, `4 business hours`, `2 business days`."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

LONGEST_DAYS: Final = 3660
LONGEST_BUSINESS_HOURS: Final = 5000.0
LONGEST_BUSINESS_DAYS: Final = 500
_LONGEST_SECONDS: Final = LONGEST_DAYS * 86_400

_SECONDS: Final = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_UNITS: Final = {
    spelling: _SECONDS[unit]
    for unit, spellings in {
        "week": "w week weeks",
        "day": "d day days",
        "hour": "h hr hrs hour hours",
        "minute": "m min mins minute minutes",
        "second": "s sec secs second seconds",
    }.items()
    for spelling in spellings.split()
}
_WRITTEN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*(business\s+)?([a-z]+)", re.ASCII)
_EXAMPLES = "30s, 5m, 2 hours, 1 day, 4 business hours or 2 business days"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in exactly one of three clocks; the other two fields are None.

    `seconds` run always (a day is 24 hours, a week is 7 days). `business_hours` run while the desk is open.
    `business_days` are working days of the desk; what that means is told by `BusinessHours.after`.
    Never negative; calendar seconds have a grain of a microsecond.
    """

    seconds: float | None = None
    business_hours: float | None = None
    business_days: int | None = None

    def __post_init__(self) -> None:
        amounts = [n for n in (self.seconds, self.business_hours, self.business_days) if n is not None]
        if len(amounts) != 1:
            raise ValueError("a duration is in seconds, in business hours or in business days")
        if self.seconds is not None:
            object.__setattr__(self, "seconds", _checked(self.seconds, _LONGEST_SECONDS))
        if self.business_hours is not None:
            object.__setattr__(self, "business_hours", _checked(self.business_hours, LONGEST_BUSINESS_HOURS))
        if self.business_days is not None:
            _checked(self.business_days, LONGEST_BUSINESS_DAYS)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a duration; ValueError tells how to write one."""
        written = _WRITTEN.fullmatch(text.strip().lower())
        if written is None:
            hint = "needs a unit" if re.fullmatch(r"\s*[0-9.]+\s*", text) else "should be a duration"
            raise ValueError(f"{hint}: {_EXAMPLES}")
        amount, business, unit = float(written[1]), written[2], _UNITS.get(written[3])
        if unit is None:
            raise ValueError(f"should be a duration: {_EXAMPLES}")
        if not business:
            return cls(seconds=amount * unit)
        if unit == _SECONDS["hour"]:
            return cls(business_hours=amount)
        if unit == _SECONDS["day"] and amount.is_integer():
            return cls(business_days=int(amount))
        raise ValueError("business time is in hours or in whole days: 4 business hours, 2 business days")

    @property
    def business(self) -> bool:
        """Whether it needs the desk's hours to mean anything."""
        return self.seconds is None

    @property
    def amount(self) -> float:
        """The number, in whichever unit."""
        return next(n for n in (self.seconds, self.business_hours, self.business_days) if n is not None)

    def __bool__(self) -> bool:
        return self.amount > 0

    def __mul__(self, times: int) -> Self:
        """So many times as long, in the same clock; no longer than a duration can be."""
        if self.seconds is not None:
            return type(self)(seconds=min(self.seconds * times, _LONGEST_SECONDS))
        if self.business_hours is not None:
            return type(self)(business_hours=min(self.business_hours * times, LONGEST_BUSINESS_HOURS))
        return type(self)(business_days=min((self.business_days or 0) * times, LONGEST_BUSINESS_DAYS))

    __rmul__ = __mul__

    def __str__(self) -> str:
        if self.seconds is None:
            return _counted(self.amount, "business hour" if self.business_hours is not None else "business day")
        unit = next((unit for unit, size in _SECONDS.items() if self.seconds and self.seconds % size == 0), "second")
        return _counted(self.seconds / _SECONDS[unit], unit)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        spellings = "|".join(sorted(_UNITS, key=lambda unit: (-len(unit), unit)))
        return {
            "title": "Duration",
            "type": "string",
            "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*(business\s+(hours?|days?)|{spellings})\s*$",
            "examples": ["30s", "5m", "2 hours", "4 business hours", "2 business days"],
        }

    @classmethod
    def _read(cls, written: object) -> Self:
        if isinstance(written, cls):
            return written
        try:
            # A bare number is told about its unit as "5" would be; a boolean is not.
            return cls.parse(str(written) if isinstance(written, str | int | float) else "")
        except ValueError as error:
            raise PydanticCustomError("duration", "{message}", {"message": str(error)}) from None


def _checked(amount: float, longest: float) -> float:
    if not 0 <= amount <= longest:  # not a number fails too
        raise ValueError(
            f"should be a duration from 0 to {LONGEST_DAYS} days, {LONGEST_BUSINESS_HOURS:.0f} business hours "
            f"or {LONGEST_BUSINESS_DAYS} business days"
        )
    return round(amount, 6)


def _counted(amount: float, unit: str) -> str:
    number = f"{amount:.6f}".rstrip("0").rstrip(".")
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"


def _positive(duration: Duration) -> Duration:
    if not duration:
        raise ValueError("should be longer than nothing")
    return duration


def _calendar(duration: Duration) -> Duration:
    if duration.seconds is None:
        raise ValueError("should be in calendar time, such as 2 hours; for working hours use at or cron")
    return duration


def _a_second(duration: Duration) -> Duration:
    if (duration.seconds or 0) < 1:
        raise ValueError("should be at least 1 second")
    return duration


Promised = Annotated[Duration, AfterValidator(_positive)]
CalendarDuration = Annotated[Duration, AfterValidator(_calendar)]
Interval = Annotated[CalendarDuration, AfterValidator(_a_second)]
"""How often something is done: calendar time, at least a second."""
