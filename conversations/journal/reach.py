"""Operations on reach results: the newest of each target, and how many there were of each kind."""

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema
from conversations.records import to_json
from probes.reach.reached import Reached


def save(
    connection: Connection, labels: Mapping[str, str], reached: Reached, at: float, *, retry: bool = False
) -> None:
    """Count the result of a reach probe, and keep it in place of the one before. `retry`: it repeated a failed one."""
    aggregates.add(connection, "reach_probes_total", {**labels, "result": reached.result})
    if retry:
        aggregates.add(connection, "reach_retries_total", labels)
    expires = reached.certificate_expires
    rows.upsert(
        connection,
        schema.reach,
        {
            "target": to_json(labels),
            "up": reached.up,
            "addresses": to_json(dict(reached.addresses)),
            "at": at,
            "reason": reached.reason,
            "phases": to_json(dict(reached.phases)),
            "certificate_expires": None if expires is None else expires.timestamp(),
        },
    )
