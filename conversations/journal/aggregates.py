"""Counters and histograms that metrics read: added to in the transaction that finishes a thing, so they survive a restart.

A histogram is stored as one row per bucket that was hit (label `le`, not cumulative) and one row for its sum. With each row
stands its exemplar: the last conversation that added to it.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations import times
from conversations.definition import Definition
from conversations.errors import Undelivered
from conversations.journal import rows, schema
from conversations.records import Conversation, Verdict, to_json

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

REPLY_BUCKETS: tuple[float, ...] = tuple(
    float(bound)
    for bound in (
        *(1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
        *(HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY),
    )
)
"""For human replies: a minute to a week, with a few below for a demo and for machines that pose as humans."""

ACKNOWLEDGEMENT_BUCKETS = (1, 2, 5, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY)
SUBMIT_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
DELIVERY_BUCKETS = (1, 2, 5, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, DAY)
DETECTION_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 15, 30, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, DAY)

BUCKETS: Mapping[str, tuple[float, ...]] = {
    "acknowledgement_seconds": ACKNOWLEDGEMENT_BUCKETS,
    "first_reply_seconds": REPLY_BUCKETS,
    "next_reply_seconds": REPLY_BUCKETS,
    "resolution_seconds": REPLY_BUCKETS,
    "form_submit_seconds": SUBMIT_BUCKETS,
    "detection_lag_seconds": DETECTION_BUCKETS,
    "delivery_seconds": DELIVERY_BUCKETS,
}
"""Every histogram, with the upper bounds of its buckets in seconds."""

CLOCKED = ("first_reply_seconds", "next_reply_seconds", "resolution_seconds")
"""Histograms that are kept on two clocks, label `clock`."""


@dataclass(frozen=True, slots=True)
class By:
    """Which conversation adds to a figure, and when."""

    conversation: str | None = None
    at: float | None = None


def add(connection: Connection, metric: str, labels: Mapping[str, str], value: float = 1.0, by: By = By()) -> None:
    """Add to a counter."""
    _add_all(connection, [_counted(metric, labels, value, by)])


def observe(
    connection: Connection,
    histogram: str,
    labels: Mapping[str, str],
    seconds: float,
    by: By = By(),
) -> None:
    """Add one observation to a histogram."""
    _add_all(connection, _observed(histogram, labels, seconds, by))


def _counted(metric: str, labels: Mapping[str, str], value: float, by: By, added: float = 1.0) -> rows.Row:
    exemplar = {"conversation": by.conversation, "added": added, "added_at": by.at}
    return {"metric": metric, "labels": to_json(labels), "value": value, **exemplar}


def _observed(histogram: str, labels: Mapping[str, str], seconds: float, by: By) -> list[rows.Row]:
    bounds = BUCKETS[histogram]
    index = bisect_left(bounds, seconds)
    bound = repr(float(bounds[index])) if index < len(bounds) else "+Inf"
    return [
        _counted(f"{histogram}_bucket", {**labels, "le": bound}, 1.0, by, seconds),
        _counted(f"{histogram}_sum", labels, seconds, by),
    ]


def _add_all(connection: Connection, increments: Sequence[rows.Row]) -> None:
    rows.upsert_all(connection, schema.aggregate, increments, add=("value",))


class Kept(NamedTuple):
    """A counter, or a part of a histogram. `labels`: JSON, as it is stored. The rest is its exemplar: the conversation that last
    added to it, what it added, and when.
    """

    metric: str
    labels: str
    value: float
    conversation: str | None
    added: float | None
    added_at: float | None


def kept(connection: Connection) -> dict[str, list[Kept]]:
    """metric → what there is of it, for a scrape: it reads no JSON, which would take longer than all the rest."""
    found: dict[str, list[Kept]] = {}
    for each in map(Kept._make, connection.execute(_KEPT)):
        found.setdefault(each.metric, []).append(each)
    return found


def count_finished(connection: Connection, conversation: Conversation) -> None:
    """Everything that the end of a conversation adds."""
    _add_all(connection, list(_increments(conversation)))
    assert conversation.verdict is not None
    success = {"last_success": conversation.finished_at} if conversation.verdict is Verdict.PASSED else {}
    connection.execute(_STREAKS[conversation.verdict], {"of": conversation.visit, **success})


def _increments(conversation: Conversation) -> Iterator[rows.Row]:
    definition = Definition.model_validate_json(conversation.definition)
    labels = {"visit": conversation.visit, "desk": conversation.desk, "channel": conversation.channel}
    assert conversation.verdict is not None
    by = By(conversation.id, conversation.finished_at)
    yield _counted("visit_conversations_total", {**labels, "verdict": conversation.verdict}, 1.0, by)
    hours = definition.desk.business_hours
    measured = times.times(conversation, hours)
    if measured.acknowledgement is not None:
        yield from _observed("acknowledgement_seconds", labels, measured.acknowledgement, by)
    for histogram, waits in (
        ("first_reply_seconds", [measured.first_reply]),
        ("next_reply_seconds", measured.next_replies),
        ("resolution_seconds", [measured.resolution]),
    ):
        for wait in waits:
            if wait is not None:
                over = {**labels, "channel": wait.channel or conversation.channel}
                yield from _observed(histogram, {**over, "clock": "calendar"}, wait.calendar, by)
                yield from _observed(histogram, {**over, "clock": "business"}, wait.business, by)
    for decided in times.promises_decided(conversation, definition.desk.promises.given(), hours):
        name = "promises_kept_total" if decided.kept else "promises_missed_total"
        over = {**labels, "channel": decided.channel or conversation.channel}
        yield _counted(name, {**over, "promise": decided.promise}, 1.0, by)
    undelivered = sum(step.outcome.get("error") == Undelivered.__name__ for step in conversation.steps)
    if undelivered:
        yield _counted("undelivered_total", labels, undelivered, by)
    for found in conversation.findings:
        yield _counted("findings_total", {**labels, "check": found.check, "result": found.result}, 1.0, by)


_KEPT = sa.select(*(schema.aggregate.c[name] for name in Kept._fields))
_STATE = schema.visit_state.update().where(schema.visit_state.c.visit == sa.bindparam("of"))
_STREAKS = {
    Verdict.PASSED: _STATE.values(consecutive_failures=0, consecutive_faults=0),
    Verdict.FAILED: _STATE.values(
        consecutive_failures=schema.visit_state.c.consecutive_failures + 1, consecutive_faults=0
    ),
    # It says nothing about the desk, so the desk's streak neither grows nor ends.
    Verdict.FAULTED: _STATE.values(consecutive_faults=schema.visit_state.c.consecutive_faults + 1),
}
