"""What a batch of inbound mail is: new or known, whose, or a control mail of ours. Reads the journal and writes nothing."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from conversations.control import MARKER, SUBJECT
from conversations.correlation import Match, correlate
from conversations.definition import Definition
from conversations.journal import control, lifecycle, lookback, messages
from conversations.reading import Around
from probes.mail.arrivals import Arrival
from replies.message import Message, read

MOST_RAW = 500
"""Mails of one conversation that are kept raw as evidence; what comes beyond is a flood."""

MOST_IDS = 50
BOUNCES_COME_WITHIN = 7 * 86_400.0
"""Seconds after which a mail is no longer taken for an answer to a control mail: queues give up after five days."""

_MARKED = re.compile(rb"^%b:[ \t]{0,20}(<[!-;=?-~]{1,300}>)" % MARKER.encode(), re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A mail that was parsed; `fingerprint` is that of all its copies."""

    arrival: Arrival
    message: Message
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Recognised(Parsed):
    """A mail that is not known yet. It belongs to a conversation, to a control mail, or to nobody."""

    match: Match | None = None
    around: Around | None = None  # None without a match
    received: int = 0  # mails that its conversation has had before
    control: Sequence[str] = ()  # it *is* a control mail: the ids that it may have
    answers_control: Sequence[str] = ()  # it answers these control mails of ours, as bounces do

    @property
    def floods(self) -> bool:
        """Whether so many mails have come in this conversation that a robot would fill the disk with them."""
        return self.received >= MOST_RAW


def parsed(arrivals: Sequence[Arrival]) -> list[Parsed]:
    """Parse these mails; nothing in them makes that fail."""
    mails = [(arrival, read(arrival.raw)) for arrival in arrivals]
    return [Parsed(arrival, message, fingerprint(message, arrival.raw)) for arrival, message in mails]


def recognise(connection: Connection, mailbox: str, mails: Sequence[Parsed]) -> list[Recognised]:
    """Find out whose these are, in their order; those that are known are left out."""
    known = messages.known(connection, mailbox, [mail.fingerprint for mail in mails])
    fresh = [mail for mail in mails if mail.fingerprint not in known]
    matches = correlate(connection, mailbox, [mail.message for mail in fresh])
    pairs = list(zip(fresh, matches, strict=True))
    answered = _answered_control(connection, mailbox, [mail for mail, match in pairs if match is None])
    contexts: dict[str, tuple[Around, int]] = {}
    found = []
    for mail, match in pairs:
        three = (mail.arrival, mail.message, mail.fingerprint)
        if ids := _control_ids(connection, mailbox, mail.message):
            found.append(Recognised(*three, control=ids))
        elif match is None:
            ids = [each for each in _answered_ids(mail) if each in answered] if answered else ()
            found.append(Recognised(*three, answers_control=ids))
        else:
            which = match.conversation
            contexts[which] = contexts.get(which) or _context(connection, which)
            found.append(Recognised(*three, match, *contexts[which]))
    return found


def _context(connection: Connection, conversation_id: str) -> tuple[Around, int]:
    around = Around(
        messages.our_texts(connection, conversation_id),
        lookback.earlier(connection, conversation_id),
        Definition.model_validate_json(lifecycle.definition_of(connection, conversation_id)),
    )
    return around, messages.count_received(connection, conversation_id)


def _control_ids(connection: Connection, mailbox: str, message: Message) -> Sequence[str]:
    """The ids under which this is a control mail to this mailbox."""
    if MARKER.lower() not in message.headers and message.subject != SUBJECT:
        return ()
    ids = [each for each in (message.message_id, message.header(MARKER.lower()).strip()) if each]
    return ids if control.arriving(connection, mailbox, ids) else ()


def _answered_control(connection: Connection, mailbox: str, mails: Sequence[Parsed]) -> set[str]:
    """The control mails of this mailbox that one of these answers, or encloses."""
    ids = {each for mail in mails for each in _answered_ids(mail)}
    if not ids:
        return set()
    since = min(mail.arrival.detected_at.timestamp() for mail in mails) - BOUNCES_COME_WITHIN
    return control.answered(connection, mailbox, ids, since)


def _answered_ids(mail: Parsed) -> Sequence[str]:
    enclosed = [found[1].decode("ascii") for found in _MARKED.finditer(mail.arrival.raw)]
    message = mail.message
    return [*message.in_reply_to, *message.references, *message.returned_ids, *enclosed][:MOST_IDS]


def fingerprint(message: Message, raw: bytes) -> str:
    """The same for copies of one mail (two folders, two deliveries, a renumbered mailbox), different for different mails.

    Headers that delivery adds are left out; a desk that gives two mails the same Message-ID is seen through.
    """
    head, blank, body = raw.partition(b"\r\n\r\n")
    parts = (
        message.message_id or "",
        message.header("date"),
        message.subject,
        message.sender,
        hashlib.sha256(body if blank else head).hexdigest(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
