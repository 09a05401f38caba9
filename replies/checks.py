"""Every check that runs on an inbound message of a conversation, in the order in which they are shown."""

from collections.abc import Iterator, Mapping

from replies.authentication import authentication_finding
from replies.finding import Finding
from replies.kind import Classified, Kind
from replies.message import Message
from replies.notices import handoff, notices
from replies.promise import promise
from replies.repeated import already_told

_SPOKEN = frozenset({Kind.HUMAN, Kind.ACKNOWLEDGEMENT})


def findings(
    message: Message,
    new_text: str,
    kind: Classified,
    *,
    folder: str | None = None,
    facts: Mapping[str, str] | None = None,
    authserv_id: str | None = None,
) -> list[Finding]:
    """What can be said about this message. A check that has nothing to say says nothing.

    `folder`: where IMAP found it, None for a file that was in none. `facts`: what the customer has told already, by name.
    `authserv_id`: whose Authentication-Results are trusted (RFC 8601), None for nobody's.
    """
    return list(_findings(message, new_text, kind, folder, facts or {}, authserv_id))


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


def _spam_folder(folder: str) -> Finding:
    """The folder that IMAP found it in, never inferred."""
    if folder == "INBOX":
        return Finding("spam_folder", "ok", "folder", folder)
    return Finding("spam_folder", "problem", "folder", f"it was delivered to the folder {folder}")
