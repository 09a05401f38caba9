"""Who answered, and how often the customer was handed on: pure arithmetic over the messages of a conversation.

Definitions (the field's own, see docs/replies.md):
    handoff     a change of the answering person, or of the department where no change of person is known
    one-touch   resolved with exactly one human reply
    reopened    the desk closed the request, the customer wrote again, and a person went on with it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conversations.records import Conversation, StoredMessage, Verdict
from replies.handoffs import changes
from replies.kind import Kind


@dataclass(frozen=True, slots=True)
class Who:
    """`agents` and `departments` in the order in which they came, each change one entry; None: nothing is decided yet."""

    agents: tuple[str, ...]
    departments: tuple[str, ...]
    handoffs: int
    replies: int
    one_touch: bool | None
    reopened: int

    def to_json(self) -> dict[str, Any]:
        """In the form of `conversations show --json`."""
        return {
            "agents": list(self.agents),
            "departments": list(self.departments),
            "handoffs": self.handoffs,
            "replies": self.replies,
            "one_touch": self.one_touch,
            "reopened": self.reopened,
        }


def who(conversation: Conversation) -> Who:
    """The figures of a conversation, finished or not."""
    messages = sorted(conversation.messages, key=lambda message: (message.at, message.id))
    people = [message for message in messages if message.inbound and message.kind is Kind.HUMAN]
    agents = changes(message.envelope.get("agent") for message in people)
    departments = _departments(people)
    passed = conversation.verdict is Verdict.PASSED
    return Who(
        agents=tuple(agents),
        departments=tuple(departments),
        handoffs=max(len(agents), len(departments), 1) - 1,
        replies=len(people),
        one_touch=len(people) == 1 if passed and people else None,
        reopened=_reopened(conversation, messages),
    )


def _departments(people: Sequence[StoredMessage]) -> list[str]:
    """By the signatures or by the senders, whichever tell more: a shared address is no department of its own."""
    named = [message.envelope.get("department") or (None, None) for message in people]
    by_signature, by_sender = (changes(names) for names in zip(*named, strict=True)) if named else ([], [])
    return max(by_signature, by_sender, key=len)


def _reopened(conversation: Conversation, messages: Sequence[StoredMessage]) -> int:
    closing = {
        found.message for found in conversation.findings if found.check == "closed" and found.result == "problem"
    }
    count, state = 0, "open"
    for message in messages:
        if message.inbound and message.kind is Kind.HUMAN and state == "written again":
            count, state = count + 1, "open"
        if message.inbound and message.id in closing:
            state = "closed"
        elif not message.inbound and state == "closed":
            state = "written again"
    return count
