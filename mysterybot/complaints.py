"""What is wrong with a config file, told where it stands and how it would be right."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from mysterybot.yamlfile import Node

Loc = Sequence[str | int]

_WORDS: Final = {
    "missing": "missing",
    "string_type": "should be text",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "path_type": "should be a path",
    "model_type": "should be a mapping: lines of key, colon and value",
    "model_attributes_type": "should be a mapping: lines of key, colon and value",
    "dict_type": "should be a mapping: lines of key, colon and value",
    "list_type": "should be a list, as in [first, second]",
    "tuple_type": "should be a list, as in [first, second]",
    # Their own words would repeat what was written.
    "union_tag_invalid": "is of no known kind",
    "zoneinfo_str": "no such time zone",
}
_SILENT: Final = frozenset({"default_factory_not_called"})  # only follows from another error


@dataclass(frozen=True, slots=True, order=True)
class ConfigError:
    """One mistake, or one warning. Line and column count from 1; both are 0 when it is about the file as a whole."""

    line: int
    col: int
    path: str
    message: str

    def told(self, file: Path) -> str:
        """`file:line:col: dotted.path: what is wrong; what would be right`, one line."""
        place = f"{file}:{self.line}:{self.col}" if self.line else str(file)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigErrors(Exception):
    """All that is wrong with a config file, in the order of its lines. `str()` has a line for each."""

    def __init__(self, file: Path, errors: Iterable[ConfigError], warnings: Iterable[ConfigError] = ()) -> None:
        self.file = file
        self.errors = sorted(set(errors))
        self.warnings = sorted(set(warnings))
        super().__init__("\n".join(error.told(file) for error in self.errors))


def at(root: Node, loc: Loc, message: str, *, of_key: bool = False) -> ConfigError:
    """A mistake at a place; where that does not exist, at the nearest that does. `of_key`: the key is what is wrong."""
    node, mark = root, root.mark
    for key in loc:
        child = node.child(key)
        if child is None:
            break
        mark = child.mark
        is_block = isinstance(child.value, dict | list) or child.value is None
        if isinstance(node.value, dict) and (is_block or (of_key and key == loc[-1])):
            mark = node.keys[str(key)]
        node = child
    return ConfigError(mark.line, mark.column, dotted(loc), " ".join(message.split()))


def complaints(error: ValidationError, root: Node, model: type[BaseModel], prefix: Loc = ()) -> Iterator[ConfigError]:
    """The errors of pydantic in our words, at their places. Never with what was written: it may be a secret."""
    all_details = error.errors(include_url=False, include_input=False)
    for details in all_details:
        kind = details["type"]
        # A list whose items are wrong is also "too short" to pydantic.
        wrong_inside = any(_is_below(other["loc"], details["loc"]) for other in all_details)
        if kind in _SILENT or (kind == "too_short" and wrong_inside):
            continue
        loc = [*prefix, *_existing(_find(root, prefix), details["loc"], keep_last=kind == "missing")]
        if kind == "extra_forbidden":
            known = _keys(model, details["loc"][:-1])
            cure = f"; {suggestion(str(loc[-1]), known, 'known here')}" if known else ""
            yield at(root, loc, f"unknown key{cure}", of_key=True)
        else:
            node = _find(root, loc)
            is_key = details["loc"][-1:] == ("[key]",)
            empty = "is empty; " if node is not None and node.value is None and not is_key and kind in _WORDS else ""
            yield at(root, loc, empty + _message(details), of_key=is_key)


def suggestion(written: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean host?`, or else what is known."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(written, names, 1)
    if near:
        return f"did you mean {near[0]}?"
    more = ", …" if len(names) > 20 else ""
    return f"{otherwise}: {', '.join(names[:20])}{more}" if names else f"{otherwise}: none"


def dotted(loc: Loc) -> str:
    """`visits.refund.at[0]`; keys that are not plain words are quoted."""
    text = ""
    for key in loc:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            name = key if re.fullmatch(r"[\w-]{1,63}", key) else json.dumps(key[:63], ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def _message(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", "")) or "is not accepted"
    if kind in {"too_short", "string_too_short"} and context.get("min_length") == 1:
        return "should not be empty"
    return re.sub(r"^(Input|String|Value|List|Tuple|Set|Dictionary|Data) (?=should)", "", details["msg"])


def _is_below(loc: Loc, above: Loc) -> bool:
    return len(loc) > len(above) and tuple(loc[: len(above)]) == tuple(above)


def _existing(node: Node | None, loc: Loc, *, keep_last: bool) -> list[str | int]:
    """The location without what pydantic adds to it, such as the members of a union."""
    path: list[str | int] = []
    for number, key in enumerate(loc, 1):
        child = node.child(key) if node is not None else None
        if child is not None:
            node = child
            path.append(key)
        elif keep_last and number == len(loc):
            path.append(key)
    return path


def _find(root: Node, loc: Loc) -> Node | None:
    node: Node | None = root
    for key in loc:
        node = node.child(key) if node is not None else None
    return node


def _keys(kind: Any, path: Loc) -> list[str]:
    """The keys that a model knows at a path below it, which is as pydantic tells it: with the members of unions."""
    members = get_args(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        if path[:1] == (kind.__name__,):
            return _keys(kind, path[1:])
        return _keys(fields.get(str(path[0])), path[1:]) if path else list(fields)
    if get_origin(kind) is Annotated:
        tags = [each.tag for each in members[1:] if isinstance(each, Tag)]
        if not tags:
            return _keys(members[0], path)
        return _keys(members[0], path[1:]) if path and path[0] in tags else []
    if get_origin(kind) in {dict, list, tuple}:
        return _keys(members[-1] if members[-1] is not ... else members[0], path[1:]) if path else []
    return [key for member in members for key in _keys(member, path)]
