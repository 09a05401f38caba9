"""The body of an HTTP answer, as much of it as is wanted (RFC 9112 section 6)."""

import codecs
import html
import re
from collections.abc import Mapping

from probes.reach.line import Line, NotReached, one_line

MAX_BODY = 1024 * 1024  # what is beyond it is not read

_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


async def read_body(line: Line, headers: Mapping[str, str]) -> bytes:
    """The body, at most MAX_BODY of it. NotReached when it ends too early. `headers`: names in small letters."""
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        return await _chunks(line)
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return await _until(line, MAX_BODY)
    most = min(int(length[:20]), MAX_BODY)
    body = await _until(line, most)
    if len(body) < most:
        raise NotReached("the page ended before it was complete")
    return body


def shows(body: bytes, headers: Mapping[str, str], text: str) -> bool:
    """Whether the text stands in the page, as it is or with HTML's character references; runs of spaces are one space."""
    named = _CHARSET.search(headers.get("content-type", "")[:1000])
    try:
        charset = codecs.lookup(named[1]).name if named else "utf-8"
        page = body.decode(charset, "replace")
    except (LookupError, ValueError):  # also a codec that is none of text
        page = body.decode("utf-8", "replace")
    wanted = " ".join(text.split())
    return any(wanted in " ".join(each.split()) for each in (page, html.unescape(page)))


async def _until(line: Line, most: int) -> bytes:
    """What comes until `most` bytes or the end."""
    pieces, left = [], most
    while left and (piece := await line.reader.read(min(left, 64 * 1024))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


async def _chunks(line: Line) -> bytes:
    pieces, left = [], MAX_BODY
    while left:
        size = (await line.hear()).partition(";")[0].strip()
        if not re.fullmatch("[0-9A-Fa-f]{1,16}", size):
            raise NotReached(f"the page comes in chunks that cannot be read: {one_line(size)[:80]}")
        if not int(size, 16):
            break
        most = min(int(size, 16), left)
        piece = await _until(line, most)
        if len(piece) < most:
            raise NotReached("the page ended before it was complete")
        pieces.append(piece)
        left -= len(piece)
        if left:
            await line.hear()  # the end of the chunk
    return b"".join(pieces)
