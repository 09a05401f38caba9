"""The browser that all form visits share."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probes.contact import PointOfNoReturn
from probes.errors import PageUnreachable, ProbeError, SendUncertain, Unreachable
from probes.form.channel import FormChannel
from probes.form.evidence import Evidence
from probes.form.find import find_browser
from probes.form.launch import Engine
from probes.form.patience import PageHangs, error_class, reason, stop_loading
from probes.form.settings import BrowserSettings
from probes.form.submit import FormVisit

if TYPE_CHECKING:
    from playwright.async_api import Page

log = logging.getLogger(__name__)

RECYCLE_AFTER = 300  # visits: browsers grow
CLOSE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form that was sent and confirmed. Phases in seconds: load, find, fill, submit (click to answer), confirm."""

    at: datetime  # when the confirmation was read, our clock
    phases: Mapping[str, float]
    page: str  # visible text of the page with the form, in lines, at most 8000 characters
    confirmation: str  # visible text of the page after it, at most 4000 characters
    url: str  # of that page
    screenshot: Path | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A page whose form is all there. Phases in seconds: load, find."""

    at: datetime
    phases: Mapping[str, float]
    screenshot: Path | None


class Browser:
    """One shared browser with a fresh context a visit; started at the first visit, closed by `aclose`.

    At most `settings.concurrency` visits at once (more of them only wait for each other's processor time). The browser
    is replaced after a few hundred visits, and when it or its driver died. Without `environ` the browser is looked for
    in the environment of the process.
    """

    def __init__(
        self,
        settings: BrowserSettings,
        *,
        now: Callable[[], datetime],
        environ: Mapping[str, str] | None = None,
        recycle_after: int = RECYCLE_AFTER,
    ) -> None:
        self._settings = settings
        self._now = now
        self._environ = os.environ if environ is None else environ
        self._recycle_after = recycle_after
        self._slots = asyncio.Semaphore(settings.concurrency or os.cpu_count() or 1)
        self._starting: asyncio.Task[Engine] | None = None
        self._retired: set[Engine] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._suspects: set[str] = set()  # forms that failed last time: the next visit is recorded from its start
        self._closed = False

    async def submit(
        self,
        channel: FormChannel,
        values: Mapping[str, str],
        *,
        evidence: Path | None,
        point_of_no_return: PointOfNoReturn,
    ) -> Submitted:
        """Fill in the channel's form with `values` (field key → text), send it, and wait for its confirmation.

        `point_of_no_return` is awaited immediately before the click. Before it: PageUnreachable, NameNotResolved,
        FieldNotFound, BrowserMissing, Unreachable (the browser died, or has no network). After it: NotConfirmed,
        SendUncertain (page, browser or line broke), FieldNotFound (the page's own script refused; nothing was sent).
        A cancellation after it goes through: the caller knows from `point_of_no_return` that the outcome is uncertain.
        """
        kept = self._evidence(channel, evidence)
        async with self._visit(channel, kept) as (visit, page):
            read = await visit.submit(values, point_of_no_return)
            at = self._now()
            screenshot = await kept.photograph(page)
        return Submitted(at, dict(visit.phases), read.page, read.confirmation, read.url, screenshot)

    async def look(self, channel: FormChannel, *, evidence: Path | None = None) -> Looked:
        """Open the page and find every field and the button, but send nothing. Errors as before sending."""
        kept = self._evidence(channel, evidence)
        async with self._visit(channel, kept) as (visit, page):
            await visit.look()
            screenshot = await kept.photograph(page)
        return Looked(self._now(), dict(visit.phases), screenshot)

    async def aclose(self) -> None:
        """Close the browser; visits that are under way end as if it had died. Nothing is started afterwards."""
        self._closed = True
        if self._starting:
            with contextlib.suppress(Exception):  # it did not start: there is nothing to close
                self._retire(await self._starting, even_with_guests=True)
        for engine in tuple(self._retired):
            self._retire(engine, even_with_guests=True)
        await asyncio.gather(*self._closing)

    def _evidence(self, channel: FormChannel, folder: Path | None) -> Evidence:
        return Evidence(folder, record=channel.form in self._suspects)

    @contextlib.asynccontextmanager
    async def _visit(self, channel: FormChannel, kept: Evidence) -> AsyncIterator[tuple[FormVisit, "Page"]]:
        async with self._slots, self._page() as page:
            visit = FormVisit(page, channel)
            try:
                await kept.begin(page.context)
                yield visit, page
                self._suspects.discard(channel.form)
            except Exception as error:
                await stop_loading(page)
                await kept.keep(page)
                self._suspects.add(channel.form)
                if isinstance(error, PageHangs):
                    raise _hung(visit, channel) from None
                if isinstance(error, error_class()):
                    raise _died(visit, error) from None
                raise

    @contextlib.asynccontextmanager
    async def _page(self) -> AsyncIterator["Page"]:
        """A page in a context of its own, in a browser that lives."""
        engine, page = await self._opened()
        try:
            yield page
        finally:
            engine.guests -= 1
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await page.context.close()
            except (TimeoutError, error_class()):  # it is dead, or as good as dead
                self._retire(engine)
            if engine in self._retired:
                self._retire(engine)

    async def _opened(self) -> tuple[Engine, "Page"]:
        for _ in range(2):  # a browser may have died since the last visit, unnoticed: then a new one is started
            engine = await self._engine()
            engine.guests += 1
            engine.visits += 1
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    return engine, await _new_page(engine)
            except (TimeoutError, error_class()) as error:
                engine.guests -= 1
                self._retire(engine)
                log.warning("the browser is gone: %s", reason(error))
            except BaseException:
                engine.guests -= 1
                raise
        raise Unreachable("the browser dies as soon as a page is opened in it")

    async def _engine(self) -> Engine:
        """The shared browser, started if there is none that is fit for another visit."""
        while True:
            if self._closed:
                raise Unreachable("the browser is being closed")
            if self._starting is None or self._unfit(self._starting):
                self._starting = asyncio.create_task(self._start())
            # Shared by all visits that wait for it: a cancelled one does not stop it.
            engine = await asyncio.shield(self._starting)
            if engine not in self._retired and engine.alive:
                return engine

    def _unfit(self, starting: "asyncio.Task[Engine]") -> bool:
        if not starting.done():
            return False
        if starting.cancelled() or starting.exception():
            return True
        engine = starting.result()
        if engine.alive and engine.visits < self._recycle_after and engine not in self._retired:
            return False
        self._retire(engine)
        return True

    async def _start(self) -> Engine:
        found = find_browser(self._settings, self._environ)
        engine = await Engine.start(self._settings, found.executable, self._environ)
        log.info("browser started: %s, %s", engine.browser.version, found.source)
        return engine

    def _retire(self, engine: Engine, *, even_with_guests: bool = False) -> None:
        """No further visits in it; it is closed when the last one has left."""
        self._retired.add(engine)
        if engine.closing or (engine.guests and not even_with_guests):
            return
        engine.closing = True
        task = asyncio.create_task(engine.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.add_done_callback(lambda _: self._retired.discard(engine))


async def _new_page(engine: Engine) -> "Page":
    # Popups, downloads, service workers are refused, so are dialogs and permissions: nobody is there to answer them.
    context = await engine.browser.new_context(accept_downloads=False, service_workers="block")
    page = await context.new_page()
    context.on("page", _close)
    return page


async def _close(popup: "Page") -> None:
    with contextlib.suppress(Exception):  # what a listener raises would hit the next call of somebody else
        await popup.close()


def _hung(visit: FormVisit, channel: FormChannel) -> ProbeError:
    if visit.sent:
        return SendUncertain("the page does not react any more after the click")
    return PageUnreachable(f"{channel.form} does not react: its scripts or its size keep the browser busy")


def _died(visit: FormVisit, error: Exception) -> ProbeError:
    if visit.sent:
        return SendUncertain(f"the browser failed after the click: {reason(error)}")
    return Unreachable(f"the browser failed before anything was sent: {reason(error)}")
