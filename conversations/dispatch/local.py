"""Dispatch within this process, over the journal. A parked conversation is a row: no task, no timer, no memory."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from conversations.clock import Clock
from conversations.journal import Journal, lifecycle
from conversations.sending import Sending

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Conversations that are advanced at the same time; browsers and mail servers have limits of their own."""

LOOK_EVERY = 1.0
"""Seconds between looks at the journal: the grain of timers, and how late another process's messages are noticed."""

LET_END = 15.0
"""Seconds that sends past their point of no return have when the process stops; cut off later, they are uncertain."""

BATCH = 500


class LocalDispatch:
    """Advances what is due. `only` restricts it to these conversations, for `mysterybot once`; `sending` is the engine's."""

    def __init__(
        self,
        journal: Journal,
        advance: Callable[[str], Awaitable[None]],
        clock: Clock,
        *,
        only: Collection[str] | None = None,
        sending: Sending | None = None,
    ) -> None:
        self._journal = journal
        self._advance = advance
        self._clock = clock
        self.only = only
        self._sending = sending or Sending()
        self._closed = False
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._wake: float | None = clock.now()  # when something is due next, as of the last look; None for never

    def nudge(self, conversation_id: str) -> None:
        """Advance this conversation now, or once more when it is being advanced."""
        if self._closed or (self.only is not None and conversation_id not in self.only):
            return
        if conversation_id in self._running:
            self._again.add(conversation_id)
            return
        task = asyncio.create_task(self._work(conversation_id), name=f"conversation {conversation_id}")
        self._running[conversation_id] = task

    async def sweep(self) -> int:
        """Set everything in motion that is due and not in motion yet."""
        now = self._clock.now()
        self._wake = now  # should this look fail, the next one is not left out
        due, self._wake = await self._journal.read(
            lambda c: (lifecycle.due(c, now, BATCH, self.only), lifecycle.next_wake(c))
        )
        fresh = [each for each in due if each not in self._running]
        for each in fresh:
            self.nudge(each)
        return len(fresh)

    async def run(self) -> None:
        """Drive conversations until cancelled; then it stops, and what is open goes on at the next start."""
        try:
            while not self._closed:
                try:
                    started = await self.sweep() if self._may_find_some() else 0
                except Exception:
                    log.exception("the journal could not be read; trying again")
                    started = 0
                if started < BATCH:
                    await asyncio.sleep(LOOK_EVERY)
                else:
                    await self._some_finished()
        finally:
            await self.stop()

    async def drain(self) -> None:
        """Advance all that is due now, and what that wakes, until nothing is; for tests and short runs."""
        while await self.sweep() or self._running:
            await self._some_finished()

    def close(self) -> None:
        """Set nothing more in motion, and let no send go past its point of no return."""
        self._closed = True
        self._sending.close()

    async def stop(self) -> None:
        """Close, and stop what is in motion: sends past their point of no return may end first, within `LET_END`."""
        self.close()
        tasks = dict(self._running)
        ending = [task for each, task in tasks.items() if each in self._sending]
        for task in tasks.values():
            if task not in ending:
                task.cancel()
        if ending:
            log.info("%d sends that are under way may end first", len(ending))
            _, late = await asyncio.wait(ending, timeout=LET_END)
            for task in late:
                task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _may_find_some(self) -> bool:
        """Whether a look could find more than the last one did: only when somebody wrote, or the time has come."""
        changed = self._journal.changed()
        return changed or (self._wake is not None and self._wake <= self._clock.now())

    async def _some_finished(self) -> None:
        if self._running:
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _work(self, conversation_id: str) -> None:
        try:
            while True:
                self._again.discard(conversation_id)
                async with self._slots:
                    await self._advance(conversation_id)
                if conversation_id not in self._again:
                    return
        except Exception:
            log.exception("conversation %s could not be advanced; the next sweep tries again", conversation_id)
        finally:
            self._running.pop(conversation_id, None)
            self._again.discard(conversation_id)
