"""Header fields as people write them: encoded words, addresses, message ids, parameters, dates.

Tolerant by design: whatever a field holds, something sensible comes back and nothing is raised. Every function takes
time linear in its input, and inputs are cut to the limits below.
"""

import binascii
import codecs
import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

MAX_VALUE = 8_000
MAX_ADDRESSES = 100
MAX_IDS = 100

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]{0,4000})\?=")
_ID = re.compile(r"<([^<>\s]{1,900})>")
_BARE_ID = re.compile(r"[^<>\s,;]{1,900}")
_PARAMETER = re.compile(
    r";\s{0,20}([A-Za-z0-9_-]{1,40})(?:\*\d{0,2}\*?)?\s{0,20}=\s{0,20}(\"[^\"]{0,400}\"|[^\s;\"]{1,400})"
)
_ADDRESS_BREAKS = re.compile(r"[\s<>()\[\],;:\"]+")

_SURROGATE = re.compile("[\ud800-\udfff]")

# Supersets and names that Python does not know; what mail declares is often narrower than what it holds.
_CHARSETS = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
}
# Text codecs of Python that no mail uses, or whose decoders take quadratic time.
_NOT_CHARSETS = {
    "punycode",
    "idna",
    "unicode_escape",
    "raw_unicode_escape",
    "undefined",
    "mbcs",
    "oem",
    "unicode-escape",
}


def decoded(data: bytes, charset: str | None) -> str:
    """`data` as text: in `charset` if that works, else UTF-8, else Windows-1252; never raises.

    What no database and no JSON takes is left out or replaced: NUL, and halves of surrogate pairs that UTF-7 lets through.
    """
    text = _decoded(data, charset).replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8") if _SURROGATE.search(text) else text


def _decoded(data: bytes, charset: str | None) -> str:
    name = (charset or "utf-8").strip().strip("\"'").lower()
    name = _CHARSETS.get(name, name)
    try:
        known = codecs.lookup(name).name not in _NOT_CHARSETS and name not in _NOT_CHARSETS
    except (LookupError, ValueError, UnicodeError):
        known = False
    if known:
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            pass
    try:
        return data.decode("utf-8")
    except ValueError:
        return data.decode("cp1252", "replace")


def text_of(value: bytes) -> str:
    """One unfolded field value with its encoded words (RFC 2047) decoded; raw 8-bit text is accepted too."""
    text = decoded(value[:MAX_VALUE], None).replace("\r", "").replace("\n", "")
    if "=?" not in text:
        return text.strip()
    pieces: list[str] = []
    waiting: tuple[str, bytes] | None = None  # words of one charset join before decoding: they may split a character
    end = 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[end : match.start()]
        end = match.end()
        charset = match[1].split("*", 1)[0].lower()
        data = _word_bytes(match[2], match[3])
        if waiting and not between.strip() and waiting[0] == charset:
            waiting = (charset, waiting[1] + data)
            continue
        if waiting:
            pieces.append(decoded(waiting[1], waiting[0]))
            if between.strip():
                pieces.append(between)
        else:
            pieces.append(between)
        waiting = (charset, data)
    if waiting:
        pieces.append(decoded(waiting[1], waiting[0]))
    pieces.append(text[end:])
    return "".join(pieces).replace("\r", "").replace("\n", " ").strip()


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("ascii", "ignore")
    if encoding in "bB":
        return base64_bytes(raw)
    return binascii.a2b_qp(raw, header=True)


def base64_bytes(data: bytes) -> bytes:
    """Base64 as mail has it: stray characters and missing padding are forgiven, what cannot be read is dropped."""
    clean = data.translate(None, delete=_NOT_BASE64)
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    try:
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
    except (binascii.Error, ValueError):
        return b""


_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_NOT_BASE64 = bytes(byte for byte in range(256) if byte not in _BASE64)


def addresses(value: str) -> tuple[str, ...]:
    """Every mail address in a field, lower-case, in order, without doubles."""
    found: dict[str, None] = {}
    for token in _ADDRESS_BREAKS.split(value[:MAX_VALUE]):
        word = token.strip(".'`")
        local, at, domain = word.rpartition("@")
        if at and local and domain and "@" not in local:
            found[word.lower()] = None
            if len(found) >= MAX_ADDRESSES:
                break
    return tuple(found)


def display_name(value: str) -> str:
    """The name in the first mailbox of a From field: `"Robin via RT" <a@b>` gives `Robin via RT`."""
    value = value[:MAX_VALUE].strip()
    if value.startswith('"'):
        end = value.find('"', 1)
        while end > 0 and value[end - 1] == "\\":
            end = value.find('"', end + 1)
        if end > 0:
            return value[1:end].replace('\\"', '"').replace("\\\\", "\\").strip()
    before, angle, _ = value.partition("<")
    if angle:
        return before.strip().strip("\"'").strip()
    _, paren, comment = value.partition("(")  # the old form: a@b (Robin)
    return comment.partition(")")[0].strip() if paren else ""


def ids(value: str) -> tuple[str, ...]:
    """The message ids of a field as `<x@y>`, in order, without doubles."""
    found = dict.fromkeys(f"<{item}>" for item in _ID.findall(value[:MAX_VALUE]))
    if not found:
        found = dict.fromkeys(f"<{item}>" for item in _BARE_ID.findall(value[:MAX_VALUE]) if "@" in item)
    return tuple(found)[:MAX_IDS]


def parameters(value: str) -> dict[str, str]:
    """The parameters of a structured field such as Content-Type; names in lower case, the first of doubles wins."""
    found: dict[str, str] = {}
    for name, text in _PARAMETER.findall(value[:MAX_VALUE]):
        found.setdefault(name.lower(), text.strip('"'))
    return found


def moment(value: str) -> datetime | None:
    """The aware UTC time of a Date field, or None."""
    try:
        parts = parsedate_tz(value[:200])
        if not parts:
            return None
        offset = parts[9] or 0
        naive = datetime(*parts[:6], tzinfo=UTC)
        return datetime.fromtimestamp(naive.timestamp() - offset, UTC)
    except (ValueError, OverflowError, TypeError, IndexError, OSError):
        return None
