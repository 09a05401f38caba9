"""What follows the click on Send: was it received?"""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from probes.errors import FieldNotFound, NotConfirmed, SendUncertain
from probes.form.load import net_error
from probes.form.patience import PageHangs, answer, died, error_class, stop_loading
from probes.form.survey import script

if TYPE_CHECKING:
    from playwright.async_api import Frame, Page, Request, Response

MAX_CONFIRMATION = 4000  # characters
MAX_PAGE = 8000
MAX_SEARCHED = 1_000_000
MAX_QUOTED = 600
SOONEST, LATEST = 0.02, 0.5  # seconds between two looks for the success text

# A request of these kinds may carry a form; pictures, styles and beacons do not.
_CARRIERS = frozenset({"document", "fetch", "xhr"})


class Aftermath:
    """Watches the page's traffic from the click on. `decided` ends early with what cannot become better by waiting."""

    def __init__(self, page: "Page") -> None:
        loop = asyncio.get_running_loop()
        self.sent = False  # a request that may carry the form left the page
        self.answered_at: float | None = None  # loop time of the first answer to such a request
        self.answered: asyncio.Future[None] = loop.create_future()  # by a new page, or below 400 to a fetch
        self.decided: asyncio.Future[None] = loop.create_future()
        self.lost: str | None = None  # why a fetch to the same host broke
        self.refused: int | None = None  # HTTP status from 400 on, of a fetch to the same host
        self._page = page
        self._host = urlsplit(page.url).hostname
        self._loop = loop
        page.on("request", self._request)
        page.on("response", self._response)
        page.on("requestfailed", self._failed)
        page.on("crash", self._gone)
        page.on("close", self._gone)

    def stop(self) -> None:
        """Decide nothing any more. The listeners stay: taking them away costs more than the page has left to live."""
        for future in (self.answered, self.decided):
            if future.done() and not future.cancelled():
                future.exception()  # seen; otherwise asyncio logs it as forgotten
            future.cancel()

    def _carries(self, request: "Request") -> bool:
        return request.resource_type in _CARRIERS and (request.method != "GET" or self._new_page(request))

    def _new_page(self, request: "Request") -> bool:
        frame: Frame = self._page.main_frame
        with contextlib.suppress(error_class()):  # a frame that is just being made has no name yet
            return request.is_navigation_request() and request.frame == frame
        return False

    def _same_host(self, request: "Request") -> bool:
        return urlsplit(request.url).hostname == self._host

    def _request(self, request: "Request") -> None:
        self.sent = self.sent or self._carries(request)

    def _response(self, response: "Response") -> None:
        request = response.request
        if not self._carries(request):
            return
        if self.answered_at is None:
            self.answered_at = self._loop.time()
        if response.status >= 400 and self._new_page(request):
            status = f"HTTP {response.status} {response.status_text}".rstrip()[:100]
            self._decide(NotConfirmed(f"after the form was sent the server answered {status}"))
        elif response.status >= 400:
            self.refused = response.status if self._same_host(request) else self.refused
        elif not 300 <= response.status < 400 and not self.answered.done():
            self.answered.set_result(None)

    def _failed(self, request: "Request") -> None:
        why = net_error(request.failure or "") or "it broke"
        if why == "ERR_ABORTED" or not self._carries(request):  # aborted: the page itself went on to something else
            return
        if self._new_page(request):
            self._decide(SendUncertain(f"the connection broke after the click ({why}): it may have been received"))
        elif self._same_host(request):
            self.lost = why

    def _gone(self, *_: object) -> None:
        self._decide(SendUncertain("the browser's page died after the click: the form may have been sent"))

    def _decide(self, error: Exception) -> None:
        if not self.decided.done():
            self.decided.set_exception(error)


async def stands(page: "Page", text: str, stood_at: str = "") -> bool:
    """Whether a person can read `text` on the page now, in any case of letters; never at the address `stood_at`."""
    return bool(await answer(page.evaluate(_stands(), [MAX_SEARCHED, _plain(text), stood_at])))


async def visible_text(page: "Page", limit: int, *, in_lines: bool = False) -> str:
    """What a person can read on the page, at most `limit` characters: in one line, or in the lines in which it stands."""
    shown = await answer(page.evaluate(f"(limit) => ({script('text.js')})(limit, {str(in_lines).lower()})", limit))
    return shown[:limit] if isinstance(shown, str) else ""


async def confirmed(
    page: "Page", aftermath: Aftermath, success: str | None, *, stood_at: str = "", seconds: float
) -> None:
    """Wait until the page shows `success`; without one, until an answer without an error is there.

    `stood_at` is the address at which `success` stood already before the click, and means nothing.

    Raises NotConfirmed (with what the page complains about), SendUncertain (the line or the page broke),
    FieldNotFound (nothing was sent at all, since the page finds fault with a field).
    """
    waiting = _shown(page, success, stood_at) if success else _answered(page, aftermath)
    wait = asyncio.create_task(waiting)
    ends: set[asyncio.Future[Any]] = {wait, aftermath.decided}
    try:
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if wait.done() and await wait:
            return
    finally:
        wait.cancel()
        await asyncio.gather(wait, return_exceptions=True)
    if aftermath.decided.done():
        await _decided(page, aftermath)
    await stop_loading(page)
    await _explain(page, aftermath, success, seconds)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _stands() -> str:
    text = script("text.js")
    return f"""([limit, text, except]) => location.href.split("#")[0] !== except.split("#")[0]
        && ({text})(limit).toLowerCase().includes(text.toLowerCase())"""


async def _shown(page: "Page", success: str, stood_at: str) -> bool:
    # Asked ever more seldom: never later than a tenth of what was waited, or half a second. Playwright's own wait would
    # load all of its machinery into each page, which costs more than the asking.
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        with contextlib.suppress(PageHangs):
            try:
                if await stands(page, success, stood_at):
                    return True
            except error_class() as error:
                if died(page, error):
                    raise
                # otherwise the page is just being replaced by the next one
        await asyncio.sleep(min(max((loop.time() - start) / 10, SOONEST), LATEST))


async def _answered(page: "Page", aftermath: Aftermath) -> bool:
    await aftermath.answered
    await page.wait_for_load_state("domcontentloaded")
    await page.wait_for_load_state("networkidle")
    return not (await _complaints(page))[0]


async def _decided(page: "Page", aftermath: Aftermath) -> None:
    try:
        await aftermath.decided
    except NotConfirmed as error:
        raise NotConfirmed(_quote(str(error), await _said(page))) from None


async def _explain(page: "Page", aftermath: Aftermath, success: str | None, seconds: float) -> None:
    errors, notices = await _complaints(page)
    if not aftermath.sent:
        if errors:
            raise FieldNotFound(_quote("nothing was sent, since the page asks for more", errors))
        raise NotConfirmed(f"nothing was sent: the click on the button had no effect within {seconds:g} seconds")
    if aftermath.lost:
        raise SendUncertain(f"the connection broke after the click ({aftermath.lost}): it may have been received")
    if aftermath.answered_at is None:
        raise NotConfirmed(f"the server did not answer within {seconds:g} seconds after the form was sent")
    missed = f'"{success}" did not appear' if success else "no answer without an error came"
    status = f"; the server answered HTTP {aftermath.refused}" if aftermath.refused else ""
    raise NotConfirmed(_quote(f"{missed} within {seconds:g} seconds{status}", errors or notices or await _said(page)))


async def _said(page: "Page") -> list[str]:
    """What to quote from the page: its errors, else its alerts, else how it begins."""
    errors, notices = await _complaints(page)
    if errors or notices:
        return errors or notices
    try:
        shown = await visible_text(page, 200)
    except (error_class(), PageHangs):  # as in _complaints
        return []
    return [shown] if shown else []


def _quote(what: str, said: list[str]) -> str:
    told = " | ".join(said)[:MAX_QUOTED]
    return f'{what}; the page says: "{told}"' if told else what


async def _complaints(page: "Page") -> tuple[list[str], list[str]]:
    try:
        raw = await answer(page.evaluate(script("complaints.js")))
        errors, notices = ([str(text)[:200] for text in raw[key][:10]] for key in ("errors", "notices"))
    except (error_class(), PageHangs, KeyError, TypeError):  # a page that is gone or hangs has nothing to say
        return [], []
    return errors, notices
