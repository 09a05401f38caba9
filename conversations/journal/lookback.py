"""What a reply is read against: what went before in its conversation, and what the desk wrote to other questions."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import schema
from replies.departments import Department
from replies.kind import Kind
from replies.turns import MOST_TURNS, Turn

RECENT = 300
"""The latest conversations with a desk, among which others are looked for."""
MOST_OF_A_VISIT = 4
MOST_OTHERS = 20
MOST_REPLIES = 40
MOST_CHARACTERS = 4_000

conversation, message = schema.conversation, schema.message

_EARLIER = (
    sa.select(message.c.kind, message.c.text, message.c.message_id, message.c.envelope)
    .where(message.c.conversation == sa.bindparam("of"))
    .order_by(message.c.at.desc(), message.c.id.desc())
    .limit(MOST_TURNS)
)
_RECENT = (
    sa.select(conversation.c.id, conversation.c.visit)
    .where(conversation.c.desk == sa.bindparam("with"))
    .order_by(conversation.c.started_at.desc())
    .limit(RECENT)
)
_place = sa.func.row_number().over(
    partition_by=(message.c.conversation, message.c.kind), order_by=(message.c.at, message.c.id)
)
_numbered = (
    sa.select(message.c.id, _place.label("place"))
    .where(message.c.conversation.in_(sa.bindparam("any", expanding=True)), message.c.kind.in_((Kind.SENT, Kind.HUMAN)))
    .subquery()
)
_SAID = (  # found by their ids first: the texts of a flood are not worth sorting
    sa.select(message.c.conversation, message.c.kind, sa.func.substr(message.c.text, 1, MOST_CHARACTERS).label("text"))
    .join(_numbered, _numbered.c.id == message.c.id)
    .where(_numbered.c.place <= MOST_REPLIES // MOST_OTHERS)
    .order_by(message.c.at, message.c.id)
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Another conversation with the same desk: what was asked first, and what people answered."""

    question: str
    replies: tuple[str, ...]


def earlier(connection: Connection, conversation_id: str) -> list[Turn]:
    """The latest messages of a conversation, in order."""
    rows = connection.execute(_EARLIER, {"of": conversation_id}).all()
    return [_turn(row) for row in reversed(rows)]


def elsewhere(connection: Connection, desk: str, visit: str) -> list[Exchange]:
    """Recent conversations that other visits had with this desk, newest first, a few of each visit."""
    taken: Counter[str] = Counter({_asked_by(visit): MOST_OF_A_VISIT})
    chosen: list[str] = []
    for row in connection.execute(_RECENT, {"with": desk}):
        if taken[_asked_by(row.visit)] < MOST_OF_A_VISIT and len(chosen) < MOST_OTHERS:
            taken[_asked_by(row.visit)] += 1
            chosen.append(row.id)
    return _exchanges(connection, chosen) if chosen else []


def _asked_by(visit: str) -> str:
    """The visit itself for one of its companions, which ask what it asks."""
    return visit.partition("/")[0]


def _exchanges(connection: Connection, conversation_ids: Sequence[str]) -> list[Exchange]:
    asked: dict[str, str] = {}
    replies: dict[str, list[str]] = {each: [] for each in conversation_ids}
    for row in connection.execute(_SAID, {"any": conversation_ids}):
        if row.kind == Kind.SENT:
            asked.setdefault(row.conversation, row.text)
        else:
            replies[row.conversation].append(row.text)
    return [Exchange(asked[each], tuple(replies[each])) for each in conversation_ids if each in asked]


def _turn(row: Any) -> Turn:
    envelope = json.loads(row.envelope) if row.envelope else {}
    signature, sender = envelope.get("department") or (None, None)
    return Turn(
        Kind(row.kind),
        row.text[:MOST_CHARACTERS],
        row.message_id,
        answers=bool(envelope.get("references")),
        tickets=tuple(envelope.get("tickets") or ()),
        agent=envelope.get("agent"),
        department=Department(signature, sender),
    )
