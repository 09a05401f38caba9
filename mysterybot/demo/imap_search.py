"""What SEARCH finds: search keys become tests on a mail (RFC 3501 §6.4.4).

Text is compared without regard to case in the raw octets of the mail, and in decoded header fields.
"""

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

from mysterybot.demo.imap_fetch import header_fields
from mysterybot.demo.imap_syntax import (
    Argument,
    Arguments,
    Atom,
    BadSyntaxError,
    NumberSet,
    astring,
    atom,
    parse_number_set,
)
from mysterybot.demo.post import Mail

Test = Callable[[Mail], bool]
Chosen = Callable[[NumberSet, bool], Collection[int]]
"""The `id()` of the mails in a set of sequence numbers, or of UIDs when the flag is set."""

MAX_DEPTH = 16
_FLAGS = ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")
_CHARSETS = {"US-ASCII", "UTF-8"}


class UnknownCharsetError(ValueError):
    """The client searches in a character set that is not known here."""


def parse_search(arguments: Arguments, chosen: Chosen) -> Test:
    """The test that a mail has to pass; every key must hold."""
    if arguments and isinstance(arguments[0], Atom) and atom(arguments[0]) == "CHARSET":
        if len(arguments) < 3 or astring(arguments[1]).upper() not in _CHARSETS:
            raise UnknownCharsetError
        arguments = arguments[2:]
    if not arguments:
        raise BadSyntaxError("a search key is missing")
    return _Keys(arguments, chosen).all()


class _Keys:
    """Search keys being read one after the other."""

    def __init__(self, arguments: Arguments, chosen: Chosen, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise BadSyntaxError("search keys nested too deeply")
        self._arguments = list(reversed(arguments))
        self._chosen = chosen
        self._depth = depth

    def all(self) -> Test:
        tests: list[Test] = []
        while self._arguments:
            tests.append(self._key())
        return lambda mail: all(test(mail) for test in tests)

    def _next(self) -> Argument:
        if not self._arguments:
            raise BadSyntaxError("a search key lacks its argument")
        return self._arguments.pop()

    def _key(self) -> Test:
        argument = self._next()
        if isinstance(argument, tuple):
            return _Keys(argument, self._chosen, self._depth + 1).all()
        name = atom(argument)
        if name[:1].isdigit() or name[:1] == "*":
            return self._in_set(argument, by_uid=False)
        if test := _flag_test(name):
            return test
        match name:
            case "UID":
                return self._in_set(self._next(), by_uid=True)
            case "NOT" | "OR":
                return self._combined(name)
            case "SINCE" | "BEFORE" | "ON" | "SENTSINCE" | "SENTBEFORE" | "SENTON":
                return _date_test(name, _parse_date(self._next()))
            case "LARGER" | "SMALLER":
                return _size_test(name, self._next())
            case "HEADER":
                return _header_test(astring(self._next()), astring(self._next()))
            case "FROM" | "TO" | "CC" | "BCC" | "SUBJECT":
                return _header_test(name, astring(self._next()))
            case "TEXT" | "BODY":
                return _text_test(name, astring(self._next()))
            case "KEYWORD" | "UNKEYWORD":
                keyword = astring(self._next())
                return lambda mail: (keyword in mail.flags) == (name == "KEYWORD")
        raise BadSyntaxError(f"unknown search key {name[:40]}")

    def _combined(self, name: str) -> Test:
        # Every NOT and OR goes one call deeper: the depth that is allowed for lists is theirs too.
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadSyntaxError("search keys nested too deeply")
        first = self._key()
        second = self._key() if name == "OR" else None
        self._depth -= 1
        if second is None:
            return lambda mail: not first(mail)
        return lambda mail: first(mail) or second(mail)

    def _in_set(self, argument: Argument, *, by_uid: bool) -> Test:
        ids = self._chosen(parse_number_set(argument), by_uid)
        return lambda mail: id(mail) in ids


def _flag_test(name: str) -> Test | None:
    if name in {"ALL", "OLD"}:
        return lambda _mail: True
    if name in {"RECENT", "NEW"}:
        return lambda _mail: False  # nothing is ever \Recent here
    wanted = name in _FLAGS
    if wanted or (name.startswith("UN") and name[2:] in _FLAGS):
        flag = "\\" + (name if wanted else name[2:]).capitalize()
        return lambda mail: (flag in mail.flags) == wanted
    return None


def _size_test(name: str, argument: Argument) -> Test:
    text = atom(argument)
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise BadSyntaxError("a size is wanted")
    size = int(text)
    return lambda mail: len(mail.raw) > size if name == "LARGER" else len(mail.raw) < size


def _parse_date(argument: Argument) -> date:
    try:
        return datetime.strptime(astring(argument), "%d-%b-%Y").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise BadSyntaxError("a date such as 1-Feb-2026 is wanted") from error


def _date_test(name: str, day: date) -> Test:
    date_of = _sent_date if name.startswith("SENT") else _internal_date

    def test(mail: Mail) -> bool:
        its = date_of(mail)
        if its is None:
            return False
        kind = name.removeprefix("SENT")
        return its >= day if kind == "SINCE" else its < day if kind == "BEFORE" else its == day

    return test


def _internal_date(mail: Mail) -> date:
    return mail.internal_date.astimezone(UTC).date()


def _sent_date(mail: Mail) -> date | None:
    field = header_fields(mail.header, frozenset({b"date"})).decode("ascii", "replace").partition(":")[2].strip()
    try:
        return parsedate_to_datetime(field).date()
    except (ValueError, TypeError):
        return None


def _header_test(name: str, text: str) -> Test:
    names, wanted = frozenset({name.lower().encode()}), text.lower()

    def test(mail: Mail) -> bool:
        fields = header_fields(mail.header, names)[:-2]
        return bool(fields) and wanted in _decoded(fields).lower()

    return test


def _decoded(fields: bytes) -> str:
    text = fields.replace(b"\r\n", b"").decode("utf-8", "replace").partition(":")[2].strip()
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, ValueError, LookupError):
        return text


def _text_test(name: str, text: str) -> Test:
    wanted = text.lower().encode()
    return lambda mail: wanted in (mail.raw if name == "TEXT" else mail.body).lower()
