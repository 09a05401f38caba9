"""How a metric is written in Prometheus's text format 0.0.4 and in OpenMetrics 1.0.

Code of our own, because a scrape must not hold up the bot: prometheus_client escapes and sorts every label of every series
anew, and takes several times as long. It tells of the process (`exporters.process`), and its parsers read in the tests what
is written here.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache

from conversations.journal.aggregates import Kept
from exporters.metrics import LOCATION, Metric

TEXT = "text/plain; version=0.0.4; charset=utf-8"
END = b"# EOF\n"
"""How OpenMetrics ends."""

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MAX_EXEMPLAR = 128 - len("conversation")
"""Characters of a conversation's id: an exemplar's label has at most 128 with its name, by OpenMetrics."""

_TEXT_ESCAPES: dict[int, str] = {ord("\\"): "\\\\", ord("\n"): "\\n"}
_ESCAPES = _TEXT_ESCAPES | {ord('"'): '\\"'}

Series = str
"""The labels of a series as they are written: sorted, with `location`, without braces and `le`."""


class Writer:
    """Writes metric after metric; `body` is all of it."""

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._lines: list[str] = []

    def body(self) -> bytes:
        """What is sent."""
        return "".join(self._lines).encode() + (END if self._openmetrics else b"")

    def head(self, metric: Metric) -> None:
        """Name, meaning and type of the samples that follow."""
        name, kind = metric.full_name, str(metric.type)
        if self._openmetrics:
            name = name.removesuffix("_total" if kind == "counter" else "_info" if kind == "info" else "")
        elif kind == "info":
            kind = "gauge"
        meaning = metric.help.translate(_ESCAPES if self._openmetrics else _TEXT_ESCAPES)
        self._lines.append(f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n")

    def samples(self, metric: Metric, values: Iterable[tuple[Series, float]]) -> None:
        """Of a gauge or an info."""
        name = metric.full_name
        self._lines += [f"{name}{{{series}}} {value!r}\n" for series, value in values]

    def counters(self, metric: Metric, counted: Mapping[Series, Kept | None]) -> None:
        """Of a counter; None: nothing was counted."""
        name = metric.full_name
        for series, kept in counted.items():
            value = 0.0 if kept is None else kept.value
            self._lines.append(f"{name}{{{series}}} {value!r}{self._exemplar(kept)}\n")

    def histogram(
        self, metric: Metric, series: Series, bounds: Iterable[str], hit: Mapping[str, Kept], total: float
    ) -> None:
        """Of a histogram with these bounds in rising order, `+Inf` the last; those that are not in `hit` are empty.

        The journal counts each bucket for itself; Prometheus wants everything up to its bound.
        """
        start, count = f'{metric.full_name}_bucket{{{series},le="', 0.0
        for bound in bounds:
            if (kept := hit.get(bound)) is None:
                self._lines.append(f'{start}{bound}"}} {count!r}\n')
            else:
                count += kept.value
                self._lines.append(f'{start}{bound}"}} {count!r}{self._exemplar(kept)}\n')
        name = metric.full_name
        self._lines.append(f"{name}_count{{{series}}} {count!r}\n{name}_sum{{{series}}} {total!r}\n")

    def _exemplar(self, kept: Kept | None) -> str:
        """The last conversation that added to it, which only OpenMetrics can tell."""
        if not self._openmetrics or kept is None or (conversation := kept.conversation) is None:
            return ""
        if not conversation.isalnum() or len(conversation) > MAX_EXEMPLAR:  # it is no id of ours
            return ""
        when = "" if kept.added_at is None else f" {kept.added_at!r}"
        return f' # {{conversation="{conversation}"}} {kept.added!r}{when}'


def series(names: Iterable[str], labels: Mapping[str, str], location: str) -> Series:
    """The labels of these names, in writing; those that are not known are empty."""
    found = sorted([*((name, labels.get(name, "")) for name in names), (LOCATION, location)])
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in found)


class Memory(dict[str, tuple[Series, str]]):
    """Labels as they stand in the journal, JSON → the series, and `le` among them. Every scrape asks for the same ones again."""

    def __init__(self, names: tuple[str, ...], location: str) -> None:
        super().__init__()
        self._names, self._location = names, location

    def __missing__(self, labels: str) -> tuple[Series, str]:
        known = json.loads(labels)
        found = self[labels] = series(self._names, known, self._location), known.get("le", "")
        return found


@lru_cache(maxsize=200)
def memory(names: tuple[str, ...], location: str) -> Memory:
    """That of a metric with these labels. As large as what the journal keeps."""
    return Memory(names, location)
