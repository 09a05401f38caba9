"""How soon a scenario goes on after the mail server has pushed a reply: IDLE, fetch, reading, matching, journal, replay.

The bot is a process of its own; the mail server is the demo's, which pushes in the moment of the delivery. Time begins
just before that delivery and ends in the scenario, behind its `await customer.reply()`.
"""

import asyncio
import random
import tempfile
from pathlib import Path

from benchmarks.bot import bot
from benchmarks.figures import Aim, Figure, percentile


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as folder:
        return asyncio.run(_measure(Path(folder), 30 if quick else 100))


async def _measure(folder: Path, mails: int) -> list[Figure]:
    async with bot(folder / "bot", 2 * mails) as one:
        woken = (await one.wakes(mails + 5, random.Random(1)))[5:]  # the first ones import what they need
    whole = [1000 * (each.went_on - each.pushed) for each in woken]
    intake = [1000 * (each.stored - each.pushed) for each in woken]
    return [
        Figure(
            "push to the scenario going on, p50",
            percentile(whole, 0.5),
            "ms",
            f"of it {percentile(intake, 0.5):.1f} ms until it is in the journal; {mails} mails",
            Aim("<=", 20),
        ),
        Figure(
            "push to the scenario going on, p99",
            percentile(whole, 0.99),
            "ms",
            f"of it {percentile(intake, 0.99):.1f} ms until it is in the journal",
        ),
    ]
