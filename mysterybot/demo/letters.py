"""The mails of the demo company: how it reads what customers write, and how it writes to them.

Reading never raises and looks at a bounded part of the mail only.
"""

import email
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from itertools import islice

MAX_READ = 256 * 1024  # octets of a mail that are looked at
MAX_PARTS = 50
MAX_TEXT = 16 * 1024  # characters
MAX_SUBJECT = 200
MAX_IDS = 20

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_ATTRIBUTION = re.compile(r"(?im)^(on .{5,200} wrote:|am .{5,200} schrieb .{1,100}:|-+ ?original message ?-+)\s*$")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A customer's mail as the desk reads it; `text` is the new text, without what it quotes."""

    sender: str
    sender_name: str
    subject: str
    text: str
    full_text: str
    message_id: str | None
    related: tuple[str, ...]
    date: str
    automatic: bool


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail of the desk."""

    sender_name: str
    sender: str
    to_name: str
    to: str
    subject: str
    text: str
    message_id: str
    date: datetime
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def read(raw: bytes) -> Incoming:
    """Read a mail."""
    message = email.message_from_bytes(raw[:MAX_READ])
    name, address = parseaddr(_decoded(message, "Reply-To") or _decoded(message, "From"))
    full_text = _text(message)
    return Incoming(
        sender=one_line(address).lower(),
        sender_name=one_line(name) or address.partition("@")[0],
        subject=one_line(_decoded(message, "Subject")),
        text=new_text(full_text),
        full_text=full_text,
        message_id=next(iter(_ids(message, "Message-ID")), None),
        related=_ids(message, "In-Reply-To") + _ids(message, "References"),
        date=one_line(_decoded(message, "Date")),
        automatic=_is_automatic(message),
    )


def new_text(text: str) -> str:
    """What was written now: without quoted lines and without what stands below an attribution line or a signature."""
    above = _ATTRIBUTION.split(text, maxsplit=1)[0]
    lines = [line for line in above.splitlines() if not line.startswith(">")]
    if "-- " in lines:
        del lines[lines.index("-- ") :]
    return "\n".join(lines).strip()


def quoted(incoming_text: str, name: str, date: str) -> str:
    """The customer's text as mail programs put it below an answer."""
    lines = "\n".join(f"> {line}".rstrip() for line in incoming_text.strip().splitlines())
    return f"On {date}, {name} wrote:\n{lines}"


def compose(letter: Outgoing) -> bytes:
    """The mail as it goes over the wire: CRLF, UTF-8 as quoted-printable."""
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((one_line(letter.sender_name), letter.sender))
    message["To"] = formataddr((one_line(letter.to_name), letter.to))
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(letter.date)
    message["Message-ID"] = letter.message_id
    if letter.in_reply_to:
        message["In-Reply-To"] = letter.in_reply_to
    if letter.references:
        message["References"] = " ".join(letter.references[-MAX_IDS:])
    for name, value in letter.headers.items():
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    return message.as_bytes()


def one_line(text: str) -> str:
    """Text that is safe in a header: no control characters, bounded."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text[: 4 * MAX_SUBJECT]).strip()[:MAX_SUBJECT]


def _decoded(message: Message, name: str) -> str:
    value = str(message.get(name, ""))[: 8 * MAX_SUBJECT]
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, ValueError, LookupError):
        return value


def _ids(message: Message, name: str) -> tuple[str, ...]:
    return tuple(islice((found[0] for found in _MESSAGE_ID.finditer(str(message.get(name, "")))), MAX_IDS))


def _is_automatic(message: Message) -> bool:
    # RFC 3834 §2: an automatic answer must not go to an automatic mail, nor to the null return path.
    return (
        str(message.get("Auto-Submitted", "no")).strip().lower() != "no"
        or str(message.get("Precedence", "")).strip().lower() in {"bulk", "junk", "list", "auto_reply"}
        or str(message.get("Return-Path", "<x>")).strip() == "<>"
    )


def _text(message: Message) -> str:
    for part in islice(message.walk(), MAX_PARTS):
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            octets = payload if isinstance(payload, bytes) else b""
            try:
                text = octets.decode(part.get_content_charset("utf-8"), "replace")
            except LookupError:
                text = octets.decode("utf-8", "replace")
            return text[:MAX_TEXT].replace("\r\n", "\n")
    return ""
