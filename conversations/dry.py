"""Plays an open conversation against the code as it is now, without touching anything: would it go on?"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

from sqlalchemy.engine import Connection

from conversations import errors
from conversations.clock import SystemClock
from conversations.customer import Customer
from conversations.definition import Definition
from conversations.journal import Journal
from conversations.records import Conversation, Status
from conversations.replay import Replay
from conversations.scenario import Scenario
from conversations.world import World

LONGEST = 10.0
"""Seconds in which a scenario must come to where the conversation stands: it waits for nothing on the way."""


class Mismatch(Exception):
    """The conversation would end as faulted; the message says at which step."""


class _DryReplay(Replay):
    """Gives back what is recorded, and stops at the first step that would do something."""

    async def park(self, wake_at: float | None) -> None:
        raise errors.Parked

    async def send(self, *arguments: Any, **named: Any) -> Any:
        step = self._peek()
        if step is None or not ("error" in step.outcome or (step.finished_at is not None and step.outcome)):
            self._stop_at(arguments)
        return await super().send(*arguments, **named)

    async def transact(self, *arguments: Any, **named: Any) -> Any:
        self._stop_unless_ended(arguments)
        return await super().transact(*arguments, **named)

    async def watch(self, *arguments: Any, **named: Any) -> Any:
        self._stop_unless_ended(arguments)
        return await super().watch(*arguments, **named)

    async def refresh(self) -> None:
        """Nothing has changed."""

    async def write(self, *operations: Callable[[Connection], object]) -> None:
        """Nothing is written."""

    def _stop_unless_ended(self, arguments: Sequence[Any]) -> None:
        step = self._peek()
        if step is None or step.status not in {Status.DONE, Status.FAILED}:
            self._stop_at(arguments)

    def _stop_at(self, arguments: Sequence[Any]) -> NoReturn:
        with self.step(arguments[0], arguments[1]):  # its name and arguments must still be those of the journal
            raise errors.Parked

    def _peek(self) -> Any:
        return self.held.steps[self.seq] if self.seq < len(self.held.steps) else None


async def dry_replay(conversation: Conversation, scenario: Scenario) -> None:
    """Raise Mismatch when this code does not go on from where the conversation stands."""
    definition = Definition.model_validate_json(conversation.definition)
    replay = _DryReplay(cast(Journal, None), conversation, "dry", SystemClock())
    customer = Customer(replay, definition, cast(World, None))
    try:
        async with asyncio.timeout(LONGEST):
            await scenario(customer, scenario.parameters(definition.parameters))
        replay.check_complete()
    except errors.Parked:
        return
    except errors.ConversationError as error:
        if isinstance(error, errors.ScenarioChanged):
            raise Mismatch(str(error)) from None
    except TimeoutError:
        raise Mismatch(f"the scenario hangs: it did not reach a step in {LONGEST:.0f} s") from None
    except Exception as error:
        raise Mismatch(f"the scenario raises {type(error).__name__}: {error}") from error
