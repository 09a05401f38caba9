"""A message cut into its MIME parts (RFC 2045, 2046), on bytes, without recursion.

Python's own parser takes minutes on some messages of one megabyte (every line is tested against every open boundary)
and runs out of stack on deep ones; here time is linear and size, parts, depth and header fields are all limited.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from replies.headers import base64_bytes, decoded, parameters, text_of

MAX_RAW = 1_048_576
MAX_PARTS = 500
MAX_DEPTH = 12
MAX_FIELDS = 1_000
MAX_HEADER_BYTES = 262_144
MAX_BODY_BYTES = 262_144


_LOOSE_PARAMETER = re.compile(rb"[A-Za-z-]{2,20}=")  # a continuation line that lost its leading space


@dataclass(frozen=True, slots=True)
class Part:
    """One entity: its fields in order (names in lower case), its body as bytes, and where it hangs in the tree."""

    fields: tuple[tuple[str, bytes], ...]
    body: bytes
    depth: int
    parent: str  # content type of the enclosing entity, "" for the outermost
    in_enclosed: bool  # inside a message/rfc822 or text/rfc822-headers

    def field(self, name: str) -> str:
        """The first value of a field, decoded, or ""."""
        return next((text_of(value) for key, value in self.fields if key == name), "")

    @property
    def type(self) -> str:
        """The content type in lower case, without parameters."""
        found = self.field("content-type").partition(";")[0].strip().lower()
        if "/" not in found:
            return "message/rfc822" if self.parent == "multipart/digest" else "text/plain"
        return found

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of Content-Type."""
        return parameters(self.field("content-type"))

    @property
    def attached(self) -> bool:
        """Whether it is a file beside the text rather than text to read."""
        disposition = self.field("content-disposition").lower()
        return disposition.startswith("attachment") or "filename" in disposition or "name" in self.parameters

    def data(self) -> bytes:
        """The body with its transfer encoding undone, at most MAX_BODY_BYTES of it."""
        encoding = self.field("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return base64_bytes(self.body[: MAX_BODY_BYTES * 4 // 3])
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body[: MAX_BODY_BYTES * 2])[:MAX_BODY_BYTES]
        return self.body[:MAX_BODY_BYTES]

    def text(self) -> str:
        """The body as text in its declared charset, line ends as \\n."""
        return decoded(self.data(), self.parameters.get("charset")).replace("\r\n", "\n").replace("\r", "\n")


def split_fields(raw: bytes) -> tuple[tuple[tuple[str, bytes], ...], bytes]:
    """The header fields (unfolded, names in lower case) and the body of an entity."""
    fields: list[tuple[str, bytes]] = []
    position = 0
    name, value = "", [b""]
    while position < len(raw):
        end = raw.find(b"\n", position)
        end = len(raw) if end < 0 else end
        line = raw[position : min(end, position + MAX_HEADER_BYTES)].rstrip(b"\r")
        if not line:
            position = end + 1
            break
        if line[:1] in b" \t" or (value[-1].endswith(b";") and _LOOSE_PARAMETER.match(line)):
            value.append(b" " + line.strip())
        else:
            key, colon, rest = line.partition(b":")
            if not colon or not key.strip() or b" " in key.strip():
                if not fields and not name and line.startswith((b"From ", b">From ")):
                    position = end + 1  # the envelope line of an mbox file
                    continue
                break  # the body begins without the empty line that should stand here
            if name and len(fields) < MAX_FIELDS:
                fields.append((name, b"".join(value)))
            name, value = decoded(key.strip(), None).lower(), [rest.strip()]
        position = end + 1
        if position > MAX_HEADER_BYTES:
            position = _body_start(raw, position)
            break
    if name and len(fields) < MAX_FIELDS:
        fields.append((name, b"".join(value)))
    return tuple(fields), raw[position:]


def _body_start(raw: bytes, position: int) -> int:
    starts = [at + len(gap) for gap in (b"\r\n\r\n", b"\n\n") if (at := raw.find(gap, position)) >= 0]
    return min(starts, default=len(raw))


def parts(raw: bytes) -> Iterator[Part]:
    """All entities of a message, outermost first, in reading order, within the limits of this module."""
    fields, body = split_fields(raw[:MAX_RAW])
    waiting = [Part(fields, body, 0, "", in_enclosed=False)]
    count = 0
    while waiting and count < MAX_PARTS:
        part = waiting.pop()
        count += 1
        yield part
        if part.depth < MAX_DEPTH:
            waiting.extend(reversed(_children(part, MAX_PARTS - count)))


def _children(part: Part, limit: int) -> list[Part]:
    kind = part.type
    if kind.startswith("multipart/"):
        boundary = part.parameters.get("boundary", "")
        pieces = _split(part.body, boundary.encode("utf-8", "replace"), limit) if boundary else []
        return [_child(part, piece, kind, enclosed=part.in_enclosed) for piece in pieces]
    if kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"):
        inner = part.data() if part.field("content-transfer-encoding").strip() else part.body
        return [_child(part, inner.lstrip(b"\r\n"), kind, enclosed=True)]
    return []


def _child(part: Part, raw: bytes, kind: str, *, enclosed: bool) -> Part:
    fields, body = split_fields(raw)
    return Part(fields, body, part.depth + 1, kind, enclosed)


def _split(body: bytes, boundary: bytes, limit: int) -> list[bytes]:
    """The pieces between boundary lines; a missing last boundary is forgiven."""
    mark = b"--" + boundary
    pieces: list[bytes] = []
    start = -1
    at = body.find(mark)
    while at >= 0 and len(pieces) < limit:
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end
        rest = body[at + len(mark) : line_end].strip()
        if (at == 0 or body[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            if start >= 0:
                pieces.append(body[start : max(start, at - 1)].removesuffix(b"\r"))
            start = line_end + 1
            if rest:
                return pieces
        at = body.find(mark, at + len(mark))
    if 0 <= start < len(body) and len(pieces) < limit:
        pieces.append(body[start:])
    return pieces
