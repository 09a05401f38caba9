"""Find a field or a button the way a person does.

By its label, else its placeholder, its accessible name, its name attribute: each exactly as written, then in any case,
then without the `*` or `:` that pages put around labels. What looks like a selector (`#id_title`,
`input[name=subject]`, `text=Subject`) is one when nothing bears that text. What is visible goes before what is not.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from probes.errors import FieldNotFound
from probes.form.survey import NO_FORM, Button, Field, Survey

if TYPE_CHECKING:
    from playwright.async_api import Page

MOST_LISTED = 20

_SELECTOR = re.compile(
    r"(?:#|\.|\[|//|\*?[a-z][\w-]*[#.\[:>]|(?:css|xpath|text|role|id|label|placeholder|data-testid|internal:\w+)=)"
)

_READINGS: tuple[Callable[[str], str], ...] = (
    lambda text: " ".join(text.split()),
    lambda text: " ".join(text.split()).casefold(),
    lambda text: " ".join(text.split()).casefold().strip("*: ＊："),
)


class _Named(Protocol):
    @property
    def form(self) -> int: ...
    @property
    def visible(self) -> bool: ...
    @property
    def called(self) -> str: ...


Thing = TypeVar("Thing", bound=_Named)


def same_text(wanted: str, offered: Sequence[Iterable[str]]) -> list[int]:
    """Indices of those whose texts read like `wanted`, in the strictest reading that any of them fits."""
    for reading in _READINGS:
        goal = reading(wanted)
        found = [at for at, texts in enumerate(offered) if goal and any(reading(text) == goal for text in texts)]
        if found:
            return found
    return []


def named_fields(wanted: str, fields: Sequence[Field]) -> list[Field]:
    """The fields that `wanted` may mean, by the first kind of name that any of them bears."""
    usable = [field for field in fields if field.visible or field.kind != "text"]
    for names in (
        [field.labels for field in usable],
        [(field.placeholder,) for field in usable],
        [field.accessible for field in usable],
        [(field.name,) for field in usable],
    ):
        if found := same_text(wanted, names):
            return _visible_first([usable[at] for at in found])
    return []


def named_buttons(wanted: str, buttons: Sequence[Button], forms: set[int]) -> list[Button]:
    """The buttons that `wanted` may mean: those of the given forms before all others."""
    inside = [button for button in buttons if button.form in forms and button.form != NO_FORM]
    for nearest in (inside, buttons):
        for names in ([button.names for button in nearest], [(button.name,) for button in nearest]):
            if found := same_text(wanted, names):
                return _visible_first([nearest[at] for at in found])
    return []


async def find_fields(page: "Page", survey: Survey, wanted: Iterable[str]) -> dict[str, Field]:
    """The one field that each of `wanted` means. Raises FieldNotFound for none, and for more than one."""
    candidates: dict[str, list[Field]] = {}
    for key in wanted:
        found = named_fields(key, survey.fields)
        if not found and _SELECTOR.match(key):
            found = _visible_first(await survey.selected_fields(page, key))
        if not found:
            raise FieldNotFound(_missing("field", key, survey, [field for field in survey.fields if field.visible]))
        candidates[key] = found
    # "E-mail" also stands in the newsletter's form: a person goes on in the form where the other fields are.
    forms = {found[0].form for found in candidates.values() if len(found) == 1}
    return {key: _only("field", key, found, forms) for key, found in candidates.items()}


async def find_button(page: "Page", survey: Survey, wanted: str, fields: Iterable[Field]) -> Button:
    """The one button that `wanted` means, in the form of `fields` if it is there. Raises FieldNotFound as above."""
    forms = {field.form for field in fields}
    found = named_buttons(wanted, survey.buttons, forms)
    if not found and _SELECTOR.match(wanted):
        found = _visible_first(await survey.selected_buttons(page, wanted))
    if not found:
        raise FieldNotFound(_missing("button", wanted, survey, [b for b in survey.buttons if b.visible]))
    return _only("button", wanted, found, forms)


def _visible_first(found: list[Thing]) -> list[Thing]:
    return [thing for thing in found if thing.visible] or found


def _only(what: str, wanted: str, found: list[Thing], forms: set[int]) -> Thing:
    if len(found) > 1:
        found = [thing for thing in found if thing.form in forms] or found
    if len(found) > 1:
        raise FieldNotFound(
            f'"{wanted}" may mean {len(found)} {what}s of the page: {_listed(found)}; name one by a selector'
        )
    return found[0]


def _missing(what: str, wanted: str, survey: Survey, offered: Sequence[_Named]) -> str:
    told = f"the page offers {_listed(offered)}" if offered else f"the page offers no {what} at all"
    frames = "; what is inside a frame (iframe) cannot be used" if survey.frames and not offered else ""
    return f'the page has no {what} "{wanted}": {told}{frames}'


def _listed(things: Sequence[_Named]) -> str:
    told = ", ".join(_told(thing) for thing in things[:MOST_LISTED])
    return told[:1000] + (f" and {len(things) - MOST_LISTED} more" if len(things) > MOST_LISTED else "")


def _told(thing: _Named) -> str:
    name = getattr(thing, "name", "")
    return thing.called if not name or f"[name={name}]" == thing.called else f"{thing.called} [name={name}]"
