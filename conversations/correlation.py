"""Which conversation a mail belongs to. A wrong match is worse than none: whatever is ambiguous stays unmatched, and is shown.

The rules, in order; the first one that leaves exactly one conversation decides:
    own-message-id     our own message came back under its own Message-ID
    in-reply-to        In-Reply-To names a message of the conversation (RFC 5322 §3.6.4)
    references         References does, or a bounce encloses one
    plus-address       a recipient carries the conversation's token
    ticket             the subject carries a ticket number learnt in the conversation, from a domain that belongs to it
    token-in-subject   the subject carries the conversation's reference; a ticket and a reference that disagree decide nothing
    token-in-body      the text does
    form-marker        nothing answered yet, the sender is the desk's, and our subject or our first words stand in the mail
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.engine import Connection

from conversations.definition import Definition
from conversations.journal import lifecycle, messages
from conversations.reference import references_in
from probes.form.channel import FormChannel
from probes.mail.addresses import ascii_domain
from replies.message import Message
from replies.tickets import tags

MOST_IDS = 50
MOST_TOKENS = 20
MOST_OPEN = 200
MARKER_LENGTH = 20
"""A marker shorter than this proves nothing."""

_NOTICE = "mysterybot-notice-"


@dataclass(frozen=True, slots=True)
class Match:
    """A conversation, and the rule that found it."""

    conversation: str
    rule: str


def notice_id(token: str, sender: str) -> str:
    """The Message-ID of a notice that we mail to our own people."""
    return f"<{_NOTICE}{token}@{ascii_domain(sender.rpartition('@')[2])}>"


def correlate(connection: Connection, mailbox: str, mails: Sequence[Message]) -> list[Match | None]:
    """Find the conversation of each inbound mail; None where no rule leaves exactly one.

    None, too, for what came of a notice to our own people: an answer of theirs, a bounce. It may quote anything.

    Two questions to the journal for all of them, and the second one only about those that the first does not settle.
    """
    threads = [_Thread.of(mail) for mail in mails]
    known = messages.candidates(connection, mailbox, _together(thread.clues for thread in threads))
    matches = [None if thread.of_notice else _decided(thread.rules(known)) for thread in threads]
    left = [place for place, match in enumerate(matches) if match is None and not threads[place].of_notice]
    if left:
        marks = [_Marks.of(mails[place]) for place in left]
        known = messages.candidates(connection, mailbox, _together(each.clues for each in marks))
        forms = _Forms(connection, mailbox)
        for place, each in zip(left, marks, strict=True):
            matches[place] = _decided(each.rules(connection, known, forms))
    return matches


def _decided(rules: Iterable[tuple[str, Iterable[str]]]) -> Match | None:
    for rule, found in rules:
        conversations = set(found)
        if len(conversations) == 1:
            return Match(conversations.pop(), rule)
    return None


Known = Mapping[str, Sequence[messages.Candidate]]
"""What the journal knows of a value that stands in a mail."""

Clues = Mapping[str, Sequence[str]]
"""kind → values."""


def _together(many: Iterable[Clues]) -> Clues:
    merged: dict[str, list[str]] = {}
    for clues in many:
        for kind, values in clues.items():
            merged.setdefault(kind, []).extend(values)
    return merged


@dataclass(frozen=True, slots=True)
class _Thread:
    """The ids in a mail."""

    own: list[str]
    replied: list[str]
    referenced: list[str]

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            own=[message.message_id] if message.message_id else [],
            replied=_bounded(message.in_reply_to, MOST_IDS),
            referenced=_bounded((*reversed(message.references), *message.returned_ids), MOST_IDS),
        )

    @property
    def clues(self) -> Clues:
        answered = [*self.replied, *self.referenced]
        return {"message_id": [*self.own, *answered], "their_message_id": answered}

    @property
    def of_notice(self) -> bool:
        return any(each.startswith(f"<{_NOTICE}") for each in (*self.own, *self.replied, *self.referenced))

    def rules(self, known: Known) -> Iterator[tuple[str, Iterable[str]]]:
        yield "own-message-id", _pointed_at(known, self.own, "message_id")
        yield "in-reply-to", _pointed_at(known, self.replied, "message_id", "their_message_id")
        yield "references", _pointed_at(known, self.referenced, "message_id", "their_message_id")


@dataclass(frozen=True, slots=True)
class _Marks:
    """What else in a mail may tell its conversation."""

    message: Message
    addressed: list[str]
    tagged: list[str]
    headed: list[str]
    written: list[str]

    @classmethod
    def of(cls, message: Message) -> Self:
        recipients = (*message.recipients, *message.returned_recipients)
        return cls(
            message=message,
            addressed=_bounded((t for each in recipients for t in references_in(each.partition("@")[0])), MOST_TOKENS),
            tagged=_bounded((tag.lower() for tag in tags(message)), MOST_TOKENS),
            headed=_bounded(references_in(message.subject), MOST_TOKENS),
            written=_bounded(references_in(message.text), MOST_TOKENS),
        )

    @property
    def clues(self) -> Clues:
        return {"token": [*self.addressed, *self.headed, *self.written], "ticket": self.tagged}

    def rules(self, connection: Connection, known: Known, forms: "_Forms") -> Iterator[tuple[str, Iterable[str]]]:
        yield "plus-address", _pointed_at(known, self.addressed, "token")
        tickets = {
            each
            for each in _pointed_at(known, self.tagged, "ticket")
            if _belongs(connection, each, self.message.sender)
        }
        headed = set(_pointed_at(known, self.headed, "token"))
        if not tickets or not headed or tickets & headed:  # a subject that contradicts itself decides nothing
            yield "ticket", tickets
            yield "token-in-subject", headed
        yield "token-in-body", _pointed_at(known, self.written, "token")
        yield "form-marker", forms.quoted_by(self.message)


def _bounded(values: Iterable[str], most: int) -> list[str]:
    return list(dict.fromkeys(values))[:most]


def _pointed_at(known: Known, values: Iterable[str], *kinds: str) -> list[str]:
    return [each.conversation for value in values for each in known.get(value, ()) if each.kind in kinds]


def _belongs(connection: Connection, conversation_id: str, sender: str) -> bool:
    """Does this sender's domain belong to the conversation: the desk's own, or one that answered in it before?"""
    definition = Definition.model_validate_json(lifecycle.definition_of(connection, conversation_id))
    domain = sender.rpartition("@")[2]
    return domain in desk_domains(definition) | messages.senders(connection, conversation_id)


def desk_domains(definition: Definition) -> set[str]:
    """Mail domains that the desk is known to answer from."""
    domains = {domain.lower() for domain in definition.desk.domains}
    for channel in definition.desk.channels.values():
        if not isinstance(channel, FormChannel):
            domains.add(channel.email.rpartition("@")[2].lower())
    return domains


class _Forms:
    """The open conversations that went through a form and have had no answer; looked up when the first mail needs them."""

    def __init__(self, connection: Connection, mailbox: str) -> None:
        self._connection, self._mailbox = connection, mailbox
        self._waiting: list[tuple[str, set[str], list[str]]] | None = (
            None  # conversation, domains of its desk, our texts
        )

    def quoted_by(self, message: Message) -> Iterator[str]:
        """Those of this sender's desk that the mail repeats a text of."""
        domain = message.sender.rpartition("@")[2]
        if self._waiting is None:
            self._waiting = list(self._look())
        mine = [(which, texts) for which, domains, texts in self._waiting if domain in domains]
        contains = _finder(message) if mine else None
        for conversation_id, texts in mine:
            if contains is not None and any(contains(each) for each in texts):
                yield conversation_id

    def _look(self) -> Iterator[tuple[str, set[str], list[str]]]:
        for conversation_id, text in messages.open_in(self._connection, self._mailbox, MOST_OPEN):
            definition = Definition.model_validate_json(text)
            if isinstance(definition.channel, FormChannel):
                ours = messages.our_texts(self._connection, conversation_id)
                yield conversation_id, desk_domains(definition), ours


def _finder(message: Message) -> Callable[[str], bool]:
    haystack = _flat(f"{message.subject} {message.text}")

    def contains(ours: str) -> bool:
        marker = _flat(ours)[: 4 * MARKER_LENGTH]
        return len(marker) >= MARKER_LENGTH and marker in haystack

    return contains


def _flat(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().lower()
