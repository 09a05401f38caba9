"""What went before in a conversation, as checks look back on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from replies.departments import Department
from replies.kind import Kind

MOST_TURNS = 100
"""Earlier messages that are looked at: the latest."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message. `kind` is `sent` for one of ours; `answers`: ours was written into a thread, not anew."""

    kind: Kind
    text: str  # what was new in it
    message_id: str | None = None
    answers: bool = False
    tickets: tuple[str, ...] = ()  # the desk's numbers that stood in it
    agent: str | None = None  # the person who wrote it
    department: Department = field(default_factory=Department)  # for whom they wrote

    @property
    def ours(self) -> bool:
        """Whether the customer wrote it."""
        return self.kind is Kind.SENT


def people(turns: Iterable[Turn]) -> Sequence[Turn]:
    """What people of the desk wrote."""
    return [turn for turn in turns if turn.kind is Kind.HUMAN]
