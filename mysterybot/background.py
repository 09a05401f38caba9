"""Work that goes on beside other work for as long as a context lasts."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(*work: "asyncio._CoroutineLike[None]") -> AsyncIterator[None]:
    """Run these until the context is left, then cancel them and wait until they have let go.

    None of them ends by itself; if one does, that is an error to be seen.
    """
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a part of the program stopped", exc_info=task.exception())
