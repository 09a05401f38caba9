"""What a page offers to fill in and to click, read in one look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from probes.errors import FieldNotFound
from probes.form.patience import answer, error_class

if TYPE_CHECKING:
    from playwright.async_api import ElementHandle, JSHandle, Page

Kind = Literal["text", "select", "checkbox", "radio", "rich", "file"]
KINDS: tuple[Kind, ...] = ("text", "select", "checkbox", "radio", "rich", "file")

NO_FORM = -1
TAMPERED = "the fields of the page cannot be read: its scripts tamper with them"


@cache
def script(name: str) -> str:
    """The JavaScript function in the file `name` of this folder."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Field:
    """A field as a person sees it. `at` are its elements (for radio buttons one each, in the order of `options`)."""

    at: tuple[int, ...]
    kind: Kind
    labels: tuple[str, ...] = ()
    placeholder: str = ""
    accessible: tuple[str, ...] = ()
    name: str = ""
    form: int = NO_FORM
    visible: bool = True
    options: tuple[tuple[str, str], ...] = ()  # label, value
    problem: str = ""  # why the browser would not submit it as it is now, in the browser's words

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """From what survey.js found; raises KeyError, TypeError or ValueError when the page tampered with that."""
        kind = raw["kind"]
        if kind not in KINDS:
            raise ValueError("no such kind of field")
        return cls(
            at=_numbers(raw["at"]),
            kind=kind,
            labels=_texts(raw["labels"]),
            placeholder=_text(raw["placeholder"]),
            accessible=_texts(raw["accessible"]),
            name=_text(raw["name"]),
            form=int(raw["form"]),
            visible=bool(raw["visible"]),
            options=tuple((_text(label), _text(value)) for label, value in raw["options"][:500]),
            problem=_text(raw["problem"]),
        )

    @property
    def called(self) -> str:
        """What to call it in a message, and in the config."""
        for text in (*self.labels, self.placeholder, *self.accessible):
            if text:
                return f'"{text}"'
        return f"[name={self.name}]" if self.name else f"a {self.kind} field without a name"


@dataclass(frozen=True, slots=True)
class Button:
    """A button. `validates`: a click on it makes the browser check the form first."""

    at: tuple[int, ...]
    names: tuple[str, ...] = ()
    name: str = ""
    form: int = NO_FORM
    visible: bool = True
    validates: bool = False

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """As `Field.read`."""
        return cls(
            at=_numbers(raw["at"]),
            names=_texts(raw["names"]),
            name=_text(raw["name"]),
            form=int(raw["form"]),
            visible=bool(raw["visible"]),
            validates=bool(raw["validates"]),
        )

    @property
    def called(self) -> str:
        """As `Field.called`."""
        return f'"{self.names[0]}"' if self.names else f"[name={self.name}]" if self.name else "a button without a name"


class Survey:
    """One look at a page: its fields and buttons, and a way to their elements. Stale once the page changes."""

    def __init__(self, fields: tuple[Field, ...], buttons: tuple[Button, ...], frames: int, look: "JSHandle") -> None:
        self.fields = fields
        self.buttons = buttons
        self.frames = frames
        self._look = look
        self._elements: dict[int, ElementHandle] = {}

    @classmethod
    async def of(cls, page: "Page") -> Self:
        """Look at the page now. Raises FieldNotFound when the page hides what is there from us."""
        return await cls._read(await answer(page.evaluate_handle(script("survey.js"))))

    async def again(self) -> Self:
        """Look once more at the same page, as it is now."""
        return await self._read(self._look)

    @classmethod
    async def _read(cls, look: "JSHandle") -> Self:
        facts = await answer(look.evaluate("look => look.read()"))
        try:
            fields = tuple(Field.read(raw) for raw in facts["fields"][:300])
            buttons = tuple(Button.read(raw) for raw in facts["buttons"][:300])
            return cls(fields, buttons, int(facts["frames"]), look)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise FieldNotFound(TAMPERED) from None

    async def fetch(self, places: Sequence[int]) -> None:
        """Get the elements of many fields at once, which costs less than one by one."""
        several = "(look, places) => places.map(at => look.elements[at])"
        chosen = await answer(self._look.evaluate_handle(several, list(places)))
        handles = await answer(chosen.get_properties())
        for order, at in enumerate(places):
            if (handle := handles.get(str(order))) and (element := handle.as_element()):
                self._elements[at] = element

    async def element(self, at: int) -> "ElementHandle":
        """The element of a field or button."""
        if at not in self._elements:
            handle = await answer(self._look.evaluate_handle("(look, at) => look.elements[at]", at))
            if (element := handle.as_element()) is None:
                raise FieldNotFound(TAMPERED)
            self._elements[at] = element
        return self._elements[at]

    async def selected_fields(self, page: "Page", selector: str) -> list[Field]:
        """The fields that a Playwright selector points at; a label stands for its field."""
        places = {
            await answer(self._look.evaluate("(look, e) => look.elements.indexOf(e.control ?? e)", element))
            for element in await _pointed_at(page, selector)
        }
        return [field for field in self.fields if places.intersection(field.at)]

    async def selected_buttons(self, page: "Page", selector: str) -> list[Button]:
        """What a Playwright selector points at, as a button: anything may be clicked."""
        found = []
        for element in await _pointed_at(page, selector):
            nearest = "(look, e) => look.button(e.closest('button, input, a, [role=button]') ?? e)"
            found.append(Button.read(await answer(self._look.evaluate(nearest, element))))
        return found


async def _pointed_at(page: "Page", selector: str) -> list["ElementHandle"]:
    try:
        return (await answer(page.locator(selector).element_handles()))[:20]
    except error_class() as error:
        if "selector" in str(error).casefold():  # the engine cannot read it; anything else is not about the selector
            return []
        raise


def _text(raw: object) -> str:
    return raw[:200] if isinstance(raw, str) else ""


def _texts(raw: Any) -> tuple[str, ...]:
    return tuple(_text(text) for text in raw[:5])


def _numbers(raw: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in raw[:500])
