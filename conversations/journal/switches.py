"""Operations on switches: what a person turned on or off, for every process that uses this journal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import rows, schema
from conversations.maintenance import Maintenance


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person has decided. `maintenances`: by desk, those that are not over."""

    paused: bool
    maintenances: Mapping[str, Maintenance]


PAUSED = "paused"
MAINTENANCE = "maintenance:"
"""Before the name of a desk."""

_PAUSED = sa.select(schema.switch.c.name).where(schema.switch.c.name == PAUSED)
_MAINTENANCES = sa.select(schema.switch.c.name, schema.switch.c.value).where(
    schema.switch.c.name.startswith(MAINTENANCE, autoescape=True)
)


def pause(connection: Connection, now: float) -> None:
    """Contact nobody new; open conversations go on to their end."""
    rows.upsert(connection, schema.switch, {"name": PAUSED, "value": "yes", "at": now})


def resume(connection: Connection) -> None:
    """Start new conversations again."""
    connection.execute(schema.switch.delete().where(schema.switch.c.name == PAUSED))


def paused(connection: Connection) -> bool:
    """Was it paused?"""
    return connection.execute(_PAUSED).first() is not None


def decided(connection: Connection, now: float) -> Decided:
    """All switches as they stand."""
    return Decided(paused(connection), maintenances(connection, now))


def maintain(connection: Connection, desk: str, decided: Maintenance, now: float) -> None:
    """Leave this desk alone for a while; what was decided before is replaced."""
    value = json.dumps({"until": decided.until, "reason": decided.reason})
    rows.upsert(connection, schema.switch, {"name": MAINTENANCE + desk, "value": value, "at": now})


def end_maintenance(connection: Connection, desk: str, now: float) -> bool:
    """Contact this desk again; False when nothing had been decided, or it was over."""
    going_on = maintenances(connection, now)
    connection.execute(schema.switch.delete().where(schema.switch.c.name == MAINTENANCE + desk))
    return desk in going_on


def maintenances(connection: Connection, now: float) -> Mapping[str, Maintenance]:
    """desk → what was decided about it and is not over."""
    found = {
        row.name.removeprefix(MAINTENANCE): Maintenance(**json.loads(row.value))
        for row in connection.execute(_MAINTENANCES)
    }
    return {desk: decided for desk, decided in found.items() if now < decided.until}
