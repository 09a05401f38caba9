"""What every program that Prometheus watches tells of itself: memory, processor time, open files, garbage collection.

By prometheus_client, under the names that all its users know. These stand beside the metrics of `exporters.metrics`, and
have no label `location`: they belong to the process, which Prometheus knows by its `instance`.
"""

from functools import cache

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from exporters.exposition import END


def with_process(body: bytes, *, in_openmetrics: bool) -> bytes:
    """An exposition, with the metrics of this process at its end."""
    if not in_openmetrics:
        return body + generate_latest(_registry())
    own: bytes = openmetrics.generate_latest(_registry())  # type: ignore[no-untyped-call]
    return body.removesuffix(END) + own


@cache
def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry
