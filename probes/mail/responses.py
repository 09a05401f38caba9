"""What an IMAP server says: cut from the stream into responses, and read (RFC 3501 section 7).

A response is a tuple of bytes: its line, and, when that ends in a literal, the literal and the line after it, and so
on: odd places are literals. Every size is bounded; a literal beyond its bound is read and thrown away past it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Response = tuple[bytes, ...]

MAX_LINE = 16 * 1024 * 1024  # SEARCH names every new mail of a folder in one line: about two million
MAX_LITERAL = 1024 * 1024
MAX_LITERALS = 1000

_LITERAL = re.compile(rb".*\{(\d{1,18})\+?\}", re.DOTALL)
# Free text may end in what looks like a literal; these responses have none.
_TEXT = re.compile(rb"\+|\* (?:OK|NO|BAD|BYE|PREAUTH)\b|[^*+ ][^ ]* (?:OK|NO|BAD)\b", re.IGNORECASE)
_TOKEN = re.compile(
    rb'\s+|(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<atom>[^\s()"\[]+(?:\[[^\]]*\](?:<\d+>)?)?)'
)
_FETCH = re.compile(rb"\* (\d{1,10}) FETCH ", re.IGNORECASE)
_DATE = re.compile(r" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)([0-5]\d)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class OutOfProtocol(Exception):
    """The server says something that no IMAP server says; the connection is not to be trusted any more."""


class Reader:
    """Cuts a byte stream into responses, in time that is linear in what comes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._parts: list[bytes] = []
        self._literal = -1  # how much of one is still to be kept; -1: we are in a line
        self._surplus = 0  # how much of it is to be thrown away after that

    def feed(self, data: bytes) -> Iterator[Response]:
        """The responses that `data` completes. Raises OutOfProtocol when a bound is passed."""
        self._buffer += data
        while True:
            if self._literal >= 0:
                if not self._take_literal():
                    return
            elif (line := self._take_line()) is None:
                return
            elif self._take_part(line):
                yield tuple(self._parts)
                self._parts = []

    def clear(self) -> None:
        """Forget what was read but not yet understood: what came before TLS is anybody's (RFC 3501 section 6.2.1)."""
        self.__init__()  # type: ignore[misc]  # nobody derives from it

    def _take_literal(self) -> bool:
        if len(self._parts) % 2 == 1:
            if len(self._buffer) < self._literal:
                return False
            self._parts.append(bytes(self._buffer[: self._literal]))
            del self._buffer[: self._literal]
        gone = min(self._surplus, len(self._buffer))
        del self._buffer[:gone]
        self._surplus -= gone
        if self._surplus:
            return False
        self._literal = -1
        return True

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > MAX_LINE:
                raise OutOfProtocol("a line without an end")
            self._searched = max(0, len(self._buffer) - 1)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._searched = 0
        return line

    def _take_part(self, line: bytes) -> bool:
        """Whether `line` ends its response."""
        first = not self._parts
        self._parts.append(line)
        if (first and _TEXT.match(line)) or not (literal := _LITERAL.fullmatch(line)):
            return True
        if len(self._parts) > 2 * MAX_LITERALS:
            raise OutOfProtocol("a response with too many literals")
        size = int(literal[1])
        self._literal = min(size, MAX_LITERAL)
        self._surplus = size - self._literal
        return False


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail in the answer to FETCH, with what was asked for."""

    uid: int
    size: int | None = None
    internal_date: datetime | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder in the answer to LIST; the name is as the server writes it."""

    name: str
    attributes: frozenset[str]


def fetched(response: Response) -> Fetched | None:
    """The mail that an untagged FETCH tells of; None for other responses, and for one without a UID (a mere flag)."""
    head = _FETCH.match(response[0])
    if not head:
        return None
    items = _items(_tokens((response[0][head.end() :], *response[1:])))
    uid = items.get("UID", b"")
    if not uid.isdigit() or len(uid) > 10:
        return None
    size = items.get("RFC822.SIZE", b"")
    return Fetched(
        uid=int(uid),
        size=int(size) if size.isdigit() and len(size) < 19 else None,
        internal_date=_internal_date(items.get("INTERNALDATE", b"").decode("ascii", "replace")),
        body=next((value for name, value in items.items() if name.startswith("BODY[")), None),
    )


def listed(response: Response) -> Listed | None:
    """The folder that an untagged LIST or XLIST tells of."""
    head = re.match(rb"\* X?LIST \(([^)]*)\) (?:NIL|\"(?:[^\"\\]|\\.)*\") ?", response[0], re.IGNORECASE)
    if not head:
        return None
    name = next(_tokens((response[0][head.end() :], *response[1:])), b"")
    if not name or isinstance(name, str):
        return None
    return Listed(name.decode("utf-8", "replace"), frozenset(head[1].decode("ascii", "replace").lower().split()))


def searched(response: Response) -> list[int]:
    """The numbers that an untagged SEARCH gives."""
    if not response[0].upper().startswith(b"* SEARCH"):
        return []
    return [int(number) for number in response[0].split()[2:] if number.isdigit() and len(number) <= 10]


def _tokens(parts: Response) -> Iterator[bytes | str]:
    """Strings, atoms and literals as bytes, an atom NIL as an empty one; parentheses as str, so that no mail is one."""
    for place, part in enumerate(parts):
        if place % 2:
            yield part
            continue
        at, line = 0, part
        if place + 1 < len(parts):
            line = line[: line.rindex(b"{")]
        while at < len(line):
            token = _TOKEN.match(line, at)
            if token is None:
                raise OutOfProtocol("a response that cannot be read")
            at = token.end()
            if token["open"]:
                yield "("
            elif token["close"]:
                yield ")"
            elif token["quoted"] is not None:
                yield re.sub(rb"\\(.)", rb"\1", token["quoted"])
            elif token["atom"]:
                yield b"" if token["atom"].upper() == b"NIL" else token["atom"]


def _items(pieces: Iterator[bytes | str]) -> dict[str, bytes]:
    """The names and plain values of a parenthesised list; values that are lists themselves are passed over."""
    items: dict[str, bytes] = {}
    depth, name = 0, None
    for piece in pieces:
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth -= 1
            if depth == 1:
                name = None
            if depth == 0:
                break
        elif depth == 1 and isinstance(piece, bytes):
            if name is None:
                name = piece.decode("ascii", "replace").upper()
            else:
                items.setdefault(name, piece)
                name = None
    return items


def _internal_date(text: str) -> datetime | None:
    written = _DATE.fullmatch(text)
    if not written or written[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(written[2].lower()) + 1
    try:
        # strptime would read month names in the machine's language, and is slow.
        day, year, hour, minute, second, *zone = (int(written[group]) for group in (1, 3, 4, 5, 6, 8, 9))
        ahead = timedelta(hours=zone[0], minutes=zone[1])
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return local - ahead if written[7] == "+" else local + ahead
    except (ValueError, OverflowError):
        return None
