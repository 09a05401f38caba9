"""Operations on reach results: the newest of each target."""

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from conversations.journal import rows, schema
from conversations.records import to_json
from probes.reach.reached import Reached


def save(connection: Connection, labels: Mapping[str, str], reached: Reached, at: float) -> None:
    """Keep the result of a reach probe in place of the one before."""
    expires = reached.certificate_expires
    rows.upsert(
        connection,
        schema.reach,
        {
            "target": to_json(labels),
            "up": reached.up,
            "at": at,
            "reason": reached.reason,
            "phases": to_json(dict(reached.phases)),
            "certificate_expires": None if expires is None else expires.timestamp(),
        },
    )
