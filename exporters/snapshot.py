"""What a scrape and the overview show, read from the journal at once and then a plain value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import Journal, aggregates, schema, visits
from conversations.journal.aggregates import Kept
from conversations.maintenance import Maintenance
from conversations.records import to_json

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LiveVisit:
    """A visit of the config. `promises`: name → seconds; those in business time in seconds of business time."""

    name: str
    desk: str
    channel: str
    interval_seconds: float | None
    promises: Mapping[str, float]
    form: bool
    mailbox: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Its labels in every metric."""
        return {"visit": self.name, "desk": self.desk, "channel": self.channel}


@dataclass(frozen=True, slots=True)
class LiveMailbox:
    """A mailbox of the config, as it is now. `skew`: our clock minus the server's, None when it is not known.

    `read_until`: of one that is not up, until when it is known what arrived; None: it has not been up since the start.
    """

    name: str
    up: bool
    skew: float | None
    control: bool = False  # whether it sends control mails
    read_until: float | None = None

    def knows(self, moment: float) -> bool:
        """Whether it is known what had arrived by then, or will be."""
        return self.up or (self.read_until is not None and moment <= self.read_until)


@dataclass(frozen=True, slots=True)
class LiveDesk:
    """A desk of the config, as it is now. `title`: what people call it; `open`: whether its business hours run."""

    name: str
    title: str
    open: bool
    maintenance: Maintenance | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Live:
    """What the running program knows and the journal does not."""

    location: str
    version: str
    desks: Sequence[LiveDesk]
    config_loaded: bool  # the last time that it was tried
    config_loaded_at: float  # the last time that it was good
    visits: Sequence[LiveVisit]
    mailboxes: Sequence[LiveMailbox]
    targets: Sequence[Labels]  # of reach probes: the same labels as in the journal's reach table
    timetable_lag: float
    next_looks: Mapping[str, float]  # visit → when the timetable looks at it next
    paused: bool
    places: Sequence[str] = ()  # that are told by notices


@dataclass(frozen=True, slots=True)
class VisitState:
    """How a visit has fared."""

    last_run: float | None
    last_success: float | None
    consecutive_failures: int
    consecutive_faults: int


@dataclass(frozen=True, slots=True)
class Open:
    """The open conversations of a visit. `waiting_since`: the oldest message of ours that no person has answered.
    `due`: promise → when the first of them runs out that the desk has yet to keep.
    """

    labels: Labels
    count: int
    waiting_since: float | None
    due: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reached:
    """The last result of a reach probe. `up`: None when it could not be tried. `phases`: name → seconds. `addresses`: kind of
    address, `4` or `6` → whether it is up over that.
    """

    labels: Labels
    up: bool | None
    at: float
    reason: str
    phases: Mapping[str, float]
    certificate_expires: float | None
    addresses: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is exposed, at one moment."""

    live: Live
    aggregates: Mapping[str, Sequence[Kept]]
    states: Mapping[str, VisitState]
    open: Mapping[str, Open]
    reached: Sequence[Reached]


async def snapshot(journal: Journal, live: Live) -> Snapshot:
    """Read the journal for a scrape; its cost does not grow with the number of conversations that have ended."""

    def read(connection: Connection) -> Snapshot:
        return Snapshot(
            live=live,
            aggregates=aggregates.kept(connection),
            states=_states(connection),
            open=_open(connection, {visit.name: visit.labels for visit in live.visits}),
            reached=_reached(connection, live.targets),
        )

    return await journal.read(read)


def _states(connection: Connection) -> dict[str, VisitState]:
    return {
        visit: VisitState(row["last_run"], row["last_success"], row["consecutive_failures"], row["consecutive_faults"])
        for visit, row in visits.states(connection).items()
    }


def _open(connection: Connection, configured: Mapping[str, Labels]) -> dict[str, Open]:
    return {
        visit: Open(configured.get(visit) or _labels_of(connection, visit), ones.count, ones.waiting_since, ones.due)
        for visit, ones in visits.open_by_visit(connection).items()
    }


def _labels_of(connection: Connection, visit: str) -> Labels:
    """The labels of a visit that is no longer in the config and has open conversations."""
    table = schema.conversation
    query = sa.select(table.c.desk, table.c.channel).where(table.c.verdict.is_(None), table.c.visit == visit).limit(1)
    row = connection.execute(query).one()
    return {"visit": visit, "desk": row.desk, "channel": row.channel}


def _reached(connection: Connection, targets: Sequence[Labels]) -> list[Reached]:
    rows = {row.target: row for row in connection.execute(sa.select(schema.reach))}
    found = [(labels, rows.get(to_json(labels))) for labels in targets]
    return [_as_reached(labels, row) for labels, row in found if row is not None]


def _as_reached(labels: Labels, row: Any) -> Reached:
    return Reached(
        labels=labels,
        up=row.up,
        at=row.at,
        reason=row.reason or "",
        phases=json.loads(row.phases),
        certificate_expires=row.certificate_expires,
        addresses=json.loads(row.addresses),
    )
