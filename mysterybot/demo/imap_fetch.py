"""What FETCH answers: the data items of a mail (RFC 3501 §6.4.5 and §7.4.2).

Known are FLAGS, UID, INTERNALDATE, RFC822.SIZE, RFC822[.HEADER|.TEXT], BODY[…] and BODY.PEEK[…] with the sections
nothing, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT and TEXT, each with or without a partial `<start.count>`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mysterybot.demo.imap_syntax import Argument, Atom, BadSyntaxError, atom, parse_arguments, words
from mysterybot.demo.post import Mail

_SECTION = re.compile(
    rb"BODY(?P<peek>\.PEEK)?\[(?P<section>[^\]]*)\](?:<(?P<start>\d{1,10})\.(?P<count>\d{1,10})>)?", re.IGNORECASE
)
_HEADER_FIELD = re.compile(rb"(?ms)^([^\s:]+):.*?\r\n(?![ \t])")
_MACROS = {"FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE")}
_SEEN = "\\Seen"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be fetched: how it is rendered, and whether reading it marks the mail as seen."""

    render: Callable[[Mail], bytes]
    marks_seen: bool = False


def parse_items(argument: Argument, *, by_uid: bool) -> tuple[Item, ...]:
    """The items of a FETCH command; UID FETCH always tells the UID."""
    names = [entry for entry in argument if isinstance(entry, Atom)] if isinstance(argument, tuple) else [argument]
    if isinstance(argument, tuple) and len(names) < len(argument):
        raise BadSyntaxError("a fetch item is wanted, not a list")
    items: list[Item] = [_SIMPLE["UID"]] if by_uid else []
    for name in names:
        key = atom(name)
        for simple in _MACROS.get(key, (key,)):
            item = _SIMPLE.get(simple) or _parse_section(name)
            if item not in items:
                items.append(item)
    return tuple(items)


def render(items: tuple[Item, ...], sequence_number: int, mail: Mail) -> bytes:
    """The untagged answer for one mail; sets \\Seen as the items demand, and then tells the flags."""
    if any(item.marks_seen for item in items) and _SEEN not in mail.flags:
        mail.flags.add(_SEEN)
        if _SIMPLE["FLAGS"] not in items:
            items += (_SIMPLE["FLAGS"],)
    return b"* %d FETCH (%s)\r\n" % (sequence_number, b" ".join(item.render(mail) for item in items))


def flags_of(mail: Mail) -> bytes:
    """The flags of a mail as a parenthesised list."""
    return b"(" + " ".join(sorted(mail.flags)).encode("ascii", "replace") + b")"


def internal_date(at: datetime) -> bytes:
    """A date-time in UTC, to the second."""
    return at.astimezone(UTC).strftime('"%d-%b-%Y %H:%M:%S +0000"').encode()


def _literal(name: bytes, data: bytes) -> bytes:
    return b"%s {%d}\r\n%s" % (name, len(data), data)


_SIMPLE = {
    "UID": Item(lambda mail: b"UID %d" % mail.uid),
    "FLAGS": Item(lambda mail: b"FLAGS " + flags_of(mail)),
    "INTERNALDATE": Item(lambda mail: b"INTERNALDATE " + internal_date(mail.internal_date)),
    "RFC822.SIZE": Item(lambda mail: b"RFC822.SIZE %d" % len(mail.raw)),
    "RFC822": Item(lambda mail: _literal(b"RFC822", mail.raw), marks_seen=True),
    "RFC822.HEADER": Item(lambda mail: _literal(b"RFC822.HEADER", mail.header)),
    "RFC822.TEXT": Item(lambda mail: _literal(b"RFC822.TEXT", mail.body), marks_seen=True),
}


def _parse_section(argument: Argument) -> Item:
    match = _SECTION.fullmatch(argument.value) if isinstance(argument, Atom) else None
    if not match:
        raise BadSyntaxError(f"unknown fetch item {atom(argument)[:60]}")
    section, part = match["section"], _section_part(match["section"])
    if match["start"] is None:
        return Item(lambda mail: _literal(b"BODY[%s]" % section, part(mail)), marks_seen=not match["peek"])
    start, count = int(match["start"]), int(match["count"])
    return Item(
        lambda mail: _literal(b"BODY[%s]<%d>" % (section, start), part(mail)[start : start + count]),
        marks_seen=not match["peek"],
    )


def _section_part(section: bytes) -> Callable[[Mail], bytes]:
    arguments = parse_arguments(section)
    name = atom(arguments[0]) if arguments else ""
    if len(arguments) == 2 and name in {"HEADER.FIELDS", "HEADER.FIELDS.NOT"}:
        fields = frozenset(field.lower().encode() for field in words(arguments[1]))
        return lambda mail: header_fields(mail.header, fields, wanted=name == "HEADER.FIELDS")
    whole: dict[str, Callable[[Mail], bytes]] = {
        "": lambda mail: mail.raw,
        "HEADER": lambda mail: mail.header,
        "TEXT": lambda mail: mail.body,
    }
    if len(arguments) > 1 or name not in whole:
        raise BadSyntaxError(f"unknown body section {name[:60]}")
    return whole[name]


def header_fields(header: bytes, names: frozenset[bytes], *, wanted: bool = True) -> bytes:
    """The fields with (or without) these lower-case names, folded as they are, and the empty line after them."""
    fields = (match[0] for match in _HEADER_FIELD.finditer(header) if (match[1].lower() in names) == wanted)
    return b"".join(fields) + b"\r\n"
