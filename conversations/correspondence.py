"""The mail of a conversation as its customer has it: what came and was not looked at yet, what there is to answer."""

from collections.abc import Collection, Sequence

from conversations import errors
from conversations.activation import Activation, Outcome
from conversations.journal import messages
from conversations.records import StoredMessage
from conversations.reply import closes
from replies.kind import Kind

LINE_LENGTH = 78
"""Characters of a line (RFC 5322 section 2.1.1)."""


class Correspondence:
    """What an activation holds of it. A message is given out once, to the step that takes it."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation

    def ours(self) -> list[StoredMessage]:
        """What we wrote, in order."""
        return [message for message in self._activation.held.messages if not message.inbound]

    def theirs(self) -> list[StoredMessage]:
        """What came, in order."""
        return [message for message in self._activation.held.messages if message.inbound]

    def untaken(self, kinds: Collection[Kind]) -> list[StoredMessage]:
        """What came and no step has taken."""
        return [message for message in self.theirs() if message.taken_by is None and message.kind in kinds]

    def take(self, kinds: Collection[Kind]) -> Outcome | errors.ConversationError | None:
        """Take what came of these kinds, as the outcome of a step; Undelivered when our mail came back, None for nothing."""
        if found := self.untaken(kinds):
            return {"messages": self._mark(found)}
        bounce = next((message for message in self.untaken({Kind.BOUNCE}) if message.permanent), None)
        if bounce is None:
            return None
        return errors.Undelivered(
            f"our mail came back: {first_line(str(bounce.envelope.get('evidence') or bounce.text))}"
        )

    def closing(self, told: Collection[int]) -> Outcome | None:
        """The first message that says that the request is closed and is not `told` yet, and all before it taken."""
        findings = self._activation.held.findings
        last = next(
            (message for message in self.theirs() if message.id not in told and closes(message, findings)), None
        )
        if last is None:
            return None
        self._mark([message for message in self.theirs() if message.taken_by is None and message.id <= last.id])
        return {"messages": [last.id]}

    def to_answer(self) -> StoredMessage:
        """What an answer answers: the last message of a person; without one, what follows up on our own last message."""
        humans = [message for message in self.theirs() if message.kind is Kind.HUMAN]
        if humans:
            return humans[-1]
        ours = self.ours()
        if not ours:
            raise errors.ScenarioBroken("the scenario answers before anything was written")
        if ours[-1].message_id is not None:
            return ours[-1]
        acknowledgements = [message for message in self.theirs() if message.kind is Kind.ACKNOWLEDGEMENT]
        if not acknowledgements:  # it went through a form, so only they have an address and a subject
            raise errors.CouldNotSend("nobody has answered the form, so there is no address to follow up at")
        return acknowledgements[-1]

    def last_over(self) -> str | None:
        """The other channel that our last message went over."""
        ours = self.ours()
        return ours[-1].envelope.get("channel") if ours else None

    def _mark(self, found: Sequence[StoredMessage]) -> list[int]:
        """Mark these as given out by this step; their ids."""
        seq, ids = self._activation.seq, [message.id for message in found]
        for message in found:
            message.taken_by = seq
        self._activation.pending.append(lambda c: messages.take(c, ids, seq))
        return ids


def first_line(text: str) -> str:
    """The first line that says something, cut between words to LINE_LENGTH."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LINE_LENGTH else line[:LINE_LENGTH].rsplit(" ", 1)[0] + " …"
