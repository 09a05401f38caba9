"""Operations on visits: which slot of the timetable was dealt with, how many conversations there are."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import rows, schema

state, conversation = schema.visit_state, schema.conversation

_COUNT = sa.select(sa.func.count()).select_from(conversation)
_COUNT_OPEN = _COUNT.where(conversation.c.visit == sa.bindparam("of"), conversation.c.verdict.is_(None))
_COUNT_STARTED = _COUNT.where(
    conversation.c.desk == sa.bindparam("at"), conversation.c.started_at >= sa.bindparam("since")
)

PROMISES = ("acknowledgement", "first_reply", "next_reply", "resolution")
_OPEN = (
    sa.select(
        conversation.c.visit,
        sa.func.count().label("number"),
        sa.func.min(conversation.c.waiting_since).label("waiting_since"),
        *(sa.func.min(conversation.c[f"{name}_due"]).label(f"{name}_due") for name in PROMISES),
    )
    .where(conversation.c.verdict.is_(None))
    .group_by(conversation.c.visit)
)


def states(connection: Connection) -> Mapping[str, rows.Row]:
    """visit → its row: last_due, last_run, last_success, consecutive_failures, consecutive_faults."""
    return {row["visit"]: dict(row) for row in connection.execute(sa.select(state)).mappings()}


def note_slot(connection: Connection, visit: str, due_at: float) -> None:
    """This slot was dealt with, though no conversation began."""
    rows.upsert(
        connection,
        state,
        {"visit": visit, "last_due": due_at},
    )


def has_slot(connection: Connection, visit: str, due_at: float) -> bool:
    """Is there a conversation for this slot?"""
    query = sa.select(conversation.c.id).where(conversation.c.visit == visit, conversation.c.due_at == due_at)
    return connection.execute(query).first() is not None


def count_open(connection: Connection, visit: str) -> int:
    """Open conversations of a visit."""
    return connection.execute(_COUNT_OPEN, {"of": visit}).scalar_one()


def count_started(connection: Connection, desk: str, since: float) -> int:
    """Conversations begun with a desk since then."""
    return connection.execute(_COUNT_STARTED, {"at": desk, "since": since}).scalar_one()


@dataclass(frozen=True, slots=True)
class OpenOnes:
    """The open conversations of a visit. `waiting_since`: the oldest message of ours that no person has answered.
    `due`: promise → when the first of them runs out that the desk has yet to keep.
    """

    count: int
    waiting_since: float | None
    due: Mapping[str, float]


def open_by_visit(connection: Connection) -> dict[str, OpenOnes]:
    """By visit, for a scrape: the index holds all of it."""
    return {
        row.visit: OpenOnes(
            row.number,
            row.waiting_since,
            {name: due for name in PROMISES if (due := getattr(row, f"{name}_due")) is not None},
        )
        for row in connection.execute(_OPEN)
    }
