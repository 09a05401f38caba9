"""Operations on second opinions. A row is both the intent to ask and the outcome: one a message, written before asking.

No row: nobody has asked. `next_at` set: somebody asks, or it is to be asked again then. NULL: decided, or given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema
from conversations.records import StoredOpinion
from replies.kind import Kind

DAY = 86_400.0
MOST_ATTEMPTS = 3
"""A message is asked about so often at most, whatever went wrong."""

opinion, message, conversation = schema.opinion, schema.message, schema.conversation

_NEW = (
    sa.select(message.c.id, message.c.conversation)
    .where(
        message.c.mailbox.in_(sa.bindparam("boxes", expanding=True)),
        message.c.direction == "in",
        message.c.at >= sa.bindparam("since"),
        message.c.kind == Kind.HUMAN,
        message.c.conversation.is_not(None),
        ~sa.exists().where(opinion.c.message == message.c.id),
    )
    .order_by(message.c.at)
)
_AGAIN = (
    sa.select(opinion.c.message, opinion.c.conversation, opinion.c.attempts)
    .where(opinion.c.asked_at >= sa.bindparam("since"), opinion.c.next_at <= sa.bindparam("now"))
    .order_by(opinion.c.next_at)
)
_ASKED = sa.select(sa.func.coalesce(sa.func.sum(opinion.c.attempts), 0)).where(
    opinion.c.asked_at >= sa.bindparam("since")
)

_OF = (
    sa.select(opinion)
    .where(opinion.c.conversation == sa.bindparam("of"), opinion.c.next_at.is_(None))
    .order_by(opinion.c.message)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that only we ask about until the time that was given."""

    message: int
    conversation: str
    attempts: int


def claim(
    connection: Connection,
    mailboxes: Sequence[str],
    judge: str,
    now: float,
    until: float,
    per_day: int,
    only: str | None = None,
) -> Claim | None:
    """Take a reply of the last day that wants an opinion; None when there is none, or enough were asked for today.

    A try that failed, or that a crash has cut off, is repeated when its time has come, MOST_ATTEMPTS at most. `only`: of this
    conversation.
    """
    since = {"since": now - DAY}
    if connection.execute(_ASKED, since).scalar_one() >= per_day:
        return None
    again = _AGAIN.where(opinion.c.conversation == only) if only else _AGAIN
    for row in connection.execute(again, {**since, "now": now}).all():
        if row.attempts < MOST_ATTEMPTS:
            _update(connection, row.message, attempts=row.attempts + 1, asked_at=now, next_at=until, judge=judge)
            return Claim(row.message, row.conversation, row.attempts + 1)
        _give_up(connection, row.message, row.conversation)  # cut off at the last try
    fresh = _NEW.where(message.c.conversation == only) if only else _NEW
    new = connection.execute(fresh.limit(1), {**since, "boxes": list(mailboxes)}).first()
    if new is None:
        return None
    values = {"message": new.id, "conversation": new.conversation, "attempts": 1, "asked_at": now, "next_at": until}
    rows.insert_new(connection, opinion, {**values, "judge": judge})
    return Claim(new.id, new.conversation, 1)


def decide(connection: Connection, claimed: Claim, verdict: str, why: str) -> None:
    """Keep an opinion, unless somebody else was faster."""
    if _update(connection, claimed.message, attempts=claimed.attempts, next_at=None, verdict=verdict, why=why):
        _count(connection, claimed.conversation, verdict)


def failed(connection: Connection, claimed: Claim, why: str, again_at: float) -> None:
    """Ask again then, or give up after the last try; `why` is kept for people."""
    if claimed.attempts < MOST_ATTEMPTS:
        _update(connection, claimed.message, attempts=claimed.attempts, next_at=again_at, why=why)
    elif _update(connection, claimed.message, attempts=claimed.attempts, next_at=None, why=why):
        _count(connection, claimed.conversation, "failed")


def of(connection: Connection, conversation_id: str) -> list[StoredOpinion]:
    """Those of a conversation that are decided or given up, in the order of its messages."""
    return [
        StoredOpinion(row.message, row.judge, row.verdict, row.why or "", row.asked_at)
        for row in connection.execute(_OF, {"of": conversation_id})
    ]


def _update(connection: Connection, message_id: int, **values: object) -> bool:
    """Only what is not decided, and only by who asked last."""
    this = [opinion.c.message == message_id, opinion.c.next_at.is_not(None)]
    if "asked_at" not in values:
        this.append(opinion.c.attempts == values["attempts"])
    return connection.execute(opinion.update().where(*this).values(**values)).rowcount == 1


def _give_up(connection: Connection, message_id: int, conversation_id: str) -> None:
    if _update(connection, message_id, attempts=MOST_ATTEMPTS, next_at=None, why="it was interrupted"):
        _count(connection, conversation_id, "failed")


def _count(connection: Connection, conversation_id: str, result: str) -> None:
    query = sa.select(conversation.c.visit, conversation.c.desk, conversation.c.channel)
    labels = dict(connection.execute(query.where(conversation.c.id == conversation_id)).mappings().one())
    aggregates.add(connection, "second_opinions_total", {**labels, "result": result})
