"""The geometry of charts; templates draw them as SVG. Lengths are pixels of the drawing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from exporters.scorecard import Facts

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

BANDS: Final = (
    ("within 5 min", 5 * MINUTE),
    ("within 1 hour", HOUR),
    ("within 4 hours", 4 * HOUR),
    ("within 1 day", DAY),
    ("within 3 days", 3 * DAY),
    ("later", math.inf),
)

TICKS: Final = (
    ("1 s", 1.0),
    ("10 s", 10.0),
    ("1 min", MINUTE),
    ("10 min", 10 * MINUTE),
    ("1 h", HOUR),
    ("4 h", 4 * HOUR),
    ("1 d", DAY),
    ("3 d", 3 * DAY),
    ("1 w", 7 * DAY),
    ("4 w", 28 * DAY),
)

LEFT, RIGHT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 52.0, 12.0, 34.0, 596.0, 150.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `share` is of the longest."""

    label: str
    count: int
    share: float
    never: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Dot:
    """One conversation. Without a reply it stands in the row above the plot."""

    id: str
    x: float
    y: float
    verdict: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Plot:
    """Dots over time, waits on a logarithmic scale."""

    dots: Sequence[Dot]
    rows: Sequence[Tick]
    columns: Sequence[Tick]
    width: float = LEFT + PLOT_WIDTH + RIGHT
    height: float = TOP + PLOT_HEIGHT + 24
    left: float = LEFT
    top: float = TOP
    bottom: float = TOP + PLOT_HEIGHT
    right: float = LEFT + PLOT_WIDTH


def bands(facts: Sequence[Facts]) -> list[Bar]:
    """How soon a person replied, on the calendar: each reached conversation is in exactly one bar."""
    counts, never = dict.fromkeys((label for label, _ in BANDS), 0), 0
    for each in facts:
        wait = each.summary.times.first_reply
        if wait is not None:
            counts[next(label for label, limit in BANDS if wait.calendar <= limit)] += 1
        elif each.reached:
            never += 1
    longest = max(1, never, *counts.values())
    bars = [Bar(label, count, count / longest) for label, count in counts.items()]
    return [*bars, Bar("never", never, never / longest, never=True)]


def waits_over_time(facts: Sequence[Facts]) -> Plot | None:
    """First reply time of each reached conversation over when it began; None when there are fewer than two."""
    shown = [each for each in facts if each.reached]
    if len(shown) < 2:
        return None
    waits = [w.calendar for each in shown if (w := each.summary.times.first_reply) is not None]
    low, high = _bounds(waits)
    begin = min(each.summary.started_at for each in shown)
    length = max(max(each.summary.started_at for each in shown) - begin, MINUTE)

    def height(seconds: float) -> float:
        share = (math.log(min(max(seconds, low), high)) - math.log(low)) / (math.log(high) - math.log(low))
        return round(TOP + PLOT_HEIGHT * (1 - share), 1)

    def across(at: float) -> float:
        return round(LEFT + 8 + (PLOT_WIDTH - 16) * (at - begin) / length, 1)

    dots = []
    for each in shown:
        reply = each.summary.times.first_reply
        y = TOP - 20 if reply is None else height(reply.calendar)
        seconds = None if reply is None else reply.calendar
        dots.append(Dot(each.summary.id, across(each.summary.started_at), y, each.summary.verdict, seconds))
    rows = [Tick(label, height(seconds)) for label, seconds in TICKS if low <= seconds <= high]
    return Plot(dots, rows, [Tick(label, across(at)) for label, at in _dates(begin, begin + length)])


def _bounds(waits: Sequence[float]) -> tuple[float, float]:
    """The ticks around all of them."""
    values = [seconds for _, seconds in TICKS]
    low = max((v for v in values if v <= min(waits, default=MINUTE)), default=values[0])
    high = min((v for v in values if v >= max(waits, default=DAY)), default=values[-1])
    return (low, high) if low < high else (values[max(values.index(low) - 1, 0)], values[values.index(low) + 1])


def _dates(begin: float, end: float) -> Iterator[tuple[str, float]]:
    """Round places on the time axis: midnights, or full hours of a single day (UTC)."""
    unit, form = (DAY, "%-d %b") if end - begin > 2 * DAY else (HOUR, "%H:%M")
    if end - begin < 3 * HOUR:
        unit = 10 * MINUTE if end - begin > HOUR else MINUTE
    step = unit * max(1, math.ceil((end - begin) / unit / 6))
    at = math.ceil(begin / step) * step
    while at <= end:
        yield datetime.fromtimestamp(at, UTC).strftime(form), at
        at += step
