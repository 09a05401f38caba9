"""What came back, as a scenario sees it."""

from collections.abc import Mapping, Sequence
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
    `findings` what was found in it, by check: of several messages the first that has a problem, else the first.
    """

    text: str
    subject: str
    sender: str
    kind: Kind
    at: datetime
    quoted: str = ""
    findings: Mapping[str, StoredFinding] = field(default_factory=dict)

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
        return cls(text, last.subject, last.sender, last.kind, moment(last.at), quoted, found)
