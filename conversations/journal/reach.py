"""Operations on reach results: the newest of each target, and how many there were of each kind."""

from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema
from conversations.records import to_json
from probes.reach.reached import Reached


def save(connection: Connection, labels: Mapping[str, str], tries: Sequence[Reached], at: float) -> None:
    """Count the tries of a reach probe, of which all but the first are retries, and keep the last in place of the one before.

    A server that is down, be it because its certificate has ended, shows none: then the end of the one that it last
    showed stays.
    """
    for each in tries:
        aggregates.add(connection, "reach_probes_total", {**labels, "result": each.result})
    if retries := len(tries) - 1:
        aggregates.add(connection, "reach_retries_total", labels, retries)
    last = tries[-1]
    expires = last.certificate_expires
    rows.upsert(
        connection,
        schema.reach,
        {
            "target": to_json(labels),
            "up": last.up,
            "addresses": to_json(dict(last.addresses)),
            "at": at,
            "reason": last.reason,
            "phases": to_json(dict(last.phases)),
            "certificate_expires": None if expires is None else expires.timestamp(),
        },
        keep=("certificate_expires",) if expires is None and not last.up else (),
    )
