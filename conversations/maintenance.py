"""Maintenance: times in which a desk is left alone, as it has announced them, or as somebody here has decided."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from conversations.durations import Interval
from conversations.hours import Timezone
from conversations.wallclock import At, latest, smallest_gap
from probes.settings import Settings

MOST_WINDOWS: Final = 200
LONGEST_REASON: Final = 200

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def _moment(written: object) -> object:
    """Only dates that nobody can misread; pydantic would take a bare number, too."""
    if isinstance(written, str) and _MOMENT.fullmatch(written.strip()) is None:
        raise ValueError("should be a date and a time: 2026-12-24 22:00, or with its offset 2026-12-24T22:00+01:00")
    return written


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A date and a time of day; without an offset, on the wall clock of a time zone that is named elsewhere."""

Reason = Annotated[str, StringConstraints(max_length=LONGEST_REASON)]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A desk is left alone until then (epoch seconds)."""

    until: float
    reason: str


class Window(Settings):
    """A time of maintenance: once, `from` and `to`, or every week, `at` and `for`.

    A recurring one begins on the wall clock and lasts as long as it says, also when the clocks change in it. A time that a
    clock change skips or repeats is taken with the offset before the change (fold=0 of PEP 495).
    """

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[Moment | None, Field(alias="from", description="Once: when it begins")] = None
    to: Annotated[Moment | None, Field(description="Once: when it ends")] = None
    at: Annotated[At | None, Field(description="Recurring: when it begins, such as sun 02:00")] = None
    for_: Annotated[Interval | None, Field(alias="for", description="Recurring: how long it takes")] = None
    timezone: Annotated[Timezone | None, Field(description="Default: the desk's, else UTC")] = None
    reason: Annotated[Reason, Field(description="What is going on, for who looks at the pages")] = ""

    @model_validator(mode="after")
    def _once_or_recurring(self) -> Self:
        given = [each is not None for each in (self.from_, self.to, self.at, self.for_)]
        if given not in ([True, True, False, False], [False, False, True, True]):
            raise ValueError("should have from and to, or at and for")
        if self.from_ and self.to:
            if (self.from_.tzinfo is None) != (self.to.tzinfo is None):
                raise ValueError("from and to should both have an offset, or neither")
            if self.from_ >= self.to:
                raise ValueError("should end after it begins")
        if self.at and self.for_ and self.for_.amount >= smallest_gap([self.at]):
            raise ValueError("for should be shorter than the time from one to the next, else it never ends")
        return self

    def until(self, timezone: str, now: float) -> float | None:
        """When it ends, if it goes on at `now`; epoch seconds. `timezone`: the desk's."""
        zone = self.timezone or timezone
        if self.at is not None and self.for_ is not None:
            began = latest(self.at.cron, zone, now)
            ends = began + self.for_.amount
        else:
            assert self.from_ is not None and self.to is not None
            began, ends = _instant(self.from_, zone), _instant(self.to, zone)
        return ends if began <= now < ends else None


def under_maintenance(
    windows: Iterable[Window], timezone: str, now: float, decided: Maintenance | None = None
) -> Maintenance | None:
    """Is a desk left alone now, by its settings or by what somebody has `decided`? Of several, the one that ends last."""
    found = [Maintenance(until, window.reason) for window in windows if (until := window.until(timezone, now))]
    if decided is not None and now < decided.until:
        found.append(decided)
    return max(found, key=lambda each: each.until, default=None)


def _instant(moment: datetime, timezone: str) -> float:
    local = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(timezone))
    return local.astimezone(UTC).timestamp()
