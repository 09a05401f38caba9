"""What people are told of: something has gone wrong, or is over again."""

import enum
import hashlib
from dataclasses import dataclass, field


class What(enum.StrEnum):
    """What has gone wrong."""

    FAILED = "failed"  # conversations of a visit: theirs
    FAULTED = "faulted"  # conversations of a visit: ours
    OVERDUE = "overdue"  # a promise has run out, and the customer still waits
    MAILBOX = "mailbox"  # one of ours is down
    TEST = "test"  # nothing: somebody tries a place


@dataclass(frozen=True, slots=True)
class About:
    """Whom and what a notice is about; names of the config, and one bounded line of reason. What does not apply is empty."""

    desk: str = ""
    channel: str = ""
    visit: str = ""
    mailbox: str = ""
    promise: str = ""
    reason: str = ""
    in_a_row: int = 0  # conversations, up to this one; of one that is over, up to the one before


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told. `over`: it was so, and is no longer.

    `incident` is what begins with one notice and is over with another. `since`: the moment that it is about, when that is
    not `at`. Times are epoch seconds.
    """

    what: What
    over: bool
    incident: str
    at: float
    about: About
    conversation: str | None = None
    since: float | None = None
    id: int = field(default=0, compare=False)  # 0: not in the journal yet

    @property
    def token(self) -> str:
        """The same for the same fact, however often it is seen or told; 32 letters and digits."""
        fact = f"{self.incident} {self.over} {self.conversation} {self.since!r}"
        return hashlib.sha256(fact.encode()).hexdigest()[:32]
