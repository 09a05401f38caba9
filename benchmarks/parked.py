"""What 100,000 parked conversations cost: memory and CPU of a bot that only waits, how soon a reply wakes one, and the start.

Beside it stands a bot with few parked conversations that is put through the same: start, replies, a scrape, idleness.
The time of a wake begins when the reply is written to the journal, with its commit still to come, and ends in the
scenario, behind its `await customer.reply()`. The start begins with the start of the Python interpreter and ends when
mailbox and timetable are under watch and what was due is in motion.
"""

import asyncio
import random
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.bot import Bot, Woken, bot
from benchmarks.figures import Aim, Figure, percentile

MB = 1e6


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures; a fifth of it all when quick."""
    many, wakes, idle = (20_000, 60, 4.0) if quick else (100_000, 300, 20.0)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as folder:
        return asyncio.run(_measure(Path(folder), many, wakes, idle))


async def _measure(folder: Path, many: int, wakes: int, idle: float) -> list[Figure]:
    rng = random.Random(1)
    async with bot(folder / "few", 2 * wakes) as few, bot(folder / "many", many) as full:
        few_woken, few_scrape = await few.wakes(wakes, rng), await _scrape(few)
        woken, scrape = await full.wakes(wakes, rng), await _scrape(full)
        few_memory, memory = few.resident(), full.resident()
        few_cpu, cpu = await _idle(few, full, seconds=idle)
        size = (folder / "many" / "data" / "journal.sqlite").stat().st_size
    name = f"with {many:,} parked"
    waits, few_waits = _waits(woken), _waits(few_woken)
    return [
        Figure(
            f"extra memory {name}",
            (memory - few_memory) / MB,
            "MB",
            f"{memory / MB:.0f} MB against {few_memory / MB:.0f} MB with {2 * wakes}; journal of {size / MB:.0f} MB",
            Aim("<", 30),
        ),
        Figure(f"idle CPU {name}", 100 * cpu, "%", f"{100 * few_cpu:.3f} % with {2 * wakes}", Aim("<", 0.1)),
        Figure(
            f"reply stored to next step {name}, p50",
            1000 * percentile(waits, 0.5),
            "ms",
            f"{1000 * percentile(few_waits, 0.5):.1f} ms with {2 * wakes}; {wakes} replies",
        ),
        Figure(
            f"reply stored to next step {name}, p99",
            1000 * percentile(waits, 0.99),
            "ms",
            f"{1000 * percentile(few_waits, 0.99):.1f} ms with {2 * wakes}",
            Aim("<", 50),
        ),
        Figure(
            f"start {name}",
            full.driving - full.born,
            "s",
            f"{few.driving - few.born:.2f} s with {2 * wakes}",
            Aim("<", 2),
        ),
        Figure(f"scrape {name}", 1000 * scrape, "ms", f"{1000 * few_scrape:.0f} ms with {2 * wakes}"),
    ]


def _waits(woken: list[Woken]) -> list[float]:
    return [each.went_on - each.stored for each in woken]


async def _scrape(which: Bot) -> float:
    def get() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{which.port}/metrics", timeout=30) as answer:
            answer.read()

    await asyncio.to_thread(get)  # the first one imports what it needs
    began = time.perf_counter()
    await asyncio.to_thread(get)
    return time.perf_counter() - began


async def _idle(*bots: Bot, seconds: float) -> list[float]:
    """The share of a core that each uses while nothing happens."""
    await asyncio.sleep(1)
    began = [(time.monotonic(), each.cpu()) for each in bots]
    await asyncio.sleep(seconds)
    return [(each.cpu() - cpu) / (time.monotonic() - at) for each, (at, cpu) in zip(bots, began, strict=True)]
