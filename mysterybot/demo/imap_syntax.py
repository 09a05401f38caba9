"""The grammar of IMAP commands: bytes in, arguments out (RFC 3501 §9, RFC 7888 for literals).

Pure functions, bounded in depth and number; whatever does not follow the grammar is a `BadSyntaxError`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

MAX_DEPTH = 16
MAX_ARGUMENTS = 2000
MAX_RANGES = 2000

LITERAL = re.compile(rb"\{(\d{1,10})(\+?)\}\r?\n\Z")
"""The announcement of a literal at the end of a line; `+` means that it follows unasked."""

_QUOTED = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"')
_INLINE_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}\r?\n")
_ATOM = re.compile(rb'(?:[^\s()"{}\[\]\x00-\x1f\x7f]|\[(?:[^\]"\r\n]|"(?:[^"\\\r\n]|\\["\\])*")*\])+')


class BadSyntaxError(ValueError):
    """The command does not follow the grammar; the text tells the client why."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A bare word, number, flag, sequence set, or body section such as `BODY[HEADER.FIELDS (To)]<0.10>`."""

    value: bytes


@dataclass(frozen=True, slots=True)
class String:
    """A quoted string or a literal."""

    value: bytes


Argument = Atom | String | tuple["Argument", ...]
Arguments = tuple[Argument, ...]


def parse_arguments(text: bytes) -> Arguments:
    """What follows the command's name: atoms, strings, and lists of them as tuples.

    Literals stand in the text as on the wire: `{5}`, line end, five octets.
    """
    open_lists: list[list[Argument]] = [[]]
    position = count = 0
    while position < len(text):
        character = text[position : position + 1]
        if character in b" \r\n":
            position += 1
            continue
        count += 1
        if count > MAX_ARGUMENTS:
            raise BadSyntaxError("too many arguments")
        if character == b"(":
            if len(open_lists) > MAX_DEPTH:
                raise BadSyntaxError("lists nested too deeply")
            open_lists.append([])
            position += 1
        elif character == b")":
            if len(open_lists) == 1:
                raise BadSyntaxError("unmatched )")
            closed = tuple(open_lists.pop())
            open_lists[-1].append(closed)
            position += 1
        else:
            argument, position = _parse_word(text, position)
            open_lists[-1].append(argument)
    if len(open_lists) > 1:
        raise BadSyntaxError("missing )")
    return tuple(open_lists[0])


def _parse_word(text: bytes, position: int) -> tuple[Argument, int]:
    if match := _QUOTED.match(text, position):
        return String(re.sub(rb"\\(.)", rb"\1", match[1])), match.end()
    if match := _INLINE_LITERAL.match(text, position):
        end = match.end() + int(match[1])
        if end > len(text):
            raise BadSyntaxError("literal cut short")
        return String(text[match.end() : end]), end
    if match := _ATOM.match(text, position):
        return Atom(match[0]), match.end()
    raise BadSyntaxError(f"cannot read the arguments from octet {position} on")


def astring(argument: Argument) -> str:
    """An atom or a string as text."""
    if isinstance(argument, tuple):
        raise BadSyntaxError("a word is wanted, not a list")
    return argument.value.decode("utf-8", "replace")


def atom(argument: Argument) -> str:
    """An atom as text in capitals: keywords are the same in any case."""
    if not isinstance(argument, Atom):
        raise BadSyntaxError("a bare word is wanted")
    return argument.value.decode("ascii", "replace").upper()


def words(argument: Argument) -> tuple[str, ...]:
    """A list of words, or one bare word, as texts."""
    return tuple(map(astring, argument)) if isinstance(argument, tuple) else (astring(argument),)


def quote(text: str) -> bytes:
    """The text as a quoted string."""
    escaped = re.sub(r'(["\\])', r"\\\1", re.sub(r"[\r\n\x00]", "?", text))
    return b'"' + escaped.encode("utf-8", "replace") + b'"'


@dataclass(frozen=True, slots=True)
class NumberSet:
    """A set of sequence numbers or UIDs such as `3,5:7,10:*`; None stands for `*`."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def positions(self, numbers: Sequence[int]) -> list[int]:
        """The places in the ascending `numbers` that are in the set, ascending.

        `*` is the largest number in use: `n:*` holds the last one even where n is beyond it (RFC 3501 §9, seq-range).
        """
        if not numbers:
            return []
        found: set[int] = set()
        for first, last in self.ranges:
            a = numbers[-1] if first is None else first
            b = numbers[-1] if last is None else last
            found.update(range(bisect_left(numbers, min(a, b)), bisect_right(numbers, max(a, b))))
        return sorted(found)


def parse_number_set(argument: Argument) -> NumberSet:
    """A sequence set; numbers are 1 to 2**32 − 1."""
    parts = atom(argument).split(",")
    if len(parts) > MAX_RANGES:
        raise BadSyntaxError("too many ranges")
    return NumberSet(tuple(_parse_range(part) for part in parts))


def _parse_range(part: str) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"([1-9]\d{0,9}|\*)(?::([1-9]\d{0,9}|\*))?", part, re.ASCII)
    if not match:
        raise BadSyntaxError(f"not a sequence set: {part[:40]}")
    first, last = match[1], match[2] or match[1]
    return (None if first == "*" else int(first), None if last == "*" else int(last))
