"""A ledger in memory: what the journal does for the watcher, and a place to wait for mail."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from probes.mail.inbox import Arrival, Position


def now() -> datetime:
    return datetime.now(UTC)


class Memory:
    """Keeps arrivals, drops known ones, and fails when told to."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.arrivals: list[Arrival] = []
        self.calls: list[tuple[str, int, Position]] = []
        self.fail: Exception | None = None
        self._changed = asyncio.Condition()

    async def position(self, folder: str) -> Position | None:
        return self.positions.get(folder)

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        async with self._changed:
            self._changed.notify_all()
            self.calls.append((folder, len(arrivals), position))
            if self.fail is not None:
                error, self.fail = self.fail, None
                raise error
            known = {(old.folder, old.uidvalidity, old.uid) for old in self.arrivals}
            self.arrivals += [new for new in arrivals if (new.folder, new.uidvalidity, new.uid) not in known]
            self.positions[folder] = position

    async def until(self, condition: Callable[["Memory"], object], seconds: float = 5) -> None:
        """Wait until `condition` holds."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self))

    @property
    def uids(self) -> list[int]:
        return [arrival.uid for arrival in self.arrivals]
