"""Rows of the database to values and back."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from conversations.records import (
    Conversation,
    Status,
    Step,
    StoredFinding,
    StoredMessage,
    Verdict,
)
from replies.kind import Kind

Row = Mapping[str, Any]


def document(text: str | None) -> Any:
    """The document of a JSON column; an empty mapping for NULL."""
    return {} if text is None else json.loads(text)


def conversation(row: Row) -> Conversation:
    """A conversation without its parts."""
    return Conversation(
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        **{
            name: row[name]
            for name in (
                "id",
                "visit",
                "due_at",
                "desk",
                "channel",
                "mailbox",
                "location",
                "reference",
                "definition",
                "reason",
                "started_at",
                "finished_at",
                "waiting_since",
                "wake_at",
                "rev",
                "owner",
                "parent",
            )
        },
    )


def step(row: Row) -> Step:
    """A step."""
    return Step(
        seq=row["seq"],
        name=row["name"],
        digest=row["digest"],
        status=Status(row["status"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        attempts=row["attempts"],
        intent=document(row["intent"]),
        outcome=document(row["outcome"]),
    )


def message(row: Row) -> StoredMessage:
    """A message."""
    return StoredMessage(
        kind=Kind(row["kind"]),
        envelope=document(row["envelope"]),
        **{
            name: row[name]
            for name in (
                "id",
                "direction",
                "message_id",
                "subject",
                "sender",
                "recipient",
                "text",
                "at",
                "detected_at",
                "folder",
                "permanent",
                "taken_by",
                "rule",
                "matched_by",
            )
        },
    )


def finding(row: Row) -> StoredFinding:
    """A finding."""
    return StoredFinding(
        check=row["check"],
        result=row["result"],
        rule=row["rule"],
        evidence=row["evidence"],
        value=None if row["value"] is None else json.loads(row["value"]),
        message=row["message"],
    )


def insert_new(connection: Connection, table: sa.Table, values: Row) -> bool:
    """Insert unless a row with one of its unique keys is there; was it inserted?"""
    return connection.execute(_insert_new(table, connection.dialect.name), values).rowcount == 1


def upsert(
    connection: Connection, table: sa.Table, values: Row, *, add: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> None:
    """Insert, or update the row with this primary key: columns in `add` are added to, those in `keep` are left alone."""
    upsert_all(connection, table, [values], add=add, keep=keep)


def upsert_all(
    connection: Connection,
    table: sa.Table,
    many: Sequence[Row],
    *,
    add: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
) -> None:
    """`upsert` of several rows, one after the other; all have the same columns."""
    if many:
        connection.execute(_upsert(table, connection.dialect.name, tuple(many[0]), add, keep), many)


# A statement that is built once is five times as fast to execute as one that is built each time: SQLAlchemy remembers
# with it how it was compiled. So the statements of the hot path are constants, here and in the modules beside.


@cache
def _insert_new(table: sa.Table, dialect: str) -> sa.Insert:
    return _insert(table, dialect).on_conflict_do_nothing()


@cache
def _upsert(
    table: sa.Table, dialect: str, columns: tuple[str, ...], add: tuple[str, ...], keep: tuple[str, ...]
) -> sa.Insert:
    statement = _insert(table, dialect)
    key = {column.name for column in table.primary_key}
    new = {
        name: table.c[name] + statement.excluded[name] if name in add else statement.excluded[name]
        for name in columns
        if name not in key and name not in keep
    }
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)


def _insert(table: sa.Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
