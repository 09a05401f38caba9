"""What arrives in a mailbox, and where it is kept: the words between the watcher and the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Position:
    """How far a folder has been read: all below `next_uid` is kept. Under another `uidvalidity` it means nothing."""

    uidvalidity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as it was found."""

    folder: str
    uidvalidity: int
    uid: int
    raw: bytes
    """At most its first MAX_MAIL_BYTES (1 MiB): the rest is not fetched."""
    size: int
    """What the server says that all of it has (RFC822.SIZE), bytes."""
    internal_date: datetime
    """When it was delivered, by the server's clock, cut to the second; UTC."""
    detected_at: datetime
    """When we first knew of it, by our clock."""


class Ledger(Protocol):
    """The durable side."""

    async def position(self, folder: str) -> Position | None:
        """How far `folder` has been read; None when it never was."""

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        """Store all `arrivals` and the position in one transaction; a mail that is already known is dropped.

        The position has moved when this has returned, not before. If it raises, the same mails come again later.
        """


@dataclass(frozen=True, slots=True)
class InboxState:
    """How a mailbox is doing."""

    up: bool
    """INBOX is open and under watch."""
    since: datetime
    """When `up` last changed."""
    read_until: datetime | None = None
    """While it is not up: until when it is known what arrived; None when it has not been up yet."""
    error: str | None = None
    """Why INBOX is not open; while it is, why Junk is not, should that fail."""
    junk: str | None = None
    """The spam folder under watch."""
    last_push: datetime | None = None
    clock_skew_seconds: float | None = None
    """How far our clock is ahead of the server's, at most: see `Skew`."""
