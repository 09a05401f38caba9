"""Which sends are past their point of no return: a process that stops lets these end, and no other goes that far."""

import asyncio


class Sending:
    """The sends of one process, by conversation, which has at most one at a time."""

    def __init__(self) -> None:
        self._past: set[str] = set()
        self._closed = False

    def close(self) -> None:
        """From now on no send goes past its point of no return."""
        self._closed = True

    def begin(self, conversation_id: str) -> None:
        """Told at the point of no return, before that is written; raises CancelledError when the process stops."""
        if self._closed:
            raise asyncio.CancelledError("stopping: nothing is sent any more")
        self._past.add(conversation_id)

    def end(self, conversation_id: str) -> None:
        """Told when the outcome is written, also of a send that never went so far."""
        self._past.discard(conversation_id)

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._past
