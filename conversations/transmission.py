"""A send: the step that changes the world, at most once.

What is written when:
    1. the intent, with every choice already made (`intended`): a crash from here on may do it again, nothing went out
    2. the point of no return (`transmitting`): a crash from here on leaves it uncertain, and it is never done again
    3. the outcome (`done` or `failed`)
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from conversations import errors
from conversations.activation import Activation, Outcome, outcome_of
from conversations.journal import aggregates, messages, steps
from conversations.records import Status, Step, StoredMessage
from probes.contact import PointOfNoReturn
from probes.errors import Deferred, DeskError, ProbeError
from probes.errors import SendUncertain as LineLost
from replies.kind import Kind

RETRY_AFTER = (5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 900.0, 1800.0)
"""Seconds until a send that surely did not go out is tried again; when they are used up it is given up."""

UNREACHABLE_ATTEMPTS = 4
"""A server of ours that cannot be reached at all is given up sooner than one that says "later"."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a send: the columns of the message, and what else to write in the transaction of the outcome."""

    message: Mapping[str, Any]
    also: tuple[Callable[[Connection], object], ...] = ()


class NotSent(Exception):
    """A send that failed, with operations to carry out when the failure is written: its evidence."""

    def __init__(self, error: ProbeError, also: tuple[Callable[[Connection], object], ...]) -> None:
        super().__init__(str(error))
        self.error, self.also = error, also


Transmit = Callable[[Mapping[str, Any], PointOfNoReturn], Awaitable[Sent]]
"""Takes the intent. Raises ProbeError, or NotSent that carries one."""


class Transmission:
    """One send of a conversation. `prepare` makes every choice, `transmit` acts on them.

    `grace`: seconds for which an interrupted one waits for a proof that it went out.
    """

    def __init__(
        self,
        activation: Activation,
        step: Step,
        prepare: Callable[[], Mapping[str, Any]],
        transmit: Transmit,
        grace: float,
    ) -> None:
        self._activation = activation
        self._conversation = activation.held
        self._step = step
        self._prepare = prepare
        self._transmit = transmit
        self._grace = grace

    async def advance(self) -> Outcome:
        """Go on with it from wherever the journal says that it stands, to its outcome. Parks on the way."""
        step, activation = self._step, self._activation
        if step.status in {Status.DONE, Status.FAILED} or "error" in step.outcome:
            return outcome_of(step)
        if step.status in {Status.TRANSMITTING, Status.UNCERTAIN}:
            return await self._await_proof()
        while step.outcome.get("retry_at", 0.0) > activation.clock.now():
            await activation.park(step.outcome["retry_at"])
        if not step.intent:
            try:
                step.intent = self._prepare()
            except errors.ConversationError as error:
                activation.settle(step, error)
                return outcome_of(step)
            await activation.write(self._saved(), self._clues())
        try:
            return await self._send()
        finally:
            activation.sending.end(self._conversation.id)

    async def _send(self) -> Outcome:
        step = self._step
        try:
            sent = await self._transmit(step.intent, self._point_of_no_return)
        except (LineLost, asyncio.CancelledError) as error:
            return await self._interrupted(error)
        except NotSent as failure:
            self._activation.pending.extend(failure.also)
            if isinstance(failure.error, LineLost):
                return await self._interrupted(failure.error)
            return await self._not_sent(failure.error)
        except ProbeError as error:
            return await self._not_sent(error)
        self._activation.end(step, {"at": sent.message["at"], "message_id": sent.message.get("message_id")})
        await self._record(sent.message, *sent.also)
        return step.outcome

    async def _point_of_no_return(self) -> None:
        step, activation = self._step, self._activation
        activation.sending.begin(self._conversation.id)
        now = activation.clock.now()
        await activation.journal.write(
            lambda c: steps.transmit(c, self._conversation.id, step.seq, activation.owner, now)
        )
        step.status, step.finished_at = Status.TRANSMITTING, now

    async def _interrupted(self, error: LineLost | asyncio.CancelledError) -> Outcome:
        """Past the point of no return nobody knows. Before it, nothing went out; the point may be written already, and that
        is put right.
        """
        step = self._step
        if step.status is Status.TRANSMITTING or isinstance(error, LineLost):
            step.status = Status.UNCERTAIN
            step.outcome = {"reason": str(error) or "interrupted"}
        await asyncio.shield(self._activation.write(self._saved()))
        if isinstance(error, asyncio.CancelledError):
            raise error
        return await self._await_proof()

    async def _not_sent(self, error: ProbeError) -> Outcome:
        """It certainly did not go out: try again later, or end the step."""
        step, activation = self._step, self._activation
        step.attempts += 1
        step.status = Status.INTENDED
        step.finished_at = None
        limit = len(RETRY_AFTER) + 1 if isinstance(error, Deferred) else UNREACHABLE_ATTEMPTS
        if error.retry and step.attempts < limit:
            retry_at = activation.clock.now() + RETRY_AFTER[step.attempts - 1]
            step.outcome = {"reason": str(error), "retry_at": retry_at}
            activation.save(step)
            while True:  # a message that comes in does not make the retry come sooner
                await activation.park(retry_at)
        if isinstance(error, DeskError):
            activation.settle(step, errors.Undelivered(str(error)))
        else:
            tried = f" (tried {step.attempts} times)" if step.attempts > 1 else ""
            activation.settle(step, errors.CouldNotSend(f"{error}{tried}"))
        return outcome_of(step)

    async def _await_proof(self) -> Outcome:
        """Any answer to what we may have sent proves that it went; nothing within the grace time leaves it uncertain."""
        step, activation = self._step, self._activation
        if step.status is Status.TRANSMITTING:  # found so after a crash
            step.status = Status.UNCERTAIN
            step.outcome = {"reason": "interrupted while it was being sent"}
        if "grace_until" not in step.intent:
            step.intent = {**step.intent, "grace_until": activation.clock.now() + self._grace}
            activation.save(step)
        try:
            proof = await activation.look_out(step.intent["grace_until"], self._proof)
        except errors.Unheard:
            proof = None
        if proof is None:
            return self._give_up()
        message = {**step.intent["message"], "at": min(step.finished_at or step.started_at, proof.at)}
        found = {"at": message["at"], "message_id": step.intent.get("message_id"), "proved_by": proof.id}
        activation.end(step, found)
        await self._record(message)
        return step.outcome

    def _proof(self) -> StoredMessage | None:
        """An inbound message that answers this very send. For the first contact any message does."""
        held = self._conversation.messages
        first = not any(not message.inbound for message in held)
        message_id = self._step.intent.get("message_id")
        for message in held:
            if message.inbound and (first or (message_id and message_id in message.envelope.get("answers", ()))):
                return message
        return None

    def _give_up(self) -> Outcome:
        step, conversation = self._step, self._conversation
        why = step.outcome.get("reason", "interrupted")
        error = errors.SendUncertain(f"send uncertain: {why}, and no answer has proved that it went out")
        self._activation.end(step, error)
        step.status = Status.UNCERTAIN
        self._activation.save(step)
        labels = {"visit": conversation.visit, "desk": conversation.desk, "channel": conversation.channel}
        self._activation.pending.append(lambda c: aggregates.add(c, "sends_uncertain_total", labels))
        return outcome_of(step)

    async def _record(self, message: Mapping[str, Any], *also: Callable[[Connection], object]) -> None:
        """Write the step with its outcome, the message, and what else there is."""
        await self._activation.write(
            self._saved(), lambda c: messages.record_sent(c, self._conversation.id, message), *also
        )
        self._conversation.messages.append(_as_stored(message))

    def _saved(self) -> Callable[[Connection], object]:
        return steps.save(self._conversation.id, self._step)

    def _clues(self) -> Callable[[Connection], object]:
        message_id = self._step.intent.get("message_id")
        clues = [("message_id", message_id)] if message_id else []
        return lambda c: messages.add_clues(c, self._conversation.mailbox, self._conversation.id, clues)


def _as_stored(values: Mapping[str, Any]) -> StoredMessage:
    """A message of ours as it was just stored; its id matters to nobody in this activation."""
    fields = ("message_id", "subject", "sender", "recipient", "text", "at")
    columns = {field: values[field] for field in fields}
    return StoredMessage(
        id=0, direction="out", kind=Kind.SENT, envelope=json.loads(values.get("envelope") or "{}"), **columns
    )
