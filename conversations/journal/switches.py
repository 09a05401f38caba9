"""Operations on switches: what a person turned on or off, for every process that uses this journal."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import rows, schema

PAUSED = "paused"

_PAUSED = sa.select(schema.switch.c.name).where(schema.switch.c.name == PAUSED)


def pause(connection: Connection, now: float) -> None:
    """Contact nobody new; open conversations go on to their end."""
    rows.upsert(connection, schema.switch, {"name": PAUSED, "value": "yes", "at": now})


def resume(connection: Connection) -> None:
    """Start new conversations again."""
    connection.execute(schema.switch.delete().where(schema.switch.c.name == PAUSED))


def paused(connection: Connection) -> bool:
    """Was it paused?"""
    return connection.execute(_PAUSED).first() is not None
