"""The metrics in Prometheus's text formats.

The journal's aggregate table is the truth: counters and histograms are given back as they stand there, so they go on
after a restart. What cannot be known is absent, never zero; what can be counted is there from zero.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from conversations.journal.aggregates import BUCKETS, CLOCKED, Kept
from exporters.exposition import OPENMETRICS, TEXT, Series, Writer, memory, series
from exporters.metrics import CLOCKS, METRICS, OUTCOMES, RESULTS, VERDICTS, Metric
from exporters.snapshot import Labels, Live, Snapshot
from replies.checks import NAMES as CHECKS

Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Exposition:
    """What is sent to Prometheus."""

    body: bytes
    content_type: str


def render(snapshot: Snapshot, accept: str = "") -> Exposition:
    """In OpenMetrics when the Accept header names it, else in the classic text format."""
    openmetrics = "application/openmetrics-text" in accept
    writer, outline = Writer(openmetrics=openmetrics), Outline.of(snapshot.live)
    gauges, infos = _gauges(snapshot), _infos(snapshot.live)
    for metric in METRICS.values():
        writer.head(metric)
        if metric.type == "counter":
            _counter(writer, metric, outline, snapshot.aggregates.get(metric.name, ()))
        elif metric.type == "histogram":
            _histogram(writer, metric, outline, snapshot.aggregates)
        else:
            samples = (
                gauges[metric.name] if metric.type == "gauge" else ((labels, 1.0) for labels in infos[metric.name])
            )
            names, where = metric.labels, outline.location
            writer.samples(metric, ((series(names, labels, where), value) for labels, value in samples))
    return Exposition(writer.body(), OPENMETRICS if openmetrics else TEXT)


@dataclass(frozen=True, slots=True)
class Outline:
    """What decides which series there are before anything was counted; that of two scrapes is mostly the same."""

    location: str
    visits: tuple[
        tuple[tuple[str, str, str], tuple[str, ...], bool], ...
    ]  # labels, promises, whether it fills in a form
    mailboxes: tuple[tuple[str, bool], ...]  # and whether it sends control mails
    targets: tuple[tuple[tuple[str, str], ...], ...]
    places: tuple[str, ...]  # that notices go to

    @classmethod
    def of(cls, live: Live) -> "Outline":
        """The outline of this program."""
        return cls(
            live.location,
            tuple(((each.name, each.desk, each.channel), tuple(each.promises), each.form) for each in live.visits),
            tuple((each.name, each.control) for each in live.mailboxes),
            tuple(tuple(each.items()) for each in live.targets),
            tuple(live.places),
        )


def _infos(live: Live) -> Mapping[str, Iterable[Labels]]:
    """The labels of every info."""
    return {
        "desk_info": [{"desk": desk.name, "name": desk.title} for desk in live.desks],
        "build_info": [{"version": live.version}],
    }


def _gauges(snapshot: Snapshot) -> Mapping[str, Iterable[Sample]]:
    """The samples of every gauge."""
    live, states, reached = snapshot.live, snapshot.states, snapshot.reached
    known = [(visit.labels, states[visit.name]) for visit in live.visits if visit.name in states]
    never = {visit.name: (visit.labels, 0.0) for visit in live.visits}
    failures = {labels["visit"]: (labels, float(state.consecutive_failures)) for labels, state in known}
    faults = {labels["visit"]: (labels, float(state.consecutive_faults)) for labels, state in known}
    mailboxes = {box.name: box for box in live.mailboxes}
    boxes = {visit.name: mailboxes.get(visit.mailbox) for visit in live.visits}
    open_now = {name: (group.labels, float(group.count)) for name, group in snapshot.open.items()}
    return {
        "reach_up": _known((each.labels, each.up) for each in reached),
        "reach_address_up": [
            ({**each.labels, "ip": ip}, float(up)) for each in reached for ip, up in each.addresses.items()
        ],
        "reach_duration_seconds": [
            ({**each.labels, "phase": phase}, seconds) for each in reached for phase, seconds in each.phases.items()
        ],
        "reach_last_run_timestamp_seconds": [(each.labels, each.at) for each in reached],
        "reach_certificate_expiry_timestamp_seconds": _known((r.labels, r.certificate_expires) for r in reached),
        "desk_open": [({"desk": desk.name}, float(desk.open)) for desk in live.desks],
        "desk_maintenance": [({"desk": desk.name}, float(desk.maintenance is not None)) for desk in live.desks],
        "visit_last_run_timestamp_seconds": _known((labels, state.last_run) for labels, state in known),
        "visit_last_success_timestamp_seconds": _known((labels, state.last_success) for labels, state in known),
        "visit_interval_seconds": _known((visit.labels, visit.interval_seconds) for visit in live.visits),
        "visit_next_run_timestamp_seconds": _known(
            (visit.labels, live.next_looks.get(visit.name)) for visit in live.visits
        ),
        "visit_consecutive_failures": (never | failures).values(),
        "visit_consecutive_faults": (never | faults).values(),
        "visit_open_conversations": (never | open_now).values(),
        "visit_waiting_since_timestamp_seconds": _known(
            (group.labels, group.waiting_since) for group in snapshot.open.values()
        ),
        "visit_reply_due_timestamp_seconds": [
            ({**group.labels, "promise": promise}, due)
            for name, group in snapshot.open.items()
            for promise, due in group.due.items()
            if (box := boxes.get(name)) is None or box.knows(due)
        ],
        "promise_seconds": [
            ({**visit.labels, "promise": promise}, seconds)
            for visit in live.visits
            for promise, seconds in visit.promises.items()
        ],
        "mailbox_up": [({"mailbox": box.name}, float(box.up)) for box in live.mailboxes],
        "mailbox_clock_skew_seconds": _known(({"mailbox": box.name}, box.skew) for box in live.mailboxes),
        "timetable_lag_seconds": [({}, live.timetable_lag)],
        "paused": [({}, float(live.paused))],
        "config_last_reload_successful": [({}, float(live.config_loaded))],
        "config_last_reload_success_timestamp_seconds": [({}, live.config_loaded_at)],
    }


def _known(samples: Iterable[tuple[Labels, float | None]]) -> list[Sample]:
    return [(labels, float(value)) for labels, value in samples if value is not None]


@lru_cache(maxsize=200)
def _from_zero(metric: Metric, outline: Outline) -> tuple[Series, ...]:
    """The series of a counter or histogram that are there before anything was counted."""
    return tuple(series(metric.labels, labels, outline.location) for labels in _expected(metric, outline))


def _expected(metric: Metric, outline: Outline) -> Iterator[Labels]:
    """Their labels."""
    if metric.labels == ("mailbox",):
        control_only = metric.name in {"control_mail_lost_total", "delivery_seconds"}
        yield from ({"mailbox": name} for name, control in outline.mailboxes if control or not control_only)
    elif metric.name == "notifications_total":
        yield from ({"place": place, "result": result} for place in outline.places for result in ("sent", "failed"))
    elif metric.name == "second_opinions_total":
        return  # mostly there is no judge
    elif metric.name == "reach_retries_total":
        yield from map(dict, outline.targets)
    elif metric.name == "reach_probes_total":
        yield from ({**dict(target), "result": result} for target in outline.targets for result in OUTCOMES)
    else:
        for (visit, desk, channel), promises, form in outline.visits:
            if form or metric.name != "form_submit_seconds":
                of_visit = {"visit": visit, "desk": desk, "channel": channel}
                yield from ({**of_visit, **more} for more in _outcomes(metric, promises))


def _outcomes(metric: Metric, promises: Iterable[str]) -> Iterable[Labels]:
    """What a counter or histogram of a visit tells apart."""
    match metric.name:
        case "visit_conversations_total":
            return [{"verdict": verdict} for verdict in VERDICTS]
        case "promises_kept_total" | "promises_missed_total":
            return [{"promise": name} for name in promises]
        case "findings_total":
            return [{"check": check, "result": result} for check in CHECKS for result in RESULTS]
        case _:
            return [{"clock": clock} for clock in CLOCKS] if metric.name in CLOCKED else [{}]


def _counter(writer: Writer, metric: Metric, outline: Outline, stored: Iterable[Kept]) -> None:
    counted: dict[Series, Kept | None] = dict.fromkeys(_from_zero(metric, outline))
    known = memory(metric.labels, outline.location)
    for each in stored:
        found, _ = known[each.labels]
        if found not in counted and metric.name == "findings_total":  # of a check that only a scenario knows
            labels = json.loads(each.labels)
            for result in RESULTS:
                counted.setdefault(series(metric.labels, {**labels, "result": result}, outline.location), None)
        counted[found] = each
    writer.counters(metric, counted)


def _histogram(writer: Writer, metric: Metric, outline: Outline, stored: Mapping[str, Iterable[Kept]]) -> None:
    known = memory(metric.labels, outline.location)
    sums = dict.fromkeys(_from_zero(metric, outline), 0.0)
    sums |= {known[each.labels][0]: each.value for each in stored.get(f"{metric.name}_sum", ())}
    hit: dict[Series, dict[str, Kept]] = {}
    for each in stored.get(f"{metric.name}_bucket", ()):
        found, bound = known[each.labels]
        hit.setdefault(found, {})[bound] = each
    usual = [*(repr(float(bound)) for bound in BUCKETS[metric.name]), "+Inf"]
    for found, total in sums.items():
        buckets = hit.get(found, {})
        older = buckets.keys() - set(usual)  # bounds of an older version
        bounds = sorted([*usual, *older], key=float) if older else usual
        writer.histogram(metric, found, bounds, buckets, total)
