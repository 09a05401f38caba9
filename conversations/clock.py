"""The one clock that the engine reads, so that tests can turn it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time in seconds since the epoch, UTC."""

    def now(self) -> float:
        """The time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """The time."""
        return time.time()
