"""Who advances which conversation when. One small protocol, an implementation a file.

Jobs are hints, rows are the truth: a lost nudge costs a moment, never a conversation, because the sweep finds every row
that is due.
"""

from typing import Protocol


class Dispatch(Protocol):
    """Drives conversations."""

    def nudge(self, conversation_id: str) -> None:
        """Something happened to this conversation: look at it soon. Never blocks, may be lost."""
        ...

    async def run(self) -> None:
        """Drive conversations until cancelled."""
        ...

    async def sweep(self) -> int:
        """Look at everything that is due; how many conversations were set in motion."""
        ...
