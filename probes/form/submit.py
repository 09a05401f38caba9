"""One visit to a form: open, find, fill, send, read what comes back."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.contact import PointOfNoReturn
from probes.errors import FieldNotFound, PageUnreachable, SendUncertain
from probes.form.channel import FormChannel
from probes.form.confirm import MAX_CONFIRMATION, MAX_PAGE, Aftermath, confirmed, stands, visible_text
from probes.form.fields import find_button, find_fields
from probes.form.fill import fill
from probes.form.load import load
from probes.form.patience import PageHangs, answer, died, error_class, reason
from probes.form.survey import Button, Field, Survey, script

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, Page

# A page that builds its form by script gets this share of the channel's timeout to do so.
SHARE_FOR_BUILDING = 1 / 3
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Read:
    """Visible text, bounded, of the page with the form and of the one after it was received, and the address of that."""

    page: str
    confirmation: str
    url: str


class FormVisit:
    """A visit of one page, which `phases` times in seconds: load, find, fill, submit (click to answer), confirm."""

    def __init__(self, page: "Page", channel: FormChannel) -> None:
        self.phases: dict[str, float] = {}
        self.sent = False  # whether the point of no return lies behind us
        self._page = page
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._end = 0.0  # loop time by which the form must be filled in

    async def look(self) -> None:
        """Open the page and find every field and the button; nothing is typed."""
        self._end = self._loop.time() + self._channel.timeout
        with self._phase("load"):
            await load(self._page, self._channel.form, seconds=self._left())
        with self._phase("find"):
            survey, fields = await self._find(self._channel.fields)
            await find_button(self._page, survey, self._channel.submit, fields.values())

    async def submit(self, values: Mapping[str, str], point_of_no_return: PointOfNoReturn) -> Read:
        """Fill in `values` and send them. Errors as `Browser.submit`, plus Playwright's own for a browser that dies."""
        page, success = self._page, self._channel.success
        self._end = self._loop.time() + self._channel.timeout
        with self._phase("load"):
            await load(page, self._channel.form, seconds=self._left())
        with self._phase("find"):
            survey, fields = await self._find(values)
        before = await self._text(MAX_PAGE)  # what the desk promises here, before anything of ours stands in it
        with self._phase("fill"):
            await survey.fetch([field.at[0] for field in fields.values()])
            for key, field in fields.items():
                await self._fill(survey, key, field, values[key])
            # Filling may have changed the page: the button is looked for now, and the fields are checked.
            survey = await survey.again()
            button = await find_button(page, survey, self._channel.submit, fields.values())
            _refuse_incomplete(survey, button)
            control = await self._clickable(survey, button)
            # A text that is there from the start confirms nothing, until it stands on another page.
            stood_at = page.url if success and await stands(page, success) else ""
        aftermath = Aftermath(page)
        try:
            await point_of_no_return()
            await self._click(control, aftermath, stood_at)
        finally:
            aftermath.stop()
        return await self._read(before)

    async def _find(self, keys: Mapping[str, str]) -> tuple[Survey, dict[str, Field]]:
        patience = self._loop.time() + self._left() * SHARE_FOR_BUILDING
        while True:
            try:
                survey = await Survey.of(self._page)
                return survey, await find_fields(self._page, survey, keys)
            except (FieldNotFound, error_class()) as error:
                # Error: the page is being replaced by another one, as scripts that redirect do.
                if died(self._page, error):
                    raise
                if self._loop.time() > patience:
                    if isinstance(error, FieldNotFound):
                        raise
                    raise PageUnreachable(f"{self._channel.form} does not come to rest: {reason(error)}") from None
            await asyncio.sleep(POLL_SECONDS)

    async def _fill(self, survey: Survey, key: str, field: Field, value: str) -> None:
        try:
            await fill(survey, field, value, seconds=self._left())
        except error_class() as error:
            if died(self._page, error):
                raise
            raise FieldNotFound(f'the field "{key}" cannot be filled in: {reason(error)}') from None

    async def _clickable(self, survey: Survey, button: Button) -> "ElementHandle":
        control = await survey.element(button.at[0])
        patience = self._loop.time() + self._left() * SHARE_FOR_BUILDING
        # What a click needs (visible, enabled, not under a banner) is asked before it counts.
        while obstacle := await answer(control.evaluate(script("obstacle.js"))):
            if self._loop.time() > patience:
                raise FieldNotFound(f"the button {button.called} cannot be clicked: {str(obstacle)[:300]}")
            await asyncio.sleep(POLL_SECONDS)
        return control

    async def _click(self, control: "ElementHandle", aftermath: Aftermath, stood_at: str) -> None:
        clicked, seconds = self._loop.time(), self._channel.timeout
        self.sent = True
        try:
            await control.click(timeout=seconds * 1000, no_wait_after=True)
        except error_class() as error:
            raise SendUncertain(f"the click on the button did not end well: {reason(error)}") from None
        try:
            await confirmed(self._page, aftermath, self._channel.success, stood_at=stood_at, seconds=seconds)
        finally:
            now = self._loop.time()
            answered = aftermath.answered_at or now
            self.phases |= {"submit": answered - clicked, "confirm": now - answered}

    async def _read(self, before: str) -> Read:
        # It was confirmed: a page that goes on, or hangs, does not undo that.
        return Read(before, await self._text(MAX_CONFIRMATION) or self._channel.success or "", self._page.url[:2000])

    async def _text(self, limit: int) -> str:
        try:
            return await visible_text(self._page, limit, in_lines=True)
        except (error_class(), PageHangs):
            return ""

    def _left(self) -> float:
        left = self._end - self._loop.time()
        if left <= 0:
            raise PageUnreachable(f"{self._channel.form} took longer than {self._channel.timeout:g} seconds to fill in")
        return left

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = self._loop.time()
        try:
            yield
        finally:
            self.phases[name] = self._loop.time() - start


def _refuse_incomplete(survey: Survey, button: Button) -> None:
    """The browser itself would refuse to send the form as it is: say which fields are at fault."""
    if not button.validates:
        return
    faults = [
        f"{field.called}: {field.problem}" for field in survey.fields if field.form == button.form and field.problem
    ]
    if faults:
        raise FieldNotFound(
            f"the browser would not send the form as the config fills it in: {'; '.join(faults)[:1000]}"
        )
