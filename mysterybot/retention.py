"""Evidence does not grow for ever: that of failures is kept longer than that of successes."""

import asyncio
import logging
import shutil
from pathlib import Path

from conversations.clock import Clock
from conversations.journal import Journal, retention

log = logging.getLogger(__name__)

DAY = 86_400.0
KEEP_PASSED = 30 * DAY
KEEP_OTHERS = 180 * DAY
AT_ONCE = 200


class Retention:
    """Removes files of conversations that ended long ago; their rows stay."""

    def __init__(self, journal: Journal, evidence: Path, clock: Clock) -> None:
        self._journal, self._evidence, self._clock = journal, evidence, clock

    async def sweep(self) -> None:
        """Once round."""
        now = self._clock.now()
        old = await self._journal.read(lambda c: retention.expired(c, now - KEEP_PASSED, now - KEEP_OTHERS, AT_ONCE))
        for conversation_id in old:
            folder = self._evidence / conversation_id
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            await self._journal.write(lambda c, which=conversation_id: retention.forget(c, which))  # type: ignore[misc]
        if old:
            log.info("evidence of %d conversations removed", len(old))
