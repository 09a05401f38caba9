"""How far our clock and a mail server's are apart, as far as arriving mail tells."""

from collections import deque
from datetime import datetime

RECENT = 100


class Skew:
    """An upper bound of (our clock − the server's), from mails whose arrival was pushed to us.

    For each, detected_at − internal_date = skew + the delay of the push + the fraction of a second that INTERNALDATE
    drops; neither of the latter is negative, so the smallest difference is the closest bound. It is above the truth by
    the least delay and fraction seen: with a server that holds notices back for 500 ms, by half a second or more.
    Only the last RECENT mails count, so that it follows a clock that was set. Mail found by catching up tells nothing.
    """

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=RECENT)

    def pushed(self, detected_at: datetime, internal_date: datetime) -> None:
        """Take a mail into account that came by push."""
        self._differences.append((detected_at - internal_date).total_seconds())

    @property
    def seconds(self) -> float | None:
        """The bound, or None before the first pushed mail."""
        return min(self._differences, default=None)
