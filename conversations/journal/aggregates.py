"""Counters and histograms that metrics read: added to in the transaction that finishes a thing, so they survive a restart.

A histogram is stored as one row per bucket that was hit (label `le`, not cumulative) and one row for its sum.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations import times
from conversations.definition import Definition
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

BUCKETS: Mapping[str, tuple[float, ...]] = {
    "acknowledgement_seconds": ACKNOWLEDGEMENT_BUCKETS,
    "first_reply_seconds": REPLY_BUCKETS,
    "next_reply_seconds": REPLY_BUCKETS,
    "resolution_seconds": REPLY_BUCKETS,
    "form_submit_seconds": SUBMIT_BUCKETS,
}
"""Every histogram, with the upper bounds of its buckets in seconds."""

CLOCKED = ("first_reply_seconds", "next_reply_seconds", "resolution_seconds")
"""Histograms that are kept on two clocks, label `clock`."""


def add(connection: Connection, metric: str, labels: Mapping[str, str], value: float = 1.0) -> None:
    """Add to a counter."""
    rows.upsert(
        connection, schema.aggregate, {"metric": metric, "labels": to_json(labels), "value": value}, add=("value",)
    )


def observe(connection: Connection, histogram: str, labels: Mapping[str, str], seconds: float) -> None:
    """Add one observation to a histogram."""
    bounds = BUCKETS[histogram]
    index = bisect_left(bounds, seconds)
    bound = repr(float(bounds[index])) if index < len(bounds) else "+Inf"
    add(connection, f"{histogram}_bucket", {**labels, "le": bound})
    add(connection, f"{histogram}_sum", labels, seconds)


def everything(connection: Connection) -> dict[str, list[tuple[dict[str, str], float]]]:
    """metric → [(labels, value)], for a scrape."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for row in connection.execute(sa.select(schema.aggregate)):
        found.setdefault(row.metric, []).append((json.loads(row.labels), row.value))
    return found


def count_finished(connection: Connection, conversation: Conversation) -> None:
    """Everything that the end of a conversation adds."""
    definition = Definition.model_validate_json(conversation.definition)
    labels = {"visit": conversation.visit, "desk": conversation.desk, "channel": conversation.channel}
    assert conversation.verdict is not None
    add(connection, "visit_conversations_total", {**labels, "verdict": conversation.verdict})
    hours = definition.desk.business_hours
    measured = times.times(conversation, hours)
    if measured.acknowledgement is not None:
        observe(connection, "acknowledgement_seconds", labels, measured.acknowledgement)
    for histogram, waits in (
        ("first_reply_seconds", [measured.first_reply]),
        ("next_reply_seconds", measured.next_replies),
        ("resolution_seconds", [measured.resolution]),
    ):
        for wait in waits:
            if wait is not None:
                observe(connection, histogram, {**labels, "clock": "calendar"}, wait.calendar)
                observe(connection, histogram, {**labels, "clock": "business"}, wait.business)
    for decided in times.promises_decided(conversation, definition.desk.promises.given(), hours):
        name = "promises_kept_total" if decided.kept else "promises_missed_total"
        add(connection, name, {**labels, "promise": decided.promise})
    for found in conversation.findings:
        add(connection, "findings_total", {**labels, "check": found.check, "result": found.result})
    _count_streak(connection, conversation)


def _count_streak(connection: Connection, conversation: Conversation) -> None:
    state = schema.visit_state
    passed = conversation.verdict is Verdict.PASSED
    failures = sa.literal(0) if passed else state.c.consecutive_failures + 1
    values: dict[str, object] = {"consecutive_failures": failures}
    if passed:
        values["last_success"] = conversation.finished_at
    connection.execute(state.update().where(state.c.visit == conversation.visit).values(**values))
