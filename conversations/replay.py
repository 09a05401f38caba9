"""Steps that outlive the process.

A scenario is called again from its start whenever its conversation goes on. Each step asks here first: a step that has an
outcome returns it at once, the first one without it runs, or parks the conversation by raising `Parked`.

What is written when, for a step that changes the world:
    1. the intent, with every choice already made (`intended`): a crash from here on may do it again, nothing went out
    2. the point of no return (`transmitting`): a crash from here on leaves it uncertain, and it is never done again
    3. the outcome (`done` or `failed`)
Steps that change nothing outside are written together with whatever is written next: losing them loses nothing.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from conversations import errors
from conversations.clock import Clock
from conversations.journal import Journal, aggregates, lifecycle, messages, steps
from conversations.records import Conversation, Status, Step, StoredFinding, StoredMessage, Verdict, to_json
from conversations.sending import Sending
from probes.errors import Deferred, DeskError, ProbeError
from probes.errors import SendUncertain as LineLost
from replies.kind import Kind

log = logging.getLogger(__name__)

RETRY_AFTER = (5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 900.0, 1800.0)
"""Seconds until a send that surely did not go out is tried again; when they are used up it is given up."""

LISTEN_AGAIN = 15.0
"""Seconds until a mailbox that cannot be read is tried again, for a conversation whose time has run out."""

DEAF_FOR = 86_400.0
"""Seconds for which that goes on."""

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


Transmit = Callable[[Mapping[str, Any], Callable[[], Awaitable[None]]], Awaitable[Sent]]
"""Takes the intent and the point of no return (probes.contact). Raises ProbeError, or NotSent that carries one."""


class Replay:
    """The steps of one conversation, in one activation of it.

    `listen` returns once all mail that has come up to now is in the journal, and raises ProbeError when that cannot be had.
    `sending`: of the process, for it to stop in peace.
    """

    def __init__(
        self,
        journal: Journal,
        held: Conversation,
        owner: str,
        clock: Clock,
        *,
        listen: Callable[[], Awaitable[None]] | None = None,
        sending: Sending | None = None,
    ) -> None:
        self.journal = journal
        self.held = held
        self.owner = owner
        self.clock = clock
        self.sending = sending or Sending()
        self._listen = listen
        self.seq = 0
        self.pending: list[Callable[[Connection], object]] = []
        self._busy = False
        self._parked = False

    # --- steps -------------------------------------------------------------------------------------------------

    async def value(self, name: str, arguments: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """A step whose outcome is a value that must be the same at every replay."""
        with self._step(name, arguments) as step:
            if step.status is Status.DONE:
                return step.outcome["value"]
            self._conclude(step, Status.DONE, {"value": make()})
            return step.outcome["value"]

    async def finding(self, found: StoredFinding) -> None:
        """A step that writes down a finding."""
        with self._step("find", {"check": found.check, "rule": found.rule, "result": found.result}) as step:
            if step.status is not Status.DONE:
                self._conclude(step, Status.DONE, {})
                self.pending.append(steps.add_finding(self.held.id, found))
                self.held.findings.append(found)

    async def wait(
        self,
        name: str,
        arguments: Mapping[str, Any],
        deadline: Callable[[], float | None],
        look: Callable[[], Mapping[str, Any] | errors.ConversationError | None],
        expired: Callable[[], Mapping[str, Any] | errors.ConversationError],
        *,
        for_mail: bool = True,
    ) -> Mapping[str, Any]:
        """A step that waits: `look` gives its outcome when the messages so far suffice, `expired` the one when time is up.

        The deadline (epoch seconds, None for never) is chosen once and kept. Parks when there is nothing yet. A wait for mail
        is over only when the mailbox has been read since: that it is silent must be known, and not come of our being deaf.
        """
        with self._step(name, arguments) as step:
            if step.status in {Status.DONE, Status.FAILED}:
                return _outcome(step)
            if step.status is Status.INTENDED:
                step.intent = {"deadline": deadline()}
                step.status = Status.WAITING
                self.pending.append(steps.save(self.held.id, step))
            until = step.intent["deadline"]
            while (found := look()) is None:
                if until is None or self.clock.now() < until:
                    await self.park(until)
                elif not for_mail or await self._heard_all():
                    found = look() or expired()
                    break
                elif self.clock.now() >= until + DEAF_FOR:
                    found = errors.Unheard(
                        "our own mailbox could not be read when the time ran out, nor in a day after it"
                    )
                    break
                else:
                    await self.park(self.clock.now() + LISTEN_AGAIN)
            self._settle(step, found)
            return _outcome(step)

    async def transact(
        self,
        name: str,
        arguments: Mapping[str, Any],
        act: Callable[[Connection], Mapping[str, Any] | errors.ConversationError],
    ) -> Mapping[str, Any]:
        """A step that changes the journal: `act` is carried out in the transaction that writes its outcome, so exactly once."""
        with self._step(name, arguments) as step:
            if step.status is Status.INTENDED:

                def operation(connection: Connection) -> None:
                    self._end(step, act(connection))
                    steps.save(self.held.id, step)(connection)

                await self._write(operation)
            return _outcome(step)

    async def watch(
        self, name: str, arguments: Mapping[str, Any], look: Callable[[Connection], Mapping[str, Any] | None]
    ) -> Mapping[str, Any]:
        """A step that waits for something in the journal: whoever writes it there wakes this conversation with it."""
        with self._step(name, arguments) as step:
            if step.status is Status.INTENDED:
                step.status = Status.WAITING
                self.pending.append(steps.save(self.held.id, step))
            while step.status is Status.WAITING:
                if (found := await self.journal.read(look)) is None:
                    await self.park(None)
                else:
                    self._settle(step, found)
            return _outcome(step)

    async def send(
        self,
        name: str,
        arguments: Mapping[str, Any],
        prepare: Callable[[], Mapping[str, Any]],
        transmit: Transmit,
        grace: float,
    ) -> Mapping[str, Any]:
        """A step that changes the world, at most once. `prepare` makes every choice, `transmit` acts on them."""
        with self._step(name, arguments) as step:
            if step.status in {Status.DONE, Status.FAILED} or "error" in step.outcome:
                return _outcome(step)
            if step.status in {Status.TRANSMITTING, Status.UNCERTAIN}:
                return await self._await_evidence(step, grace)
            while step.outcome.get("retry_at", 0.0) > self.clock.now():
                await self.park(step.outcome["retry_at"])
            if not step.intent:
                try:
                    step.intent = prepare()
                except errors.ConversationError as error:
                    self._settle(step, error)
                    return _outcome(step)
                await self._write(steps.save(self.held.id, step), self._clues(step.intent))
            try:
                return await self._transmit(step, transmit, grace)
            finally:
                self.sending.end(self.held.id)

    # --- what they are made of ---------------------------------------------------------------------------------

    async def park(self, wake_at: float | None) -> None:
        """Let go until then, unless a message came in since the conversation was loaded: then it is loaded and we return."""
        held, pending = self.held, tuple(self.pending)
        parked = await self.journal.write(lambda c: lifecycle.park(c, held, self.owner, wake_at, pending))
        self.pending.clear()
        if parked:
            self._parked = True
            raise errors.Parked
        await self.refresh()

    async def _heard_all(self) -> bool:
        """Whether all mail up to now is in the journal; then it is loaded."""
        if self._listen is None:
            return True
        try:
            await self._listen()
        except ProbeError as error:
            log.warning("conversation %s waits longer, for its mailbox cannot be read: %s", self.held.id, error)
            return False
        if self.pending:
            await self._write()  # what steps have taken must not look untaken
        await self.refresh()
        return True

    async def refresh(self) -> None:
        """Load what came in meanwhile."""
        self.held.rev, self.held.messages, self.held.findings = await self.journal.read(
            lambda c: lifecycle.news(c, self.held.id)
        )

    async def finish(self, verdict: Verdict, reason: str) -> None:
        """Write the verdict, with all that is still pending."""
        pending, now = tuple(self.pending), self.clock.now()
        await self.journal.write(lambda c: lifecycle.finish(c, self.held, self.owner, verdict, reason, now, pending))
        self.pending.clear()

    def check_complete(self) -> None:
        """Every step of the journal must have been met again when the scenario returns."""
        if self.seq < len(self.held.steps):
            missed = self.held.steps[self.seq]
            raise errors.ScenarioChanged(
                f"the scenario changed at step {missed.seq}: it no longer does {missed.name!r}"
            )

    def _step(self, name: str, arguments: Mapping[str, Any]) -> "_Using":
        if self._parked:
            raise errors.Parked  # a scenario that caught Parked must not act in a conversation that was let go
        if self._busy:
            raise errors.ScenarioBroken("the scenario took two steps at the same time: await each before the next")
        self.seq += 1
        digest = hashlib.sha256(to_json([name, arguments]).encode()).hexdigest()[:16]
        if self.seq <= len(self.held.steps):
            step = self.held.steps[self.seq - 1]
            if (step.name, step.digest) != (name, digest):
                what = (
                    f"it did {step.name!r}, it now does {name!r}"
                    if step.name != name
                    else f"{name!r} has other arguments"
                )
                raise errors.ScenarioChanged(f"the scenario changed at step {self.seq}: {what}")
        else:
            step = Step(self.seq, name, digest, Status.INTENDED, self.clock.now())
            self.held.steps.append(step)
        return _Using(self, step)

    def _conclude(self, step: Step, status: Status, outcome: Mapping[str, Any]) -> None:
        step.status, step.outcome, step.finished_at = status, outcome, self.clock.now()
        self.pending.append(steps.save(self.held.id, step))

    def _settle(self, step: Step, found: Mapping[str, Any] | errors.ConversationError) -> None:
        self._end(step, found)
        self.pending.append(steps.save(self.held.id, step))

    def _end(self, step: Step, found: Mapping[str, Any] | errors.ConversationError) -> None:
        failed = isinstance(found, errors.ConversationError)
        step.status = Status.FAILED if failed else Status.DONE
        step.outcome = errors.Recorded.to_json(found) if isinstance(found, errors.ConversationError) else found
        step.finished_at = self.clock.now()

    async def _write(self, *operations: Callable[[Connection], object]) -> None:
        """Write now, fenced: what is pending, then these."""
        todo = (*self.pending, *operations)

        def operation(connection: Connection) -> None:
            lifecycle.fence(connection, self.held.id, self.owner)
            for each in todo:
                each(connection)

        await self.journal.write(operation)
        self.pending.clear()

    def _clues(self, intent: Mapping[str, Any]) -> Callable[[Connection], object]:
        message_id = intent.get("message_id")
        clues = [("message_id", message_id)] if message_id else []
        return lambda connection: messages.add_clues(connection, self.held.mailbox, self.held.id, clues)

    async def _transmit(self, step: Step, transmit: Transmit, grace: float) -> Mapping[str, Any]:
        async def point_of_no_return() -> None:
            self.sending.begin(self.held.id)
            now = self.clock.now()
            await self.journal.write(lambda c: steps.transmit(c, self.held.id, step.seq, self.owner, now))
            step.status, step.finished_at = Status.TRANSMITTING, now

        try:
            sent = await _unwrapped(self.pending, transmit(step.intent, point_of_no_return))
        except (LineLost, asyncio.CancelledError) as error:
            if step.status is Status.TRANSMITTING or isinstance(error, LineLost):
                step.status = Status.UNCERTAIN
                step.outcome = {"reason": str(error) or "interrupted"}
            # Else we are stopped before it: the point may be written already, but nothing went out, and that is put right.
            await asyncio.shield(self._write(steps.save(self.held.id, step)))
            if isinstance(error, asyncio.CancelledError):
                raise
            return await self._await_evidence(step, grace)
        except ProbeError as error:
            return await self._not_sent(step, error)
        step.status, step.finished_at = Status.DONE, self.clock.now()
        step.outcome = {"at": sent.message["at"], "message_id": sent.message.get("message_id")}
        values = sent.message
        await self._write(
            steps.save(self.held.id, step), lambda c: messages.record_sent(c, self.held.id, values), *sent.also
        )
        self.held.messages.append(_as_stored(values))
        return step.outcome

    async def _not_sent(self, step: Step, error: ProbeError) -> Mapping[str, Any]:
        """It certainly did not go out: try again later, or end the step."""
        step.attempts += 1
        step.status = Status.INTENDED
        step.finished_at = None
        limit = len(RETRY_AFTER) + 1 if isinstance(error, Deferred) else UNREACHABLE_ATTEMPTS
        if error.retry and step.attempts < limit:
            retry_at = self.clock.now() + RETRY_AFTER[step.attempts - 1]
            step.outcome = {"reason": str(error), "retry_at": retry_at}
            self.pending.append(steps.save(self.held.id, step))
            while True:  # a message that comes in does not make the retry come sooner
                await self.park(retry_at)
        if isinstance(error, DeskError):
            self._settle(step, errors.Undelivered(str(error)))
        else:
            tried = f" (tried {step.attempts} times)" if step.attempts > 1 else ""
            self._settle(step, errors.CouldNotSend(f"{error}{tried}"))
        return _outcome(step)

    async def _await_evidence(self, step: Step, grace: float) -> Mapping[str, Any]:
        """Any answer to what we may have sent proves that it went; nothing within the grace time leaves it uncertain."""
        if step.status is Status.TRANSMITTING:  # found so after a crash
            step.status = Status.UNCERTAIN
            step.outcome = {"reason": "interrupted while it was being sent"}
        if "grace_until" not in step.intent:
            step.intent = {**step.intent, "grace_until": self.clock.now() + grace}
            self.pending.append(steps.save(self.held.id, step))
        until = step.intent["grace_until"]
        while (proof := self._evidence(step)) is None:
            if self.clock.now() < until:
                await self.park(until)
            elif await self._heard_all() or self.clock.now() >= until + DEAF_FOR:
                proof = self._evidence(step)
                break
            else:
                await self.park(self.clock.now() + LISTEN_AGAIN)
        if proof is None:
            return self._give_up(step)
        message = {**step.intent["message"], "at": min(step.finished_at or step.started_at, proof.at)}
        outcome = {"at": message["at"], "message_id": step.intent.get("message_id"), "proved_by": proof.id}
        self._conclude(step, Status.DONE, outcome)
        await self._write(lambda c: messages.record_sent(c, self.held.id, message))
        self.held.messages.append(_as_stored(message))
        return step.outcome

    def _give_up(self, step: Step) -> Mapping[str, Any]:
        reason = (
            f"send uncertain: {step.outcome.get('reason', 'interrupted')}, and no answer has proved that it went out"
        )
        self._conclude(step, Status.UNCERTAIN, errors.Recorded.to_json(errors.SendUncertain(reason)))
        labels = {"visit": self.held.visit, "desk": self.held.desk, "channel": self.held.channel}
        self.pending.append(lambda c: aggregates.add(c, "sends_uncertain_total", labels))
        return _outcome(step)

    def _evidence(self, step: Step) -> StoredMessage | None:
        """An inbound message that answers this very send. For the first contact any message does."""
        first = not any(not message.inbound for message in self.held.messages)
        message_id = step.intent.get("message_id")
        for message in self.held.messages:
            if message.inbound and (first or (message_id and message_id in message.envelope.get("answers", ()))):
                return message
        return None


class _Using:
    """Marks a step as under way, so that a second one at the same time is noticed."""

    def __init__(self, replay: Replay, step: Step) -> None:
        self._replay, self._step = replay, step

    def __enter__(self) -> Step:
        self._replay._busy = True
        return self._step

    def __exit__(self, *exc: object) -> None:
        self._replay._busy = False


def _as_stored(values: Mapping[str, Any]) -> StoredMessage:
    """A message of ours as it was just stored; its id matters to nobody in this activation."""
    fields = ("message_id", "subject", "sender", "recipient", "text", "at")
    columns = {field: values[field] for field in fields}
    return StoredMessage(
        id=0, direction="out", kind=Kind.SENT, envelope=json.loads(values.get("envelope") or "{}"), **columns
    )


def _outcome(step: Step) -> Mapping[str, Any]:
    if "error" in step.outcome:
        raise errors.Recorded.from_json(dict(step.outcome))
    return step.outcome


async def _unwrapped(pending: list[Callable[[Connection], object]], sending: Awaitable[Sent]) -> Sent:
    """Wait for the send; of a failure with evidence the evidence becomes pending and the error is raised."""
    try:
        return await sending
    except NotSent as failure:
        pending.extend(failure.also)
        raise failure.error from failure
