"""What the journal knows around a mail that came in, put before the checks."""

from collections.abc import Sequence
from dataclasses import dataclass

from conversations.definition import Definition
from conversations.journal.lookback import Exchange
from replies.canned import same_question
from replies.kind import Classified, Kind
from replies.message import Message
from replies.reading import Reading
from replies.turns import Turn


@dataclass(frozen=True, slots=True)
class Around:
    """The conversation of a mail: what we wrote in it, what went before, and how it was defined."""

    ours: Sequence[str]
    earlier: Sequence[Turn]
    definition: Definition


def reading(
    message: Message,
    text: str,
    kind: Classified,
    around: Around,
    *,
    folder: str,
    authserv_id: str | None,
    elsewhere: Sequence[Exchange],
) -> Reading:
    """With what this customer has told, how they feel, and what the desk wrote to different questions."""
    definition, ours = around.definition, around.ours
    different = [each for each in elsewhere if not any(same_question(each.question, asked) for asked in ours[:1])]
    return Reading(
        message,
        text,
        kind,
        folder=folder,
        authserv_id=authserv_id if kind.kind is Kind.HUMAN else None,
        facts={name: value for name, value in definition.facts().items() if any(value in each for each in ours)},
        customer_name=definition.persona.name,
        upset=definition.persona.upset,
        ours=ours,
        other_questions=[each.question for each in different],
        other_replies=[reply for each in different for reply in each.replies],
        earlier=around.earlier,
    )
