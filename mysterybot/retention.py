"""Evidence does not grow for ever: that of failures is kept longer than that of successes."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from conversations.clock import Clock
from conversations.journal import Journal, notices, retention

log = logging.getLogger(__name__)

DAY = 86_400.0
KEEP_PASSED = 30 * DAY
KEEP_OTHERS = 180 * DAY
AT_ONCE = 200
MOST_FILES = 20_000


class Retention:
    """Removes files of conversations that ended long ago, and of mail that never matched one; their rows stay."""

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
        await self._journal.write(lambda c: notices.forget(c, now - notices.KEEP))
        unmatched = await asyncio.to_thread(_remove_older, self._evidence.glob("unmatched-*/*.eml"), now - KEEP_OTHERS)
        if unmatched:
            log.info("%d raw mails that matched nothing removed", unmatched)


def _remove_older(files: Iterable[Path], before: float) -> int:
    """Remove the files that were last written before this time; how many it were."""
    removed = 0
    for file in islice(files, MOST_FILES):
        with contextlib.suppress(OSError):  # somebody else tidied up
            if file.stat().st_mtime < before:
                file.unlink()
                removed += 1
    return removed
