"""A letter as it leaves us: composed once, from checked parts, into bytes that no server needs to touch.

The headers are folded here and not by `email.policy`, which encodes and breaks message ids that are longer than a line.
"""

import base64
import hashlib
import quopri
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from random import Random
from urllib.parse import quote

from probes.mail.addresses import ascii_domain, wire_address

LINE = 76
MAX_REFERENCES = 30

# C0, DEL, C1 and the Unicode line ends: each splits or ends a header somewhere. Lone surrogates cannot be encoded.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")
_FOREIGN_ID = re.compile(r"<[!-;=?-~]{1,900}>")  # as others write them, with no @ or with two
_NAME = re.compile(r"[!-9;-~]{1,70}")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_TEXT = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
_OURS = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "bcc"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A small text file; its name may be in any language."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One plain text mail. `date` is aware; ids are `<left@right>`; `headers` are extra ones."""

    sender_name: str
    sender: str
    to: str
    subject: str
    text: str
    message_id: str
    date: datetime
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


def compose(letter: Letter) -> bytes:
    """The letter as RFC 5322 bytes: CRLF, `text/plain`, UTF-8, quoted-printable, RFC 2047 where a header needs it.
    Attachments follow in base64, named as in RFC 2231.

    All bytes are ASCII unless an address has a local part that is not (RFC 6532). Raises ValueError for anything that
    would break out of its header, for addresses and a message id that are none, and for a naive date. Foreign ids in
    `in_reply_to` and `references` that cannot be written safely are left out: threading is a courtesy, and what a desk
    puts into its Message-ID must not stop a conversation.
    """
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        raise ValueError("the message id should be <left@right> in ASCII")
    if letter.date.tzinfo is None:
        raise ValueError("the date of a letter needs a time zone")
    if _SURROGATES.search(letter.text):
        raise ValueError("the text holds half a character")
    lines = [
        f"From: {_mailbox('From', letter.sender_name, letter.sender)}",
        f"To: {wire_address(letter.to)}",
        f"Subject: {_unstructured('Subject', letter.subject)}",
        f"Date: {format_datetime(letter.date)}",
        f"Message-ID: {letter.message_id}",
        *_threading(letter),
        *(_extra(name, value) for name, value in letter.headers.items()),
        "MIME-Version: 1.0",
    ]
    head, text = "\r\n".join([*lines, ""]).encode(), _TEXT + _quoted_printable(letter.text)
    if not letter.attachments:
        return head + text
    boundary = (
        "=_" + hashlib.sha256(letter.message_id.encode()).hexdigest()[:40]
    )  # in no encoded part: = is followed by hex
    parts = [text, *map(_attached, letter.attachments)]
    body = "".join(f"--{boundary}\r\n{part.decode()}\r\n" for part in parts)
    return head + f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n{body}--{boundary}--\r\n'.encode()


def new_message_id(domain: str, rng: Random) -> str:
    """A message id with 128 random bits that tells nothing of us but the domain (RFC 5322 section 3.6.4)."""
    return f"<{rng.getrandbits(128):032x}@{ascii_domain(domain)}>"


def _mailbox(header: str, name: str, address: str) -> str:
    address = wire_address(address)
    if not name:
        return address
    if name.isascii() and "=?" not in name and len(name) < LINE and not _UNSAFE.search(name):
        if not _PHRASE.fullmatch(name) or name != " ".join(name.split()):
            name = '"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))
        return f"{name}\r\n <{address}>" if len(name) + len(address) > LINE - 10 else f"{name} <{address}>"
    return f"{_encoded(header, name)}\r\n <{address}>"


def _unstructured(header: str, value: str) -> str:
    """`value` so that every reader gets it back unchanged: folded at single spaces, else as RFC 2047 words."""
    words = value.split(" ")
    plain = value.isascii() and "=?" not in value and all(words) and not _UNSAFE.search(value)
    if not value or (plain and max(map(len, words)) < LINE - len(header)):
        return _folded(len(header) + 2, words)
    return _encoded(header, value)


def _encoded(header: str, value: str) -> str:
    if _UNSAFE.search(value):
        raise ValueError(f"the header {header} holds a line break or control character")
    return Header(value, "utf-8", maxlinelen=LINE, header_name=header).encode(linesep="\r\n")


def _folded(used: int, words: Iterable[str]) -> str:
    line = ""
    for word in words:
        if not line:
            line, used = word, used + len(word)
        elif used + 1 + len(word) > LINE:
            line, used = f"{line}\r\n {word}", 1 + len(word)
        else:
            line, used = f"{line} {word}", used + 1 + len(word)
    return line


def _threading(letter: Letter) -> Iterable[str]:
    if letter.in_reply_to and _FOREIGN_ID.fullmatch(letter.in_reply_to):
        yield f"In-Reply-To: {letter.in_reply_to}"
    references = [known for known in letter.references if _FOREIGN_ID.fullmatch(known)]
    if len(references) > MAX_REFERENCES:  # the first one names the thread, the last ones the place in it
        references = references[:1] + references[-MAX_REFERENCES + 1 :]
    if references:
        yield "References: " + "\r\n ".join(references)


def _extra(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("content-"):
        raise ValueError("an extra header has a name that is not allowed")
    return f"{name}: {_unstructured(name, value)}"


def _attached(file: Attachment) -> bytes:
    if (
        _UNSAFE.search(file.name)
        or not 0 < len(file.name) <= 100
        or file.name != file.name.strip()
        or _SURROGATES.search(file.text)
    ):
        raise ValueError("an attachment needs a name on one line, 100 characters at most, and whole characters")
    name = quote(file.name, safe="")  # RFC 2231 section 4
    head = (
        'Content-Type: text/plain; charset="utf-8"\r\n'
        f"Content-Disposition: attachment;\r\n filename*=UTF-8''{name}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(file.text.encode()).replace(b"\n", b"\r\n")


def _quoted_printable(text: str) -> bytes:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    return quopri.encodestring(text.encode()).replace(b"\n", b"\r\n")
