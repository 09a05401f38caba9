"""Put a value into a field: type, choose, tick."""

from typing import TYPE_CHECKING

from probes.errors import FieldNotFound
from probes.form.fields import same_text
from probes.form.survey import Field, Survey

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle

TICKED = frozenset({"yes", "true", "on", "1", "x", "ticked", "checked"})
NOT_TICKED = frozenset({"no", "false", "off", "0", "", "unticked", "unchecked"})


async def fill(survey: Survey, field: Field, value: str, *, seconds: float) -> None:
    """Put `value` into `field`, in at most `seconds`.

    An option of a select or a radio button is named by its label, else by its value; an empty value leaves the choice
    as it is. Raises FieldNotFound for a value that the field does not take.
    """
    match field.kind:
        case "text" | "rich":
            await (await survey.element(field.at[0])).fill(value, timeout=seconds * 1000)
        case "select" if value:
            element = await survey.element(field.at[0])
            # A select that a script dresses up is hidden, and still what is submitted.
            await element.select_option(index=_option(field, value), timeout=seconds * 1000, force=not field.visible)
        case "radio" if value:
            await _tick(await survey.element(field.at[_option(field, value)]), ticked=True, seconds=seconds)
        case "checkbox":
            await _tick(await survey.element(field.at[0]), ticked=_ticked(field, value), seconds=seconds)
        case "file":
            raise FieldNotFound(f"{field.called} takes a file: files cannot be given")


def _option(field: Field, value: str) -> int:
    labels, values = zip(*field.options, strict=True) if field.options else ((), ())
    for texts in (labels, values):
        found = same_text(value, [(text,) for text in texts])
        if len(found) == 1:
            return found[0]
        if found:
            raise FieldNotFound(f'{field.called} has more than one option "{value[:200]}"')
    offered = ", ".join(f'"{label}"' for label in labels[:20] if label)[:1000]
    raise FieldNotFound(f'{field.called} has no option "{value[:200]}"; it offers {offered or "none"}')


def _ticked(field: Field, value: str) -> bool:
    word = value.strip().casefold()
    if word not in TICKED | NOT_TICKED:
        raise FieldNotFound(f'{field.called} is a box to tick: it takes yes or no, not "{value[:200]}"')
    return word in TICKED


async def _tick(element: "ElementHandle", *, ticked: bool, seconds: float) -> None:
    if await element.is_checked() == ticked:
        return
    if await element.is_visible():
        await element.set_checked(ticked, timeout=seconds * 1000)
    else:
        # A drawn box: the real one is hidden behind its label, which the page lets take the click.
        await element.evaluate("element => element.click()")
