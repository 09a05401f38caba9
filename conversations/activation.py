"""One activation of a conversation: a worker holds it, takes it as far as it goes now, and lets go of it.

Here the steps of the journal are met again in their order; what is to be written waits for whatever is written next; the
conversation parks, takes in what has come meanwhile, and ends. What kinds of steps there are is in `conversations.replay`.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from conversations import errors
from conversations.clock import Clock
from conversations.journal import Journal, lifecycle, steps
from conversations.records import Conversation, Status, Step, Verdict, to_json
from conversations.sending import Sending
from probes.errors import ProbeError

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTEN_AGAIN = 15.0
"""Seconds until a mailbox that cannot be read is tried again, for a conversation whose time has run out."""

DEAF_FOR = 86_400.0
"""Seconds for which that goes on."""

Outcome = Mapping[str, Any]
"""What a step has brought; JSON."""


class Activation:
    """A conversation, `held` by `owner`.

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

    @contextmanager
    def step(self, name: str, arguments: Mapping[str, Any]) -> Iterator[Step]:
        """The next step, as far as the journal has it. Raises ScenarioChanged when it has another one there."""
        if self._parked:
            raise errors.Parked  # a scenario that caught Parked must not act in a conversation that was let go
        if self._busy:
            raise errors.ScenarioBroken("the scenario took two steps at the same time: await each before the next")
        step = self._next(name, arguments)
        self._busy = True
        try:
            yield step
        finally:
            self._busy = False

    def _next(self, name: str, arguments: Mapping[str, Any]) -> Step:
        self.seq += 1
        digest = hashlib.sha256(to_json([name, arguments]).encode()).hexdigest()[:16]
        if self.seq > len(self.held.steps):
            step = Step(self.seq, name, digest, Status.INTENDED, self.clock.now())
            self.held.steps.append(step)
            return step
        step = self.held.steps[self.seq - 1]
        if step.name != name:
            raise errors.ScenarioChanged(
                f"the scenario changed at step {self.seq}: it did {step.name!r}, it now does {name!r}"
            )
        if step.digest != digest:
            raise errors.ScenarioChanged(f"the scenario changed at step {self.seq}: {name!r} has other arguments")
        return step

    def check_complete(self) -> None:
        """Every step of the journal must have been met again when the scenario returns."""
        if self.seq < len(self.held.steps):
            missed = self.held.steps[self.seq]
            raise errors.ScenarioChanged(
                f"the scenario changed at step {missed.seq}: it no longer does {missed.name!r}"
            )

    def save(self, step: Step) -> None:
        """Have the step written as it is now, with whatever is written next."""
        self.pending.append(steps.save(self.held.id, step))

    def settle(self, step: Step, found: Outcome | errors.ConversationError) -> None:
        """End the step, and save it."""
        self.end(step, found)
        self.save(step)

    def end(self, step: Step, found: Outcome | errors.ConversationError) -> None:
        """End the step with its outcome, or with the error that it raises from now on."""
        if isinstance(found, errors.ConversationError):
            step.status, step.outcome = Status.FAILED, errors.Recorded.to_json(found)
        else:
            step.status, step.outcome = Status.DONE, found
        step.finished_at = self.clock.now()

    # --- waiting -----------------------------------------------------------------------------------------------

    async def look_out(self, until: float | None, look: Callable[[], T | None], *, for_mail: bool = True) -> T | None:
        """What `look` finds; None when the time is up. Parks while there is nothing yet.

        The time for mail is up only when the mailbox has been read since: that it is silent must be known, and not come of our
        being deaf. Raises Unheard when that cannot be had.
        """
        while (found := look()) is None:
            if until is None or self.clock.now() < until:
                await self.park(until)
            elif not for_mail or await self._heard_all():
                return look()
            elif self.clock.now() >= until + DEAF_FOR:
                raise errors.Unheard("our own mailbox could not be read when the time ran out, nor in a day after it")
            else:
                await self.park(self.clock.now() + LISTEN_AGAIN)
        return found

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
            await self.write()  # what steps have taken must not look untaken
        await self.refresh()
        return True

    async def refresh(self) -> None:
        """Load what came in meanwhile."""
        self.held.rev, self.held.messages, self.held.findings = await self.journal.read(
            lambda c: lifecycle.news(c, self.held.id)
        )

    # --- writing -----------------------------------------------------------------------------------------------

    async def write(self, *operations: Callable[[Connection], object]) -> None:
        """Write now, fenced: what is pending, then these."""
        todo = (*self.pending, *operations)

        def operation(connection: Connection) -> None:
            lifecycle.fence(connection, self.held.id, self.owner)
            for each in todo:
                each(connection)

        await self.journal.write(operation)
        self.pending.clear()

    async def finish(self, verdict: Verdict, reason: str) -> None:
        """Write the verdict, with all that is still pending."""
        pending, now = tuple(self.pending), self.clock.now()
        await self.journal.write(lambda c: lifecycle.finish(c, self.held, self.owner, verdict, reason, now, pending))
        self.pending.clear()


def outcome_of(step: Step) -> Outcome:
    """What a step that has ended gives to the scenario, or raises."""
    if "error" in step.outcome:
        raise errors.Recorded.from_json(dict(step.outcome))
    return step.outcome
