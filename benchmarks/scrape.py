"""A scrape of a journal with 10,000 series, every bucket of them hit: read from the aggregate table and written in OpenMetrics.

Beside it stands prometheus_client itself, giving out 10,000 counters that it has in memory. Then scrape follows upon scrape
beside a task that only wants to be woken every millisecond: how late it is, is how long the bot is held up.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import generate_latest

from benchmarks.figures import Figure, median, percentile
from conversations.journal import Journal, rows, schema
from conversations.journal.aggregates import BUCKETS
from conversations.records import to_json
from exporters.exposition import OPENMETRICS
from exporters.prometheus import render
from exporters.snapshot import Live, snapshot
from mysterybot.service import settle

SERIES = 10_000
LIVE = Live(
    "bench",
    "0",
    desks=[],
    config_loaded=True,
    config_loaded_at=0.0,
    visits=[],
    mailboxes=[],
    targets=[],
    timetable_lag=0.0,
    next_looks={},
    paused=False,
)


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures."""
    times = 3 if quick else 15
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as folder:
        reading, writing, late, idle, series = asyncio.run(_measure(Path(folder), times))
    bare = _bare(times)
    return [
        Figure("scrape, reading the journal", 1000 * reading, "ms", f"{series:,} series"),
        Figure("scrape, writing them out", 1000 * writing, "ms", f"{series:,} series"),
        Figure(
            "scrape, whole", 1000 * (reading + writing), "ms", f"prometheus_client from memory: {1000 * bare:.0f} ms"
        ),
        Figure("loop held up by scrapes, 99 in 100", 1000 * late, "ms", f"without a scrape: {1000 * idle:.1f} ms"),
    ]


async def _measure(folder: Path, times: int) -> tuple[float, float, float, float, int]:
    async with Journal.at(folder / "journal.sqlite") as journal:
        stored = _aggregates()
        await journal.write(lambda c: rows.upsert_all(c, schema.aggregate, stored, add=("value",)))
        body = render(await snapshot(journal, LIVE), OPENMETRICS).body
        settle()
        reading, writing = [], []
        for _ in range(times):
            began = time.perf_counter()
            taken = await snapshot(journal, LIVE)
            read = time.perf_counter()
            render(taken, OPENMETRICS)
            reading.append(read - began)
            writing.append(time.perf_counter() - read)

        async def scrape() -> None:
            for _ in range(times):
                await asyncio.to_thread(render, await snapshot(journal, LIVE), OPENMETRICS)

        late = await _lateness(scrape())
        idle = await _lateness(asyncio.sleep(1))
    series = sum(not line.startswith(b"#") for line in body.splitlines())
    assert series >= SERIES, f"only {series} series"
    return median(reading), median(writing), percentile(late, 0.99), percentile(idle, 0.99), series


async def _lateness(work: Coroutine[Any, Any, None]) -> list[float]:
    """Seconds by which a task is woken too late that asks for a millisecond's sleep again and again while this goes on."""
    found, going_on = [], asyncio.create_task(work)
    while not going_on.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - began - 0.001)
    await going_on
    return found


def _aggregates() -> list[rows.Row]:
    """What so many visits leave behind that they make 10,000 series: verdicts, and a histogram with every bucket hit."""
    bounds = [*(repr(float(bound)) for bound in BUCKETS["first_reply_seconds"]), "+Inf"]
    found: list[rows.Row] = []
    for number in range(-(-SERIES // (len(bounds) + 5))):
        visit = {"visit": f"visit{number}", "desk": f"desk{number % 50}", "channel": "support"}
        for verdict in ("passed", "failed", "faulted"):
            found.append(_row("visit_conversations_total", {**visit, "verdict": verdict}))
        clocked = {**visit, "clock": "calendar"}
        found += [_row("first_reply_seconds_bucket", {**clocked, "le": bound}) for bound in bounds]
        found.append(_row("first_reply_seconds_sum", clocked))
    return found


def _row(metric: str, labels: dict[str, str]) -> rows.Row:
    return {
        "metric": metric,
        "labels": to_json(labels),
        "value": 7.0,
        "conversation": "0123456789abcdef",
        "added": 7.0,
        "added_at": 1.8e9,
    }


def _bare(times: int) -> float:
    registry = CollectorRegistry()
    counter = Counter(
        "bench", "Ten thousand series.", ("visit", "desk", "channel", "verdict", "location"), registry=registry
    )
    for number in range(SERIES // 2):  # each has a second series: when it was created
        counter.labels(f"visit{number}", f"desk{number % 50}", "support", "passed", "bench").inc(7)
    return _timed(lambda: generate_latest(registry), times)


def _timed(act: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return median(found)
