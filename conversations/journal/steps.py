"""Operations on steps: the intent before, the outcome after."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import rows, schema
from conversations.journal.lifecycle import HELD, LeaseLost
from conversations.records import Status, Step, StoredFinding, to_json

step = schema.step


_TRANSMIT = step.update().where(
    step.c.conversation == sa.bindparam("of"),
    step.c.seq == sa.bindparam("number"),
    step.c.status == Status.INTENDED,
    sa.exists().where(*HELD),
)


def save(conversation_id: str, current: Step) -> Callable[[Connection], None]:
    """An operation that writes the step as it is now, new or not."""
    values: dict[str, Any] = {
        "conversation": conversation_id,
        "seq": current.seq,
        "name": current.name,
        "digest": current.digest,
        "started_at": current.started_at,
        "status": current.status,
        "finished_at": current.finished_at,
        "attempts": current.attempts,
        "intent": to_json(current.intent) if current.intent else None,
        "outcome": to_json(current.outcome) if current.outcome else None,
    }
    return lambda connection: rows.upsert(connection, step, values, keep=("name", "digest", "started_at"))


def transmit(connection: Connection, conversation_id: str, seq: int, owner: str, now: float) -> None:
    """The point of no return: only from `intended`, only by who holds the conversation.

    A worker that froze, lost its lease and woke up again stops here. `finished_at` is that moment, until there is an outcome.
    """
    key = {"of": conversation_id, "by": owner, "number": seq}
    if not connection.execute(_TRANSMIT, {**key, "status": Status.TRANSMITTING, "finished_at": now}).rowcount:
        raise LeaseLost(conversation_id)


def add_finding(conversation_id: str, found: StoredFinding) -> Callable[[Connection], None]:
    """An operation that stores a finding."""

    def operation(connection: Connection) -> None:
        connection.execute(
            schema.finding.insert().values(
                conversation=conversation_id,
                message=found.message,
                check=found.check,
                result=found.result,
                rule=found.rule,
                evidence=found.evidence,
                value=None if found.value is None else to_json(found.value),
            )
        )

    return operation


def add_evidence(conversation_id: str, kind: str, path: str, now: float) -> Callable[[Connection], None]:
    """An operation that notes an evidence file."""

    def operation(connection: Connection) -> None:
        connection.execute(schema.evidence.insert().values(conversation=conversation_id, kind=kind, path=path, at=now))

    return operation


def evidence_of(connection: Connection, conversation_id: str) -> list[tuple[str, str, float]]:
    """(kind, path, at) of the evidence files of a conversation, oldest first."""
    query = sa.select(schema.evidence.c.kind, schema.evidence.c.path, schema.evidence.c.at)
    query = query.where(schema.evidence.c.conversation == conversation_id).order_by(schema.evidence.c.id)
    return [(row.kind, row.path, row.at) for row in connection.execute(query)]
