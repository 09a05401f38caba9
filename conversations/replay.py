"""Steps that outlive the process.

A scenario is called again from its start whenever its conversation goes on. Each step asks here first: a step that has an
outcome returns it at once, the first one without it runs, or parks the conversation by raising `Parked`.

Steps that change nothing outside are written together with whatever is written next: losing them loses nothing. What is
written when for the one that changes the world is in `conversations.transmission`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from conversations import errors
from conversations.activation import Activation, Outcome, outcome_of
from conversations.journal import steps
from conversations.records import Status, StoredFinding
from conversations.transmission import Transmission, Transmit


class Replay(Activation):
    """The kinds of steps that a conversation is made of."""

    async def value(self, name: str, arguments: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """A step whose outcome is a value that must be the same at every replay."""
        with self.step(name, arguments) as step:
            if step.status is not Status.DONE:
                self.settle(step, {"value": make()})
            return step.outcome["value"]

    async def finding(self, found: StoredFinding) -> None:
        """A step that writes down a finding."""
        with self.step("find", {"check": found.check, "rule": found.rule, "result": found.result}) as step:
            if step.status is not Status.DONE:
                self.settle(step, {})
                self.pending.append(steps.add_finding(self.held.id, found))
                self.held.findings.append(found)

    async def wait(
        self,
        name: str,
        arguments: Mapping[str, Any],
        deadline: Callable[[], float | None],
        look: Callable[[], Outcome | errors.ConversationError | None],
        expired: Callable[[], Outcome | errors.ConversationError],
        *,
        for_mail: bool = True,
    ) -> Outcome:
        """A step that waits: `look` gives its outcome when the messages so far suffice, `expired` the one when time is up.

        The deadline (epoch seconds, None for never) is chosen once and kept. `for_mail`: as of `look_out`.
        """
        with self.step(name, arguments) as step:
            if step.status in {Status.DONE, Status.FAILED}:
                return outcome_of(step)
            if step.status is Status.INTENDED:
                step.intent = {"deadline": deadline()}
                step.status = Status.WAITING
                self.save(step)
            try:
                found: Outcome | errors.ConversationError | None = await self.look_out(
                    step.intent["deadline"], look, for_mail=for_mail
                )
            except errors.Unheard as deaf:
                self.settle(step, deaf)
            else:
                self.settle(step, expired() if found is None else found)
            return outcome_of(step)

    async def transact(
        self,
        name: str,
        arguments: Mapping[str, Any],
        act: Callable[[Connection], Outcome | errors.ConversationError],
    ) -> Outcome:
        """A step that changes the journal: `act` is carried out in the transaction that writes its outcome, so exactly once."""
        with self.step(name, arguments) as step:
            if step.status is Status.INTENDED:

                def operation(connection: Connection) -> None:
                    self.end(step, act(connection))
                    steps.save(self.held.id, step)(connection)

                await self.write(operation)
            return outcome_of(step)

    async def watch(
        self, name: str, arguments: Mapping[str, Any], look: Callable[[Connection], Outcome | None]
    ) -> Outcome:
        """A step that waits for something in the journal: whoever writes it there wakes this conversation with it."""
        with self.step(name, arguments) as step:
            if step.status is Status.INTENDED:
                step.status = Status.WAITING
                self.save(step)
            while step.status is Status.WAITING:
                if (found := await self.journal.read(look)) is None:
                    await self.park(None)
                else:
                    self.settle(step, found)
            return outcome_of(step)

    async def send(
        self,
        name: str,
        arguments: Mapping[str, Any],
        prepare: Callable[[], Mapping[str, Any]],
        transmit: Transmit,
        grace: float,
    ) -> Outcome:
        """A step that changes the world, at most once; `prepare`, `transmit` and `grace` as of `Transmission`."""
        with self.step(name, arguments) as step:
            return await Transmission(self, step, prepare, transmit, grace).advance()
