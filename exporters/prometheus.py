"""The metrics in Prometheus's text formats.

The journal's aggregate table is the truth: counters and histograms are given back as they stand there, so they go on
after a restart. What cannot be known is absent, never zero; what can be counted is there from zero.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from conversations.journal.aggregates import BUCKETS, CLOCKED
from exporters.metrics import CLOCKS, LOCATION, METRICS, OUTCOMES, RESULTS, VERDICTS, Metric
from exporters.snapshot import Labels, Live, Snapshot

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Exposition:
    """What is sent to Prometheus."""

    body: bytes
    content_type: str


def render(snapshot: Snapshot, accept: str = "") -> Exposition:
    """In OpenMetrics when the Accept header names it, else in the classic text format. 70 ms for 10,000 series."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot))
    if "application/openmetrics-text" in accept:
        return Exposition(openmetrics.generate_latest(registry), OPENMETRICS)  # type: ignore[no-untyped-call]
    return Exposition(generate_latest(registry), TEXT)


class SnapshotCollector(Collector):
    """Gives out one snapshot, metric by metric in the order of the table."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        """The metrics."""
        gauges, infos = _gauges(self._snapshot), _infos(self._snapshot.live)
        for metric in METRICS.values():
            if metric.type == "gauge":
                yield _gauge(metric, gauges[metric.name], self._snapshot.live.location)
            elif metric.type == "counter":
                yield _counter(metric, self._snapshot)
            elif metric.type == "histogram":
                yield _histogram(metric, self._snapshot)
            else:
                yield _info(metric, infos[metric.name], self._snapshot.live.location)


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
            for group in snapshot.open.values()
            for promise, due in group.due.items()
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
    }


def _known(samples: Iterable[tuple[Labels, float | None]]) -> list[Sample]:
    return [(labels, value) for labels, value in samples if value is not None]


def _from_zero(metric: Metric, live: Live, stored: Iterable[Sample]) -> Iterator[Labels]:
    """What a counter shows even before anything was counted."""
    match metric.name:
        case "reach_probes_total":
            yield from ({**target, "result": result} for target in live.targets for result in OUTCOMES)
        case "reach_retries_total":
            yield from live.targets
        case "visit_conversations_total":
            yield from ({**visit.labels, "verdict": verdict} for visit in live.visits for verdict in VERDICTS)
        case "promises_kept_total" | "promises_missed_total":
            yield from ({**visit.labels, "promise": name} for visit in live.visits for name in visit.promises)
        case "findings_total":  # which checks there are shows in what they found: then every result of those
            yield from ({**labels, "result": result} for labels, _ in stored for result in RESULTS)
        case "sends_uncertain_total" | "undelivered_total":
            yield from (visit.labels for visit in live.visits)
        case "control_mail_lost_total":
            yield from ({"mailbox": box.name} for box in live.mailboxes if box.control)
        case "mailbox_unmatched_total":
            yield from ({"mailbox": box.name} for box in live.mailboxes)


def _info(metric: Metric, samples: Iterable[Labels], location: str) -> Family:
    family = InfoMetricFamily(metric.full_name.removesuffix("_info"), metric.help, labels=[LOCATION])
    for labels in samples:
        family.add_metric([location], dict(labels))
    return family


def _gauge(metric: Metric, samples: Iterable[Sample], location: str) -> Family:
    family = GaugeMetricFamily(metric.full_name, metric.help, labels=[*metric.labels, LOCATION])
    for labels, value in samples:
        family.add_metric([*_values(metric, labels), location], value)
    return family


def _counter(metric: Metric, snapshot: Snapshot) -> Family:
    stored = snapshot.aggregates.get(metric.name, ())
    totals = {_values(metric, labels): 0.0 for labels in _from_zero(metric, snapshot.live, stored)}
    for labels, value in stored:
        totals[_values(metric, labels)] = totals.get(_values(metric, labels), 0.0) + value
    family = CounterMetricFamily(metric.full_name, metric.help, labels=[*metric.labels, LOCATION])
    for values, total in totals.items():
        family.add_metric([*values, snapshot.live.location], total)
    return family


def _histogram(metric: Metric, snapshot: Snapshot) -> Family:
    """The journal counts each bucket for itself; Prometheus wants everything up to its bound."""
    sums = {_values(metric, labels): 0.0 for labels in _measured(metric, snapshot.live)}
    for labels, value in snapshot.aggregates.get(f"{metric.name}_sum", ()):
        sums[_values(metric, labels)] = value
    hit: dict[tuple[str, ...], dict[float, float]] = {}
    for labels, value in snapshot.aggregates.get(f"{metric.name}_bucket", ()):
        hit.setdefault(_values(metric, labels), {})[float(labels["le"])] = value
    family = HistogramMetricFamily(metric.full_name, metric.help, labels=[*metric.labels, LOCATION])
    for values, total in sums.items():
        counts = dict.fromkeys((*map(float, BUCKETS[metric.name]), float("inf")), 0.0) | hit.get(values, {})
        bounds = sorted(counts)  # bounds that an older version used are still among them
        cumulated = accumulate(counts[bound] for bound in bounds)
        buckets = [(_bound(bound), count) for bound, count in zip(bounds, cumulated, strict=True)]
        family.add_metric([*values, snapshot.live.location], buckets, total)
    return family


def _measured(metric: Metric, live: Live) -> Iterator[Labels]:
    """The histograms that are there before anything was measured."""
    if metric.name == "detection_lag_seconds":
        yield from ({"mailbox": box.name} for box in live.mailboxes)
        return
    if metric.name == "delivery_seconds":
        yield from ({"mailbox": box.name} for box in live.mailboxes if box.control)
        return
    for visit in live.visits:
        if metric.name in CLOCKED:
            yield from ({**visit.labels, "clock": clock} for clock in CLOCKS)
        elif visit.form or metric.name != "form_submit_seconds":
            yield visit.labels


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(bound)


def _values(metric: Metric, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in metric.labels)
