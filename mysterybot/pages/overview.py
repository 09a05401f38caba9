"""The overview: every desk with its visits, and how they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporters.metrics import TARGET
from exporters.scorecard import Spread
from exporters.snapshot import Labels, LiveDesk, LiveVisit, Open, Snapshot, VisitState
from exporters.summaries import OPEN, Summary


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit. Spans are in seconds; `replies` are first reply times of the latest conversations, on the calendar."""

    name: str
    channel: str
    last: Summary | None  # the latest that has ended
    latest: Sequence[Summary]
    open: int
    waiting: float | None
    replies: Spread
    since_run: float | None
    interval: float | None
    streak: int


@dataclass(frozen=True, slots=True)
class DeskBlock:
    """One desk with its visits."""

    desk: str
    live: LiveDesk | None  # None: no longer in the config
    visits: Sequence[VisitLine]


@dataclass(frozen=True, slots=True)
class Way:
    """A way in that is probed. Spans are in seconds; `up` and the rest are None before the first probe."""

    what: str
    up: bool | None
    since: float | None
    took: float | None
    certificate: float | None  # until it ends
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page shows above the list of conversations."""

    desks: Sequence[DeskBlock]
    open: int
    waiting: float | None  # how long the customer who waits longest has waited
    failing: int  # visits whose latest conversation did not pass
    ways: Sequence[Way]


def overview(snapshot: Snapshot, latest: Mapping[str, Sequence[Summary]], now: float) -> Overview:
    """Put it together."""
    desks = {desk.name: desk for desk in snapshot.live.desks}
    lines: dict[str, list[VisitLine]] = {desk: [] for desk in desks}
    for visit in snapshot.live.visits:
        state, open_now = snapshot.states.get(visit.name), snapshot.open.get(visit.name)
        lines.setdefault(visit.desk, []).append(_line(visit, state, open_now, latest.get(visit.name, ()), now))
    waiting = [group.waiting_since for group in snapshot.open.values() if group.waiting_since is not None]
    return Overview(
        desks=[DeskBlock(desk, desks.get(desk), visits) for desk, visits in lines.items()],
        open=sum(group.count for group in snapshot.open.values()),
        waiting=now - min(waiting) if waiting else None,
        failing=sum(line.streak > 0 for visits in lines.values() for line in visits),
        ways=[_way(target, snapshot, now) for target in snapshot.live.targets],
    )


def _way(target: Labels, snapshot: Snapshot, now: float) -> Way:
    what = " · ".join(target[label] for label in TARGET if target.get(label))
    found = next((each for each in snapshot.reached if each.labels == target), None)
    if found is None:
        return Way(what, None, None, None, None, "")
    certificate = None if found.certificate_expires is None else found.certificate_expires - now
    return Way(what, found.up, now - found.at, sum(found.phases.values()), certificate, found.reason)


def _line(
    visit: LiveVisit, state: VisitState | None, open_now: Open | None, latest: Sequence[Summary], now: float
) -> VisitLine:
    since = None if open_now is None else open_now.waiting_since
    ran = None if state is None else state.last_run
    return VisitLine(
        name=visit.name,
        channel=visit.channel,
        last=next((each for each in latest if each.verdict != OPEN), None),
        latest=latest,
        open=0 if open_now is None else open_now.count,
        waiting=None if since is None else now - since,
        replies=Spread.of(each.times.first_reply.calendar for each in latest if each.times.first_reply is not None),
        since_run=None if ran is None else now - ran,
        interval=visit.interval_seconds,
        streak=0 if state is None else state.consecutive_failures + state.consecutive_faults,
    )
