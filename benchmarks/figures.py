"""What a benchmark hands back, and how it is shown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that a figure should keep to."""

    relation: Literal["<=", ">=", "<"]
    bound: float

    def met_by(self, value: float) -> bool:
        """Does it?"""
        match self.relation:
            case "<=":
                return value <= self.bound
            case "<":
                return value < self.bound
            case ">=":
                return value >= self.bound

    def __str__(self) -> str:
        return f"{self.relation} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `beside` says in words what it is to be compared with, measured in the same run."""

    name: str
    value: float
    unit: str
    beside: str = ""
    aim: Aim | None = None

    @property
    def judged(self) -> str:
        """`met`, `MISSED`, or nothing when there is no aim."""
        if self.aim is None:
            return ""
        return "met" if self.aim.met_by(self.value) else "MISSED"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [("figure", "measured", "aim", "", "beside")]
    for each in figures:
        rows.append(
            (each.name, f"{_short(each.value)} {each.unit}".rstrip(), str(each.aim or ""), each.judged, each.beside)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
