"""Conversations in lists: one line each, read without their texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.definition import Definition
from conversations.journal import rows, schema
from conversations.records import Conversation, StoredMessage
from conversations.times import Times, times
from replies.kind import Kind

OPEN: Final = "open"
"""Stands for the verdict of a conversation that has none yet."""

MOST_MESSAGES: Final = 20_000
"""So many messages are looked at for one list, at most."""

conversation, message = schema.conversation, schema.message


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a list. `zone` is the desk's time zone."""

    id: str
    visit: str
    desk: str
    channel: str
    verdict: str
    reason: str
    started_at: float
    finished_at: float | None
    waiting_since: float | None
    zone: str
    times: Times

    @classmethod
    def of(cls, whole: Conversation) -> Self:
        """The summary of a conversation; its messages need no texts for that."""
        desk = definition_of(whole.definition).desk
        return cls(
            id=whole.id,
            visit=whole.visit,
            desk=whole.desk,
            channel=whole.channel,
            verdict=whole.verdict or OPEN,
            reason=whole.reason or "",
            started_at=whole.started_at,
            finished_at=whole.finished_at,
            waiting_since=whole.waiting_since,
            zone=desk.business_hours.timezone,
            times=times(whole, desk.business_hours),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations; None means all. `verdict` may be `open`; `since` is inclusive, `until` is not."""

    visit: str | None = None
    desk: str | None = None
    verdict: str | None = None
    since: float | None = None
    until: float | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As conditions of a query."""
        table, found = conversation.c, []
        if self.visit is not None:
            found.append(table.visit == self.visit)
        if self.desk is not None:
            found.append(table.desk == self.desk)
        if self.verdict is not None:
            found.append(table.verdict.is_(None) if self.verdict == OPEN else table.verdict == self.verdict)
        if self.since is not None:
            found.append(table.started_at >= self.since)
        if self.until is not None:
            found.append(table.started_at < self.until)
        return found


def newest(connection: Connection, wanted: Wanted, limit: int, offset: int = 0) -> list[Summary]:
    """The newest first."""
    query = sa.select(conversation).where(*wanted.conditions())
    query = query.order_by(conversation.c.started_at.desc(), conversation.c.id.desc()).limit(limit).offset(offset)
    return _summaries(connection, connection.execute(query).mappings().all())


def latest_of(connection: Connection, visits: Iterable[str], limit: int) -> dict[str, list[Summary]]:
    """visit → its latest conversations by due time, newest first."""
    found: dict[str, list[Summary]] = {}
    for visit in visits:  # one walk down the unique index of (visit, due_at) each
        query = sa.select(conversation).where(conversation.c.visit == visit)
        query = query.order_by(conversation.c.due_at.desc()).limit(limit)
        found[visit] = _summaries(connection, connection.execute(query).mappings().all())
    return found


def ids(connection: Connection, wanted: Wanted, newest: int | None = None) -> list[str]:
    """The ids of all of them, or of the newest so many; oldest first."""
    query = sa.select(conversation.c.id).where(*wanted.conditions()).limit(newest)
    query = query.order_by(conversation.c.started_at.desc(), conversation.c.id.desc())
    return list(reversed(connection.execute(query).scalars().all()))


@lru_cache(maxsize=256)
def definition_of(text: str) -> Definition:
    """The definition that a conversation began with; the conversations of a visit mostly share one text."""
    return Definition.model_validate_json(text)


def _summaries(connection: Connection, found: Iterable[sa.RowMapping]) -> list[Summary]:
    wholes = [rows.conversation(dict(row)) for row in found]
    by_id = {whole.id: whole for whole in wholes}
    for row in _bare_messages(connection, list(by_id)):
        by_id[row.conversation].messages.append(
            StoredMessage(row.id, row.direction, Kind(row.kind), None, "", "", "", "", row.at, row.detected_at)
        )
    return [Summary.of(whole) for whole in wholes]


def _bare_messages(connection: Connection, conversation_ids: Sequence[str]) -> Iterable[Any]:
    columns = (message.c.id, message.c.conversation, message.c.direction, message.c.kind, message.c.at)
    query = sa.select(*columns, message.c.detected_at).where(message.c.conversation.in_(conversation_ids))
    return connection.execute(query.order_by(message.c.id).limit(MOST_MESSAGES)).all() if conversation_ids else ()
