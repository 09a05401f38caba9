"""Operations on messages, the clues that find their conversation, and the positions in the mailboxes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations import times
from conversations.definition import Definition
from conversations.journal import aggregates, lifecycle, rows, schema, steps
from conversations.records import StoredFinding
from probes.mail.arrivals import Position
from replies.kind import Kind

message, clue, conversation = schema.message, schema.clue, schema.conversation

_STORED = sa.select(message.c.id).where(
    message.c.mailbox == sa.bindparam("box"), message.c.fingerprint == sa.bindparam("print")
)
_UPDATE = conversation.update().where(conversation.c.id == sa.bindparam("of"))
_BEGINS = sa.select(conversation.c.definition).where(
    conversation.c.id == sa.bindparam("of"), conversation.c.waiting_since.is_(None)
)
_COUNT_OURS = (
    sa.select(sa.func.count())
    .select_from(message)
    .where(message.c.conversation == sa.bindparam("of"), message.c.direction == "out")
)
_ANSWERED_BY = (
    sa.select(message.c.kind)
    .where(
        message.c.conversation == sa.bindparam("of"), message.c.direction == "in", message.c.at >= sa.bindparam("since")
    )
    .distinct()
)
_ANSWERED: Mapping[str, Mapping[str, None]] = {
    Kind.ACKNOWLEDGEMENT: {"acknowledgement_due": None},
    Kind.HUMAN: dict.fromkeys(("waiting_since", "acknowledgement_due", "first_reply_due", "next_reply_due")),
}
"""What nobody waits for any more once a message of this kind has come."""
OUT_OF_OFFICE_ONCE_IN = 7 * 86_400.0
"""Seconds in which an absence is noted once for each sender: as often as RFC 3834 section 2 lets it be told."""

AT_ONCE = 10_000
"""Values in one question: SQLite takes 32,766."""

_OF_THIS_KIND = (
    sa.select(sa.func.count())
    .select_from(message)
    .where(
        message.c.conversation == sa.bindparam("of"), message.c.kind == sa.bindparam("as"), message.c.taken_by.is_(None)
    )
)
_ABSENCES = (
    sa.select(sa.func.count())
    .select_from(message)
    .where(
        message.c.mailbox == sa.bindparam("box"),
        message.c.direction == "in",
        message.c.at > sa.bindparam("since"),
        message.c.kind == Kind.OUT_OF_OFFICE,
        message.c.sender == sa.bindparam("who"),
    )
)
_OUR_TEXTS = sa.select(message.c.text).where(message.c.conversation == sa.bindparam("of"), message.c.direction == "out")
_COUNT_SENT = (
    sa.select(sa.func.count())
    .select_from(message)
    .where(
        message.c.mailbox == sa.bindparam("box"), message.c.direction == "out", message.c.at >= sa.bindparam("since")
    )
)
_CANDIDATES = sa.select(clue.c.conversation, clue.c.kind, clue.c.value).where(
    clue.c.mailbox == sa.bindparam("box"),
    clue.c.kind.in_(sa.bindparam("as", expanding=True)),
    clue.c.value.in_(sa.bindparam("any", expanding=True)),
)
_KNOWN = sa.select(message.c.fingerprint).where(
    message.c.mailbox == sa.bindparam("box"), message.c.fingerprint.in_(sa.bindparam("any", expanding=True))
)
_UNMATCHED_SINCE = sa.select(message.c.sender).where(
    message.c.mailbox == sa.bindparam("box"),
    message.c.direction == "in",
    message.c.at >= sa.bindparam("since"),
    message.c.conversation.is_(None),
    message.c.kind.in_(sa.bindparam("kinds", expanding=True)),
)
_COUNT_RECEIVED = (
    sa.select(sa.func.count())
    .select_from(message)
    .where(message.c.conversation == sa.bindparam("of"), message.c.direction == "in")
)
_POSITION = sa.select(schema.position).where(
    schema.position.c.mailbox == sa.bindparam("box"), schema.position.c.folder == sa.bindparam("in")
)


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


def add_clues(connection: Connection, mailbox: str, conversation_id: str, clues: Iterable[tuple[str, str]]) -> None:
    """Remember what an answer to this conversation may carry; known ones are left alone."""
    for kind, value in clues:
        values = {"mailbox": mailbox, "kind": kind, "value": value, "conversation": conversation_id}
        rows.insert_new(connection, clue, values)


def candidates(connection: Connection, mailbox: str, clues: Mapping[str, Sequence[str]]) -> dict[str, list[Candidate]]:
    """Every conversation of this mailbox that one of the clues (kind → values) points to, by value."""
    found: dict[str, list[Candidate]] = {}
    values = list({value for some in clues.values() for value in some})
    for start in range(0, len(values), AT_ONCE):
        kinds = [kind for kind, some in clues.items() if some]
        asked = {"box": mailbox, "as": kinds, "any": values[start : start + AT_ONCE]}
        for row in connection.execute(_CANDIDATES, asked):
            found.setdefault(row.value, []).append(Candidate(row.conversation, row.kind))
    return found


def senders(connection: Connection, conversation_id: str) -> set[str]:
    """Mail domains that this conversation has had answers from."""
    query = sa.select(message.c.sender).where(message.c.conversation == conversation_id, message.c.direction == "in")
    return {row.rpartition("@")[2] for row in connection.execute(query).scalars()}


def our_texts(connection: Connection, conversation_id: str) -> list[str]:
    """What we wrote in this conversation."""
    return list(connection.execute(_OUR_TEXTS, {"of": conversation_id}).scalars())


def count_received(connection: Connection, conversation_id: str) -> int:
    """How many mails have come in, in this conversation."""
    return connection.execute(_COUNT_RECEIVED, {"of": conversation_id}).scalar_one()


def known(connection: Connection, mailbox: str, fingerprints: Sequence[str]) -> set[str]:
    """Those of these mails that are stored already."""
    found: set[str] = set()
    for start in range(0, len(fingerprints), AT_ONCE):
        asked = {"box": mailbox, "any": fingerprints[start : start + AT_ONCE]}
        found.update(connection.execute(_KNOWN, asked).scalars())
    return found


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
    """Store an inbound mail and wake its conversation; False, and nothing else, when it is known.

    What comes while MOST_OF_A_KIND wait is stored and does no more. Of an out-of-office notice that its sender repeats within
    seven days there are no findings.
    """
    values = {**received.values, "mailbox": received.mailbox, "conversation": received.conversation, "direction": "in"}
    if not rows.insert_new(connection, message, values):
        return False
    _observe_detection(connection, received)
    if received.conversation is None:
        aggregates.add(connection, "mailbox_unmatched_total", {"mailbox": received.mailbox})
        return True
    if received.evidence is not None:
        steps.add_evidence(received.conversation, "mail", received.evidence, now)(connection)
    if _floods(connection, received):
        return True
    copy = {"box": received.mailbox, "print": received.values["fingerprint"]}
    message_row = connection.execute(_STORED, copy).scalar_one()
    answered = _ANSWERED.get(received.values["kind"], {})
    lifecycle.wake(connection, received.conversation, now, **answered)
    own_id = received.values.get("message_id")
    add_clues(
        connection,
        received.mailbox,
        received.conversation,
        [*(("ticket", tag.lower()) for tag in received.tickets), *([("their_message_id", own_id)] if own_id else [])],
    )
    for found in () if _told_this_week(connection, received) else received.findings:
        found.message = message_row
        steps.add_finding(received.conversation, found)(connection)
    return True


def _floods(connection: Connection, received: Received) -> bool:
    """Whether this mail, stored already, is one more of a flood that is not looked at any further."""
    which = {"of": received.conversation, "as": received.values["kind"]}
    return connection.execute(_OF_THIS_KIND, which).scalar_one() > lifecycle.MOST_OF_A_KIND


def _told_this_week(connection: Connection, received: Received) -> bool:
    """Whether this mail, stored already, tells of an absence that its sender has told in the last seven days."""
    if received.values["kind"] != Kind.OUT_OF_OFFICE:
        return False
    since = received.values["at"] - OUT_OF_OFFICE_ONCE_IN
    which = {"box": received.mailbox, "who": received.values["sender"], "since": since}
    return connection.execute(_ABSENCES, which).scalar_one() > 1


def _observe_detection(connection: Connection, received: Received) -> None:
    detected = received.values.get("detected_at")
    if detected is not None:
        lag = max(0.0, detected - received.values["at"])
        aggregates.observe(connection, "detection_lag_seconds", {"mailbox": received.mailbox}, lag)


def record_sent(connection: Connection, conversation_id: str, values: Mapping[str, Any]) -> None:
    """Store a message of ours. From now on the customer waits, unless a person has answered it already: that may be how
    we know that it went out.
    """
    rows.insert_new(
        connection, message, {**values, "conversation": conversation_id, "direction": "out", "kind": Kind.SENT}
    )
    definition = connection.execute(_BEGINS, {"of": conversation_id}).scalar()
    if definition is not None:
        connection.execute(
            _UPDATE, {"of": conversation_id, **_begun(connection, conversation_id, values["at"], definition)}
        )


def _begun(connection: Connection, conversation_id: str, at: float, definition: str) -> dict[str, float | None]:
    """The columns of a wait that begins with a message sent at `at`."""
    desk = Definition.model_validate_json(definition).desk
    first = connection.execute(_COUNT_OURS, {"of": conversation_id}).scalar_one() == 1
    awaited = ("acknowledgement", "first_reply", "resolution") if first else ("next_reply",)
    due = times.dues(
        at, {name: each for name, each in desk.promises.given().items() if name in awaited}, desk.business_hours
    )
    begun: dict[str, float | None] = {"waiting_since": at, **{f"{name}_due": moment for name, moment in due.items()}}
    for kind in connection.execute(_ANSWERED_BY, {"of": conversation_id, "since": at}).scalars():
        begun |= _ANSWERED.get(kind, {})
    return begun


def take(connection: Connection, message_ids: Sequence[int], seq: int) -> None:
    """Mark messages as consumed by a step."""
    connection.execute(message.update().where(message.c.id.in_(message_ids)).values(taken_by=seq))


def unmatched(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Mail that belongs to no conversation, newest first."""
    query = sa.select(message).where(message.c.conversation.is_(None)).order_by(message.c.id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def unmatched_from(
    connection: Connection, mailbox: str, domains: Collection[str], kinds: Collection[Kind], since: float
) -> int:
    """How many mails of these kinds from these domains have come since then and belong to no conversation."""
    values = {"box": mailbox, "since": since, "kinds": list(kinds)}
    senders = connection.execute(_UNMATCHED_SINCE, values).scalars()
    return sum(sender.rpartition("@")[2].lower() in domains for sender in senders)


def position(connection: Connection, mailbox: str, folder: str) -> Position | None:
    """How far a folder was read."""
    row = connection.execute(_POSITION, {"box": mailbox, "in": folder}).first()
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
    return connection.execute(_COUNT_SENT, {"box": mailbox, "since": since}).scalar_one()
