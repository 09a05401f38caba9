"""Every check that runs on an inbound message of a conversation, in the order in which they are shown."""

from replies.finding import Finding
from replies.kind import Classified
from replies.message import Message


def findings(message: Message, new_text: str, kind: Classified, *, folder: str | None) -> list[Finding]:
    """What can be said about this message. A check that has nothing to say says nothing.

    `folder`: where IMAP found it; None for a file that was in none.
    """
    return [] if folder is None else [_spam_folder(folder)]


def _spam_folder(folder: str) -> Finding:
    """The folder that IMAP found it in, never inferred."""
    if folder == "INBOX":
        return Finding("spam_folder", "ok", "folder", folder)
    return Finding("spam_folder", "problem", "folder", f"it was delivered to the folder {folder}")
