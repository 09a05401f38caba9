"""A raw mail as this program reads it.

`read` takes any bytes at all, never raises, and is bounded in time and size: one megabyte, a few hundred MIME parts,
a dozen levels, 64 kB of text. What is beyond the limits is not looked at, and `truncated` says so.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from replies.headers import addresses, display_name, ids, moment, text_of
from replies.html import visible_text
from replies.mime import MAX_RAW, Part, parts

log = logging.getLogger(__name__)

MAX_TEXT = 65_536
MAX_VALUES = 50

_PLAIN = ("text/plain", "text/enriched", "text/markdown")
_SOURCE = re.compile(r"\s{0,100}<(?:html|!doctype|body|div|head)\b", re.I)  # HTML that is declared as plain text
_LINK = re.compile(rb"<(?:a|img)\s{1,20}[^<>]{0,200}(?:href|src)", re.I)
_IDS = ("message-id", "x-microsoft-original-message-id", "x-google-original-message-id")
"""Of a mail whose provider replaced its Message-ID (Outlook, Gmail) the sender's own one as well."""
_STUB = re.compile(r"\b(?:html|browser|web version|webversion)\b", re.I)
_REPORT_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{2,60}):[ \t]*(.{0,1000})$", re.M)
_RETURNED_ID = re.compile(r"^[> |]{0,6}Message-ID:[ \t]{0,20}(?:\r?\n[ \t]{1,20})?(<[^<>\s]{1,300}>)", re.M | re.I)
_RETURNED_ADDRESS = re.compile(
    r"^[> |]{0,6}(?:From|Reply-To|Return-Path|To|Cc|X-Original-To):[ \t]{0,20}(.{1,400})$", re.M | re.I
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a multipart/report says in its machine-readable part."""

    type: str  # delivery-status, disposition-notification, feedback-report
    action: str = ""  # RFC 3464 2.3.3: failed, delayed, delivered, relayed, expanded
    status: str = ""  # RFC 3463: 5.1.1
    diagnostic: str = ""  # at most 300 characters
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One mail. Addresses are lower-case; ids have the form `<x@y>`; times are aware and UTC."""

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    sender: str = ""
    sender_name: str = ""
    reply_to: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()  # To, Cc, Delivered-To, X-Original-To, Envelope-To
    return_path: str | None = None  # "" for the null sender <>
    date: datetime | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""
    truncated: bool = False
    report: Report | None = None
    returned_ids: tuple[str, ...] = ()  # Message-IDs of the mail that a bounce encloses
    returned_recipients: tuple[str, ...] = ()  # every address that the enclosed mail or the report names
    links: int = 0  # how many the HTML has, pictures among them
    calendar: bool = False  # a part for calendars comes with it (RFC 5545)

    def header(self, name: str) -> str:
        """The first value of a header, or ""; `name` in lower case."""
        values = self.headers.get(name)
        return values[0] if values else ""


def read(raw: bytes) -> Message:
    """The message in `raw`. Never raises: what cannot be read is left empty."""
    try:
        return _read(raw)
    except Exception:  # any bytes at all may come; a mail that cannot be read must still be kept and shown
        log.exception("message could not be read: bytes=%d", len(raw))
        return Message(truncated=True)


def _read(raw: bytes) -> Message:
    entities = list(parts(raw))
    top = entities[0]
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in top.fields:
        values = headers.get(name, ())
        if len(values) < MAX_VALUES:
            headers[name] = (*values, text_of(value))
    first = {name: values[0] for name, values in headers.items()}
    sender = addresses(first.get("from", "")) or addresses(first.get("sender", ""))
    text = visible(entities)
    report = _report(entities)
    returned = _returned(entities, text)
    return_path = first.get("return-path")
    return Message(
        message_id=next(iter(ids(first.get("message-id", ""))), None),
        in_reply_to=ids(" ".join(headers.get("in-reply-to", ()))),
        references=ids(" ".join(headers.get("references", ()))),
        subject=first.get("subject", "")[:1000],
        sender=sender[0] if sender else "",
        sender_name=display_name(first.get("from", ""))[:200],
        reply_to=addresses(first.get("reply-to", "")),
        recipients=_recipients(headers),
        return_path=None if return_path is None else next(iter(addresses(return_path)), ""),
        date=moment(first.get("date", "")),
        headers=MappingProxyType(headers),
        text=text[:MAX_TEXT],
        truncated=len(raw) > MAX_RAW or len(text) > MAX_TEXT,
        report=report,
        returned_ids=returned[0],
        returned_recipients=tuple(dict.fromkeys((*(report.recipients if report else ()), *returned[1]))),
        links=sum(len(_LINK.findall(part.data())) for part in entities if part.type == "text/html"),
        calendar=any(part.type == "text/calendar" for part in entities if not part.in_enclosed),
    )


def _recipients(headers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    names = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
    return tuple(
        dict.fromkeys(found for name in names for value in headers.get(name, ()) for found in addresses(value))
    )


def visible(entities: list[Part]) -> str:
    """The text that a person reads: the plain one where it is a text of its own, else what the HTML shows."""
    for enclosed in (False, True):  # an enclosed mail is read only if nothing stands beside it
        found = [text for text in _texts(entities, enclosed=enclosed) if text.strip()]
        if found:
            return "\n\n".join(found)
    return ""


def _texts(entities: list[Part], *, enclosed: bool) -> list[str]:
    texts: list[str] = []
    plain: int | None = None  # where in `texts` the plain form of the HTML part to come stands
    for part in entities:
        if part.in_enclosed is not enclosed or part.attached or sum(map(len, texts)) > MAX_TEXT:
            continue
        kind = part.type
        if kind in _PLAIN:
            plain = len(texts) if part.parent == "multipart/alternative" else None
            text = part.text()[: MAX_TEXT + 1]
            texts.append(visible_text(text) if _SOURCE.match(text) else text)
        elif kind == "text/html":
            text = visible_text(part.text())
            if plain is None:
                texts.append(text)
            elif text.strip() and _is_stub(texts[plain]):
                texts[plain] = text
    return texts


def _is_stub(plain: str) -> bool:
    """Whether the plain text only says that there is HTML."""
    words = plain.split()
    return not words or (len(words) < 40 and bool(_STUB.search(plain)))


def _report(entities: list[Part]) -> Report | None:
    for part in entities:
        if part.in_enclosed or part.depth > 3:
            continue
        kind = part.type
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            return _delivery_status(part)
        if kind in ("message/disposition-notification", "message/feedback-report"):
            return Report(kind.removeprefix("message/"))
    top = entities[0]
    if top.type == "multipart/report":
        return Report(top.parameters.get("report-type", "delivery-status").lower())
    return None


def _delivery_status(part: Part) -> Report:
    """The fields of RFC 3464 2.3 of the worst recipient: failed before delayed before the rest."""
    text = part.text()[:MAX_TEXT].replace("\n ", " ").replace("\n\t", " ")
    fields: dict[str, list[str]] = {}
    for name, value in _REPORT_FIELD.findall(text):
        fields.setdefault(name.lower(), []).append(value.strip())
    actions = [value.split()[0].strip(";,").lower() for value in fields.get("action", ()) if value.split()]
    order = ("failed", "delayed", "expanded", "relayed", "delivered")
    action = next((name for name in order if name in actions), actions[0] if actions else "")
    recipients = [
        found
        for name in ("final-recipient", "original-recipient")
        for value in fields.get(name, ())
        for found in addresses(value)
    ]
    return Report(
        "delivery-status",
        action[:20],
        (fields.get("status", [""])[0].split() or [""])[0][:20],
        fields.get("diagnostic-code", [""])[0][:300],
        tuple(dict.fromkeys(recipients))[:50],
    )


def _returned(entities: list[Part], text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids and addresses of enclosed mail, whether it is a part of its own or pasted into the text as qmail does."""
    found_ids: dict[str, None] = {}
    found: dict[str, None] = {}
    for part in entities:
        if not part.in_enclosed:
            continue
        for name in _IDS:
            found_ids.update(dict.fromkeys(ids(part.field(name))))
        for name in ("from", "reply-to", "return-path", "to", "cc"):
            found.update(dict.fromkeys(addresses(part.field(name))))
    found_ids.update(dict.fromkeys(_RETURNED_ID.findall(text[:MAX_TEXT])))
    for value in _RETURNED_ADDRESS.findall(text[:MAX_TEXT]) if found_ids else ():
        found.update(dict.fromkeys(addresses(value)))
    found.update(
        dict.fromkeys(a for v in entities[0].fields if v[0] == "x-failed-recipients" for a in addresses(text_of(v[1])))
    )
    return tuple(found_ids)[:50], tuple(found)[:100]
