"""How long the customer waited: pure arithmetic over the messages of a conversation.

Definitions (the field's own, see docs/metrics.md):
    acknowledgement   our first message accepted → the first automatic answer delivered
    first reply       our first message accepted → the first human reply delivered
    next reply        each later message of ours → the next human reply
    resolution        our first message → the last human reply of a conversation that passed
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.records import Conversation, StoredMessage, Verdict
from replies.kind import Kind


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The same wait on two clocks, in seconds: round the clock, and in the desk's business hours.

    `channel`: over which the customer had written, where that is another than the conversation's.
    """

    calendar: float
    business: float
    channel: str | None = None

    def to_json(self) -> dict[str, Any]:
        """In the form of `conversations show --json`."""
        clocks = {"calendar": round(self.calendar, 3), "business": round(self.business, 3)}
        return {**clocks, **({"channel": self.channel} if self.channel else {})}


@dataclass(frozen=True, slots=True)
class Times:
    """What is known so far; None where nothing has come."""

    acknowledgement: float | None
    first_reply: Elapsed | None
    next_replies: tuple[Elapsed, ...]
    resolution: Elapsed | None
    delivery: float | None = None  # of the last control mail: our own provider's part

    def to_json(self) -> dict[str, Any]:
        """In the form of `conversations show --json`."""

        def clocks(elapsed: Elapsed | None) -> dict[str, Any] | None:
            return None if elapsed is None else elapsed.to_json()

        return {
            "acknowledgement_seconds": None if self.acknowledgement is None else round(self.acknowledgement, 3),
            "first_reply_seconds": clocks(self.first_reply),
            "next_reply_seconds": [clocks(elapsed) for elapsed in self.next_replies],
            "resolution_seconds": clocks(self.resolution),
            "delivery_seconds": None if self.delivery is None else round(self.delivery, 3),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""

        def clocks(elapsed: Mapping[str, Any] | None) -> Elapsed | None:
            return None if elapsed is None else Elapsed(**elapsed)

        return cls(
            written["acknowledgement_seconds"],
            clocks(written["first_reply_seconds"]),
            tuple(Elapsed(**elapsed) for elapsed in written["next_reply_seconds"]),
            clocks(written["resolution_seconds"]),
            written["delivery_seconds"],
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether one promise was kept, once that is decided."""

    promise: str
    kept: bool
    channel: str | None = None  # as of `Elapsed`


def moment(epoch: float) -> datetime:
    """Seconds since the epoch to an aware UTC datetime."""
    return datetime.fromtimestamp(epoch, UTC)


def times(conversation: Conversation, hours: BusinessHours) -> Times:
    """The times of a conversation, finished or not."""
    sent, received = _sides(conversation)
    if not sent:
        return Times(None, None, (), None, conversation.delivery_seconds)
    start = sent[0].at
    first_acknowledgement = next((m.at for m in received if m.kind is Kind.ACKNOWLEDGEMENT), None)
    replies = [
        replace(elapsed(ours.at, theirs.at, hours), channel=_over(ours))
        for ours, theirs in exchanges(conversation)
        if theirs is not None
    ]
    answered_first = any(theirs is not None and ours.at == start for ours, theirs in exchanges(conversation))
    humans = [m for m in received if m.kind is Kind.HUMAN]
    resolved = conversation.verdict is Verdict.PASSED and humans
    return Times(
        acknowledgement=None if first_acknowledgement is None else max(0.0, first_acknowledgement - start),
        first_reply=replies[0] if answered_first else None,
        next_replies=tuple(replies[1:] if answered_first else replies),
        resolution=elapsed(start, humans[-1].at, hours) if resolved else None,
        delivery=conversation.delivery_seconds,
    )


def _over(ours: StoredMessage) -> str | None:
    return ours.envelope.get("channel")


def exchanges(conversation: Conversation) -> Iterator[tuple[StoredMessage, StoredMessage | None]]:
    """(the message of ours with which the customer began to wait, the human reply that ended the wait or None), in order.

    Several messages of ours in a row are one wait that begins with the first of them.
    """
    sent, received = _sides(conversation)
    humans = [m for m in received if m.kind is Kind.HUMAN]
    answered_until = float("-inf")
    for message in sent:
        if message.at <= answered_until:
            continue  # written before the reply came: that reply ended this wait too
        reply = next((human for human in humans if human.at > max(answered_until, message.at - 1)), None)
        yield message, reply
        if reply is None:
            return
        answered_until = max(reply.at, message.at)


def elapsed(start: float, end: float, hours: BusinessHours) -> Elapsed:
    """The wait from start to end; never negative, since two clocks may disagree by a little."""
    end = max(start, end)
    return Elapsed(end - start, hours.between(moment(start), moment(end)))


def promises_decided(
    conversation: Conversation, promises: Mapping[str, Duration], hours: BusinessHours
) -> Iterator[Kept]:
    """Which promises were kept or missed in a conversation that has finished.

    A wait that ended with the conversation, before its promise ran out, decides nothing.
    """
    finished = conversation.finished_at
    sent, received = _sides(conversation)
    if finished is None or not sent:
        return

    def decide(promise: str, ours: StoredMessage, end: float | None) -> Iterator[Kept]:
        if promise in promises:
            deadline = hours.after(moment(ours.at), promises[promise]).timestamp()
            if end is not None or finished > deadline:
                yield Kept(promise, end is not None and end <= deadline, _over(ours))

    answers = [m.at for m in received if m.kind in {Kind.ACKNOWLEDGEMENT, Kind.HUMAN}]
    yield from decide("acknowledgement", sent[0], min(answers, default=None))
    for number, (ours, reply) in enumerate(exchanges(conversation)):
        closing = number > 0 and reply is None and conversation.verdict is Verdict.PASSED
        if not closing:  # nobody need answer our thanks
            yield from decide("next_reply" if number else "first_reply", ours, None if reply is None else reply.at)
    resolved = times(conversation, hours).resolution
    yield from decide("resolution", sent[0], None if resolved is None else sent[0].at + resolved.calendar)


def dues(start: float, promises: Mapping[str, Duration], hours: BusinessHours) -> dict[str, float]:
    """promise → when it runs out, for a wait that began at `start`."""
    return {name: hours.after(moment(start), duration).timestamp() for name, duration in promises.items()}


def _sides(conversation: Conversation) -> tuple[list[StoredMessage], list[StoredMessage]]:
    end = conversation.finished_at if conversation.finished_at is not None else float("inf")
    sent = sorted((m for m in conversation.messages if not m.inbound), key=lambda m: m.at)
    received = sorted(
        (m for m in conversation.messages if m.inbound and (m.detected_at or m.at) <= end), key=lambda m: m.at
    )
    return sent, received
