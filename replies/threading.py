"""The live proof that one can answer: what became of the customer's own answer.

After an answer the desk's next mail should carry the number that the matter had before, or at least refer to the thread
(RFC 5322 3.6.4). A number that was never seen means that the answer opened a second ticket; a bounce, that it never arrived.
"""

import re
from collections.abc import Sequence

from replies.finding import Finding, quoted
from replies.kind import Classified, Kind
from replies.message import Message
from replies.tickets import tags, tickets
from replies.turns import Turn


def threading(message: Message, kind: Classified, earlier: Sequence[Turn]) -> Finding | None:
    """What `message` tells of the last answer that the customer wrote into the thread; None before there is one.

    `problem` where it bounced or another ticket was opened, with both numbers; `ok` where the number is the same, or the
    thread is named; `unknown` where the mail tells nothing.
    """
    at = next((at for at in reversed(range(len(earlier))) if earlier[at].ours and earlier[at].answers), None)
    if at is None:
        return None
    if kind.kind is Kind.BOUNCE:
        return _bounced(message, kind, earlier[at])
    # What is known when the answer was written: of a ticket that it opened, only the first mail is news.
    before = [number for turn in earlier[:at] for number in turn.tickets]
    now = numbers(message, kind.kind)
    other = [number for number in now if _key(number) not in set(map(_key, before))]
    if before and other:
        told = f"the ticket was {before[0]}, after the answer it is {other[0]}: {message.subject}"
        return Finding("threading", "problem", "threading.other_ticket", quoted(told), other[0])
    if before and now:
        return Finding("threading", "ok", "threading.same_ticket", quoted(message.subject), now[0])
    thread = {turn.message_id for turn in earlier if turn.message_id}
    named = next((each for each in (*message.in_reply_to, *message.references) if each in thread), None)
    if named is not None:
        return Finding("threading", "ok", "threading.references", quoted(named))
    return Finding("threading", "unknown", "threading.nothing_told", quoted(message.subject))


def numbers(message: Message, kind: Kind) -> tuple[str, ...]:
    """The desk's numbers in a mail. A person's text is not searched: it is full of other numbers."""
    return tickets(message) if kind is Kind.ACKNOWLEDGEMENT else tags(message)


def _bounced(message: Message, kind: Classified, answer: Turn) -> Finding | None:
    """Only a final report, about that answer as far as it says."""
    returned = message.returned_ids or message.in_reply_to
    if kind.permanent is False or (returned and answer.message_id and answer.message_id not in returned):
        return None
    return Finding("threading", "problem", "threading.bounced", quoted(kind.evidence))


def _key(number: str) -> str:
    """The same for `#20418` and `Ticket 20418`."""
    return re.sub(r"\D", "", number) or number.lower()
