"""Takes one conversation as far as it goes now: claims it, replays its scenario, and parks or ends it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from conversations import errors
from conversations.about import about
from conversations.clock import Clock
from conversations.correlation import desk_domains
from conversations.customer import Customer
from conversations.definition import Definition
from conversations.journal import Journal, control, lifecycle, messages, steps
from conversations.promised import stated_promises
from conversations.records import Conversation, Verdict
from conversations.replay import Replay
from conversations.scenario import Scenario, where_raised
from conversations.sending import Sending
from conversations.times import moment
from conversations.world import World
from replies.guard import guarded
from replies.kind import Kind

log = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds for which a worker holds a conversation before it must say again that it is alive."""

RENEW_EVERY = 20.0

LONGEST_ACTIVATION = 900.0
"""Seconds in which a scenario must reach a wait or its end: more is a scenario that hangs."""

FindScenario = Callable[[str], Scenario]


class Engine:
    """Advances conversations. One an owner; `owner` names this process in the journal."""

    def __init__(
        self,
        journal: Journal,
        world: World,
        clock: Clock,
        owner: str,
        find_scenario: FindScenario,
        sending: Sending | None = None,
    ) -> None:
        self.journal = journal
        self.world = world
        self.clock = clock
        self.owner = owner
        self.find_scenario = find_scenario
        self.sending = sending

    async def advance(self, conversation_id: str) -> None:
        """Go on with this conversation until it parks or ends. Does nothing when it has ended or somebody else holds it."""
        now = self.clock.now()
        held = await self.journal.write(lambda c: lifecycle.claim(c, conversation_id, self.owner, now, now + LEASE))
        if held is not None:
            with about(
                conversation=held.id, visit=held.visit, desk=held.desk, channel=held.channel, mailbox=held.mailbox
            ):
                await self._advance(held)

    async def _advance(self, held: Conversation) -> None:
        listen = partial(self.world.mailbox_read, held.mailbox)
        replay = Replay(self.journal, held, self.owner, self.clock, listen=listen, sending=self.sending)
        try:
            async with self._kept(held):
                verdict, reason = await self._play(replay, held)
                self._judge_promises(replay, held)
                await replay.finish(verdict, reason)
            log.info("conversation %s of visit %s %s%s", held.id, held.visit, verdict, f": {reason}" if reason else "")
        except errors.Parked:
            log.debug("conversation %s of visit %s waits", held.id, held.visit)
        except lifecycle.LeaseLost:
            log.warning("conversation %s of visit %s was taken over by another worker", held.id, held.visit)

    def _judge_promises(self, replay: Replay, held: Conversation) -> None:
        """Whether the desk kept what it promised of itself, in the transaction that ends the conversation."""
        desk, now = Definition.model_validate_json(held.definition).desk, self.clock.now()
        for found in guarded("what the desk promised", lambda: [*stated_promises(held, desk.hours, now)], lambda _: []):
            replay.pending.append(steps.add_finding(held.id, found))
            held.findings.append(found)

    async def _play(self, replay: Replay, held: Conversation) -> tuple[Verdict, str]:
        try:
            definition = Definition.model_validate_json(held.definition)
            try:
                scenario = self.find_scenario(definition.scenario)
                parameters = scenario.parameters(definition.parameters)
            except (LookupError, ValueError, ValidationError) as error:
                return Verdict.FAULTED, f"the scenario cannot be played: {_one_line(error)}"
            customer = Customer(replay, definition, self.world)
            try:
                async with asyncio.timeout(LONGEST_ACTIVATION) as limit:
                    await scenario(customer, parameters)
                replay.check_complete()
            except errors.ConversationError:
                raise
            except Exception as error:
                if limit.expired():
                    return Verdict.FAULTED, f"the scenario hung: it did not reach a step in {LONGEST_ACTIVATION:.0f} s"
                log.exception("scenario of visit %s raised", held.visit)
                where = where_raised(error, scenario.play)
                what = f"the scenario raised {type(error).__name__}: {_one_line(error)}"
                return Verdict.FAULTED, f"{what} ({where})" if where else what
        except errors.NoReply as error:
            return await self._unanswered(held, definition, str(error))
        except errors.Failed as error:
            return Verdict.FAILED, str(error)
        except errors.ConversationError as error:
            return Verdict.FAULTED, str(error)
        return Verdict.PASSED, ""

    async def _unanswered(self, held: Conversation, definition: Definition, reason: str) -> tuple[Verdict, str]:
        """The desk's fault, unless its answer may be one that we could not place, or our own provider loses mail."""
        stray = await self.journal.read(lambda c: _unplaced(c, held, definition))
        if stray:
            told = f"{reason}, but what came from the desk meanwhile fits no conversation ({stray})"
            return Verdict.FAULTED, f"{told}: see mysterybot conversations unmatched"
        lost = await self.journal.read(lambda c: control.lost_at(c, held.mailbox))
        if lost is None:
            return Verdict.FAILED, reason
        at = moment(lost).isoformat(timespec="minutes")
        told = f"{reason}, but the control mail of mailbox {held.mailbox} of {at} was lost too: our provider may be to blame"
        return Verdict.FAULTED, told

    async def _renewed(self, conversation_id: str) -> bool:
        until = self.clock.now() + LEASE
        return await self.journal.write(lambda c: lifecycle.renew(c, conversation_id, self.owner, until))

    @contextlib.asynccontextmanager
    async def _kept(self, held: Conversation) -> AsyncIterator[None]:
        """Renew the lease for as long as the work takes; losing it stops the work."""
        work = asyncio.current_task()
        assert work is not None
        lost = False

        async def renew() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(RENEW_EVERY)
                if not await self._renewed(held.id):
                    lost = True
                    work.cancel()
                    return

        keeper = asyncio.create_task(renew())
        try:
            yield
        except asyncio.CancelledError:
            if lost:
                raise lifecycle.LeaseLost(held.id) from None
            raise
        finally:
            keeper.cancel()


def _unplaced(connection: Connection, held: Conversation, definition: Definition) -> int:
    """How many mails of the desk have come since our last message, may answer it, and match no conversation.

    An acknowledgement may be the sign of life that was waited for, but is not the reply after one.
    """
    since = max((m.at for m in held.messages if not m.inbound), default=held.started_at)
    heard = any(m.inbound for m in held.messages)
    kinds = {Kind.HUMAN} if heard else {Kind.HUMAN, Kind.ACKNOWLEDGEMENT}
    return messages.unmatched_from(connection, held.mailbox, desk_domains(definition), kinds, since)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
