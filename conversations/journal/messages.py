"""Operations on messages, the clues that find their conversation, and the positions in the mailboxes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema, steps
from conversations.records import StoredFinding
from probes.mail.arrivals import Position
from replies.kind import Kind

message, clue, conversation = schema.message, schema.clue, schema.conversation


@dataclass(frozen=True, slots=True)
class Received:
    """An inbound mail that was read and matched, ready to be stored."""

    mailbox: str
    conversation: str | None
    values: Mapping[str, Any]  # the columns of `message` that reading filled
    tickets: Sequence[str]
    findings: Sequence[StoredFinding]
    evidence: str | None  # path of the raw mail


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation that a clue points to."""

    conversation: str
    kind: str
    value: str


def add_clues(connection: Connection, mailbox: str, conversation_id: str, clues: Iterable[tuple[str, str]]) -> None:
    """Remember what an answer to this conversation may carry; known ones are left alone."""
    for kind, value in clues:
        values = {"mailbox": mailbox, "kind": kind, "value": value, "conversation": conversation_id}
        rows.insert_new(connection, clue, values)


def candidates(connection: Connection, mailbox: str, clues: Mapping[str, Sequence[str]]) -> list[Candidate]:
    """Every conversation of this mailbox that one of the clues (kind → values) points to."""
    wanted = [(kind, value) for kind, values in clues.items() for value in values]
    if not wanted:
        return []
    query = sa.select(clue.c.conversation, clue.c.kind, clue.c.value).where(
        clue.c.mailbox == mailbox,
        sa.or_(*(sa.and_(clue.c.kind == kind, clue.c.value == value) for kind, value in wanted)),
    )
    return [Candidate(row.conversation, row.kind, row.value) for row in connection.execute(query)]


def senders(connection: Connection, conversation_id: str) -> set[str]:
    """Mail domains that this conversation has had answers from."""
    query = sa.select(message.c.sender).where(message.c.conversation == conversation_id, message.c.direction == "in")
    return {row.rpartition("@")[2] for row in connection.execute(query).scalars()}


def our_texts(connection: Connection, conversation_id: str) -> list[str]:
    """What we wrote in this conversation."""
    query = sa.select(message.c.text).where(message.c.conversation == conversation_id, message.c.direction == "out")
    return list(connection.execute(query).scalars())


def open_in(connection: Connection, mailbox: str, limit: int) -> list[tuple[str, str]]:
    """(id, definition) of open conversations of a mailbox that have had no answer yet, newest first."""
    answered = sa.exists().where(message.c.conversation == conversation.c.id, message.c.direction == "in")
    query = (
        sa.select(conversation.c.id, conversation.c.definition)
        .where(conversation.c.mailbox == mailbox, conversation.c.verdict.is_(None), ~answered)
        .order_by(conversation.c.started_at.desc())
        .limit(limit)
    )
    return [(row.id, row.definition) for row in connection.execute(query)]


def store(connection: Connection, received: Received, now: float) -> bool:
    """Store an inbound mail and wake its conversation; False, and nothing else, when it is known."""
    values = {**received.values, "mailbox": received.mailbox, "conversation": received.conversation, "direction": "in"}
    if not rows.insert_new(connection, message, values):
        return False
    if received.conversation is None:
        aggregates.add(connection, "mailbox_unmatched_total", {"mailbox": received.mailbox})
        return True
    message_row = connection.execute(
        sa.select(message.c.id).where(
            message.c.mailbox == received.mailbox, message.c.fingerprint == received.values["fingerprint"]
        )
    ).scalar_one()
    change: dict[str, Any] = {
        "rev": conversation.c.rev + 1,
        "wake_at": sa.case(
            (conversation.c.verdict.is_not(None), None),
            (conversation.c.owner.is_(None), now),
            else_=conversation.c.wake_at,
        ),
    }
    if received.values["kind"] == Kind.HUMAN:
        change["waiting_since"] = None
    connection.execute(conversation.update().where(conversation.c.id == received.conversation).values(**change))
    own_id = received.values.get("message_id")
    add_clues(
        connection,
        received.mailbox,
        received.conversation,
        [*(("ticket", tag.lower()) for tag in received.tickets), *([("message_id", own_id)] if own_id else [])],
    )
    for found in received.findings:
        found.message = message_row
        steps.add_finding(received.conversation, found)(connection)
    if received.evidence is not None:
        steps.add_evidence(received.conversation, "mail", received.evidence, now)(connection)
    return True


def record_sent(connection: Connection, conversation_id: str, values: Mapping[str, Any]) -> None:
    """Store a message of ours; from now on the customer waits."""
    rows.insert_new(
        connection, message, {**values, "conversation": conversation_id, "direction": "out", "kind": Kind.SENT}
    )
    connection.execute(
        conversation.update()
        .where(conversation.c.id == conversation_id, conversation.c.waiting_since.is_(None))
        .values(waiting_since=values["at"])
    )


def take(connection: Connection, message_ids: Sequence[int], seq: int) -> None:
    """Mark messages as consumed by a step."""
    connection.execute(message.update().where(message.c.id.in_(message_ids)).values(taken_by=seq))


def unmatched(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Mail that belongs to no conversation, newest first."""
    query = sa.select(message).where(message.c.conversation.is_(None)).order_by(message.c.id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def position(connection: Connection, mailbox: str, folder: str) -> Position | None:
    """How far a folder was read."""
    row = connection.execute(
        sa.select(schema.position).where(schema.position.c.mailbox == mailbox, schema.position.c.folder == folder)
    ).first()
    return None if row is None else Position(row.uidvalidity, row.next_uid)


def move_position(connection: Connection, mailbox: str, folder: str, to: Position) -> None:
    """Remember how far a folder was read. Never backwards within one UIDVALIDITY: another process may be ahead."""
    known = position(connection, mailbox, folder)
    if known is not None and known.uidvalidity == to.uidvalidity and known.next_uid > to.next_uid:
        return
    values = {"mailbox": mailbox, "folder": folder, "uidvalidity": to.uidvalidity, "next_uid": to.next_uid}
    rows.upsert(connection, schema.position, values)


def count_sent(connection: Connection, mailbox: str, since: float) -> int:
    """How many messages went out from a mailbox since then."""
    query = sa.select(sa.func.count()).select_from(message)
    return connection.execute(
        query.where(message.c.mailbox == mailbox, message.c.direction == "out", message.c.at >= since)
    ).scalar_one()
