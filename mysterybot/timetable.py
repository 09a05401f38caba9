"""The bot's recurring work, on the `schedule` library.

Its jobs only set work in motion, so that none can delay or break another: each runs as a task of its own, never twice at a
time, and an error in it is logged and counted, not raised. What is due when is decided on the wall clock and written in the
journal (conversations.slots), because the library itself remembers nothing and drifts. The process must run with TZ=UTC:
the library reckons in local time, and would stand still for an hour when summer ends.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import schedule

log = logging.getLogger(__name__)

LET_END = 5.0
"""Seconds that work in motion has when the timetable stops: a control mail that is cut off would look lost."""

Work = Callable[[], Awaitable[None]]


class Timetable:
    """Runs recurring work while `run` does."""

    def __init__(self) -> None:
        self._scheduler = schedule.Scheduler()
        self._running: dict[str, asyncio.Task[None]] = {}

    def every(self, seconds: float, name: str, work: Work) -> None:
        """Do this every so many seconds (at least 1), and once at the start."""
        self._scheduler.every(max(1, round(seconds))).seconds.do(self._begin, name, work)

    async def run(self) -> None:
        """Until cancelled; then nothing more begins, and what is in motion may end within `LET_END`."""
        try:
            self._scheduler.run_all()
            while True:
                await asyncio.sleep(min(1.0, max(0.05, self._scheduler.idle_seconds or 0.0)))
                self._scheduler.run_pending()
        finally:
            in_motion = [*self._running.values()]
            if in_motion:
                _, late = await asyncio.wait(in_motion, timeout=LET_END)
                for task in late:
                    task.cancel()
                await asyncio.gather(*in_motion, return_exceptions=True)

    def _begin(self, name: str, work: Work) -> None:
        if name in self._running:
            return  # it takes longer than its interval
        self._running[name] = asyncio.create_task(self._do(name, work), name=name)

    async def _do(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:
            log.exception("%s failed; it is tried again at its next turn", name)
        finally:
            self._running.pop(name, None)
