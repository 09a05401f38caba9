"""Rows of the database to values and back."""

import json
from collections.abc import Iterable, Mapping
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


def insert_new(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Insert unless a row with one of its unique keys is there; was it inserted?"""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    return connection.execute(statement).rowcount == 1


def upsert(
    connection: Connection,
    table: sa.Table,
    values: Mapping[str, Any],
    *,
    add: Iterable[str] = (),
    keep: Iterable[str] = (),
) -> None:
    """Insert, or update the row with this primary key: columns in `add` are added to, those in `keep` are left alone."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**values)
    key = {column.name for column in table.primary_key}
    new = {
        name: table.c[name] + statement.excluded[name] if name in set(add) else statement.excluded[name]
        for name in values
        if name not in key and name not in set(keep)
    }
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new))
