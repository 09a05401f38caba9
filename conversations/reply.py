"""What came back, as a scenario sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from conversations.records import StoredFinding, StoredMessage
from conversations.times import moment
from replies.kind import Kind


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: one message, or several that a person wrote in a row.

    `text` is the new text, quotes and signature cut; `quoted` what stands around it, at most 4,000 characters a message;
    `findings` what was found in it, by check: of several messages the first that has a problem, else the first;
    `tickets` the desk's ticket numbers in it.
    """

    text: str
    subject: str
    sender: str
    kind: Kind
    at: datetime
    quoted: str = ""
    findings: Mapping[str, StoredFinding] = field(default_factory=dict)
    tickets: tuple[str, ...] = ()

    @classmethod
    def of(cls, taken: Sequence[StoredMessage], findings: Sequence[StoredFinding]) -> Self | None:
        """These messages as one reply; None when there are none. `findings`: of the whole conversation."""
        if not taken:
            return None
        last, ids = taken[-1], {message.id for message in taken}
        text = "\n\n".join(message.text for message in taken)
        quoted = "\n\n".join(filter(None, (str(message.envelope.get("quoted", "")) for message in taken)))
        found: dict[str, StoredFinding] = {}
        for each in sorted(
            (each for each in findings if each.message in ids), key=lambda each: each.result != "problem"
        ):
            found.setdefault(each.check, each)
        numbers = tickets(taken)
        return cls(text, last.subject, last.sender, last.kind, moment(last.at), quoted, found, numbers)


def tickets(messages: Iterable[StoredMessage]) -> tuple[str, ...]:
    """The ticket numbers in these messages of the desk, each once, in order."""
    found = (number for each in messages if each.inbound for number in each.envelope.get("tickets", ()))
    return tuple(dict.fromkeys(found))


def closes(message: StoredMessage, findings: Iterable[StoredFinding]) -> bool:
    """Does it say that the request is closed: a notice, or a person? `findings`: of the whole conversation."""
    said = [each for each in findings if each.message == message.id and each.check == "closed"]
    if said:
        return any(each.result == "problem" for each in said)  # else it will be closed unless the customer answers
    return message.kind is Kind.OTHER and message.rule == "other.closed"
