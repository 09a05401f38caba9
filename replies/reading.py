"""A message as every check is given it, with what is known around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from replies.kind import Classified
from replies.message import Message
from replies.turns import MOST_TURNS, Turn

MOST_OURS = 10
"""Texts of the customer that are looked at."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a check may look at. Whatever is not known is left out, and checks that need it say nothing or `unknown`."""

    message: Message
    new_text: str
    kind: Classified
    folder: str | None = None  # where IMAP found it, None for a file that was in none
    authserv_id: str | None = None  # whose Authentication-Results are trusted (RFC 8601), None for nobody's
    facts: Mapping[str, str] = field(default_factory=dict)  # what the customer has told already, by name
    customer_name: str | None = None  # who should be greeted; None for the name in To, if there is one
    upset: bool = False  # whether the customer complained, so that an apology is due
    ours: Sequence[str] = ()  # what the customer wrote: the language and the subject that are expected
    other_questions: Sequence[str] = ()  # of other conversations with this desk, about something else
    other_replies: Sequence[str] = ()  # what people of this desk answered to those
    earlier: Sequence[Turn] = ()  # the messages of this conversation before it, in order

    @property
    def asked(self) -> str:
        """What the customer wrote, in one text."""
        return "\n".join(self.ours[:MOST_OURS])

    @property
    def before(self) -> Sequence[Turn]:
        """What went before, as far as it is looked at."""
        return self.earlier[-MOST_TURNS:]
