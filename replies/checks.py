"""Every check that runs on an inbound message of a conversation, in the order in which they are shown."""

from collections.abc import Iterator, Mapping, Sequence

from replies.agents import signed
from replies.authentication import authentication_finding
from replies.canned import canned
from replies.finding import Finding
from replies.headers import display_name
from replies.kind import Classified, Kind
from replies.language import language, language_of
from replies.message import Message
from replies.notices import handoff, notices
from replies.off_topic import off_topic
from replies.promise import promise
from replies.repeated import already_told
from replies.tone import tone

_SPOKEN = frozenset({Kind.HUMAN, Kind.ACKNOWLEDGEMENT})

MOST_OURS = 10
"""Texts of the customer that are looked at."""


def findings(
    message: Message,
    new_text: str,
    kind: Classified,
    *,
    folder: str | None = None,
    facts: Mapping[str, str] | None = None,
    authserv_id: str | None = None,
    customer_name: str | None = None,
    upset: bool = False,
    ours: Sequence[str] = (),
    other_questions: Sequence[str] = (),
    other_replies: Sequence[str] = (),
) -> list[Finding]:
    """What can be said about this message. A check that has nothing to say says nothing.

    `folder`: where IMAP found it, None for a file that was in none. `facts`: what the customer has told already, by name.
    `authserv_id`: whose Authentication-Results are trusted (RFC 8601), None for nobody's. `customer_name`: who should be
    greeted; None for the name in To, if there is one. `upset`: whether the customer complained, so that an apology is
    due. `ours`: what the customer wrote, which tells the language and the subject that are expected. `other_questions` and
    `other_replies`: of other conversations with this desk, about something else.
    """
    found = list(_findings(message, new_text, kind, folder, facts or {}, authserv_id))
    if kind.kind is Kind.HUMAN:
        found += _manners(message, new_text, customer_name, upset, ours)
        if ours:
            found.append(off_topic(new_text, "\n".join(ours[:MOST_OURS]), other_questions))
        if other_replies:
            found.append(canned(new_text, other_replies))
    return found


def _findings(
    message: Message,
    new_text: str,
    kind: Classified,
    folder: str | None,
    facts: Mapping[str, str],
    authserv_id: str | None,
) -> Iterator[Finding]:
    if folder is not None:
        yield _spam_folder(folder)
    if authserv_id is not None:
        yield authentication_finding(message, authserv_id)
    if kind.kind in _SPOKEN and (found := promise(new_text)):
        yield Finding(
            "promise", "ok", f"promise.{found.unit}", found.evidence, {"seconds": found.seconds, "unit": found.unit}
        )
    if kind.kind in {Kind.HUMAN, Kind.OTHER}:
        yield from notices(message, new_text)
    if kind.kind is Kind.HUMAN:
        if passed_on := handoff(new_text):
            yield passed_on
        if facts:
            yield already_told(new_text, facts)


def _manners(
    message: Message, new_text: str, customer_name: str | None, upset: bool, ours: Sequence[str]
) -> Iterator[Finding]:
    """How a person writes to the customer."""
    yield signed(message, new_text)
    yield from tone(new_text, customer_name or display_name(message.header("to")) or None, upset)
    if spoken := language_of("\n".join(ours[:MOST_OURS])):
        yield language(new_text, spoken)


def _spam_folder(folder: str) -> Finding:
    """The folder that IMAP found it in, never inferred."""
    if folder == "INBOX":
        return Finding("spam_folder", "ok", "folder", folder)
    return Finding("spam_folder", "problem", "folder", f"it was delivered to the folder {folder}")
