"""Playwright's errors by name, and an end to waiting for a page.

Importing Playwright takes 110 ms, which an install that only writes mail need not pay: `except error_class():` imports
it when it is needed.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from playwright.async_api import Error, Page
    from playwright.async_api import TimeoutError as TimedOut

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ANSWER_SECONDS = 15


class PageHangs(Exception):
    """The page did not answer: its scripts, or its size, keep it busy."""


def error_class() -> "type[Error]":
    """Playwright's base of all errors, its timeouts included."""
    from playwright.async_api import Error  # noqa: PLC0415 - see above

    return Error


def timeout_class() -> "type[TimedOut]":
    """Playwright's own timeout."""
    from playwright.async_api import TimeoutError as TimedOut  # noqa: PLC0415 - see above

    return TimedOut


async def answer(asked: Awaitable[Answer]) -> Answer:
    """What the page answers. Raises PageHangs when its own scripts keep it from running ours."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asked
    except TimeoutError:
        raise PageHangs from None


def died(page: "Page", error: Exception) -> bool:
    """Whether `error` came because the page, the browser or the driver is gone, rather than from a living page."""
    # Playwright does not export this class; and a page does not know that it is closed when the driver was killed.
    return page.is_closed() or type(error).__name__ == "TargetClosedError"


async def stop_loading(page: "Page") -> None:
    """Give up what is still on its way: until then a page that is being replaced answers nothing and has no picture."""
    try:
        session = await answer(page.context.new_cdp_session(page))
        await answer(session.send("Page.stopLoading"))
        await answer(session.detach())
    except (error_class(), PageHangs) as error:  # it is gone, and so is what it was loading
        log.debug("loading could not be stopped: %s", reason(error))


def reason(error: Exception) -> str:
    """The telling line of a Playwright error, bounded."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "error while loading" in line or ":ERROR:" in line or ":FATAL:" in line]
    return ((telling or lines or [type(error).__name__])[0])[:300]
