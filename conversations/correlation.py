"""Which conversation a mail belongs to. A wrong match is worse than none: whatever is ambiguous stays unmatched, and is shown.

The rules, in order; the first one that leaves exactly one conversation decides:
    own-message-id     our own message came back under its own Message-ID
    in-reply-to        In-Reply-To names a message of the conversation (RFC 5322 §3.6.4)
    references         References does, or a bounce encloses one
    plus-address       a recipient carries the conversation's token
    ticket             the subject carries a ticket number learnt in the conversation, from a domain that belongs to it
    token-in-subject   the subject carries the conversation's reference
    token-in-body      the text does
    form-marker        nothing answered yet, the sender is the desk's, and our subject or our first words stand in the mail
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from conversations.definition import Definition
from conversations.journal import lifecycle, messages
from conversations.reference import references_in
from probes.form.channel import FormChannel
from replies.message import Message
from replies.tickets import tags

MOST_IDS = 50
MOST_TOKENS = 20
MOST_OPEN = 200
MARKER_LENGTH = 20
"""A marker shorter than this proves nothing."""


@dataclass(frozen=True, slots=True)
class Match:
    """A conversation, and the rule that found it."""

    conversation: str
    rule: str


def correlate(connection: Connection, mailbox: str, message: Message) -> Match | None:
    """Find the conversation of an inbound mail; None when no rule leaves exactly one."""
    for rule, found in _rules(connection, mailbox, message):
        conversations = set(found)
        if len(conversations) == 1:
            return Match(conversations.pop(), rule)
    return None


def _rules(connection: Connection, mailbox: str, message: Message) -> Iterator[tuple[str, Iterable[str]]]:
    # Two questions to the journal, not one a rule: most mail is settled by the first.
    own = _bounded([message.message_id] if message.message_id else [], 1)
    replied = _bounded(message.in_reply_to, MOST_IDS)
    referenced = _bounded((*reversed(message.references), *message.returned_ids), MOST_IDS)
    answered = [*replied, *referenced]
    clues = {"message_id": [*own, *answered], "their_message_id": answered}
    by_id = messages.candidates(connection, mailbox, clues)
    yield "own-message-id", _pointed_at(by_id, own, {"message_id"})
    yield "in-reply-to", _pointed_at(by_id, replied)
    yield "references", _pointed_at(by_id, referenced)

    recipients = (*message.recipients, *message.returned_recipients)
    addressed = _bounded((t for each in recipients for t in references_in(each.partition("@")[0])), MOST_TOKENS)
    tagged = _bounded((tag.lower() for tag in tags(message)), MOST_TOKENS)
    headed = _bounded(references_in(message.subject), MOST_TOKENS)
    written = _bounded(references_in(message.text), MOST_TOKENS)
    clues = {"token": [*addressed, *headed, *written], "ticket": tagged}
    by_mark = messages.candidates(connection, mailbox, clues)
    yield "plus-address", _pointed_at(by_mark, addressed, {"token"})
    tickets = _pointed_at(by_mark, tagged, {"ticket"})
    yield "ticket", [each for each in tickets if _belongs(connection, each, message.sender)]
    yield "token-in-subject", _pointed_at(by_mark, headed, {"token"})
    yield "token-in-body", _pointed_at(by_mark, written, {"token"})
    yield "form-marker", _by_marker(connection, mailbox, message)


def _bounded(values: Iterable[str], most: int) -> list[str]:
    return list(dict.fromkeys(values))[:most]


def _pointed_at(
    found: Iterable[messages.Candidate],
    values: Iterable[str],
    kinds: Container[str] = ("message_id", "their_message_id"),
) -> list[str]:
    wanted = frozenset(values)
    return [each.conversation for each in found if each.value in wanted and each.kind in kinds]


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


def _by_marker(connection: Connection, mailbox: str, message: Message) -> Iterator[str]:
    domain = message.sender.rpartition("@")[2]
    contains = _finder(message)
    for conversation_id, text in messages.open_in(connection, mailbox, MOST_OPEN):
        definition = Definition.model_validate_json(text)
        if not isinstance(definition.channel, FormChannel) or domain not in desk_domains(definition):
            continue
        if any(contains(each) for each in messages.our_texts(connection, conversation_id)):
            yield conversation_id


def _finder(message: Message) -> Callable[[str], bool]:
    haystack = _flat(f"{message.subject} {message.text}")

    def contains(ours: str) -> bool:
        marker = _flat(ours)[: 4 * MARKER_LENGTH]
        return len(marker) >= MARKER_LENGTH and marker in haystack

    return contains


def _flat(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().lower()
