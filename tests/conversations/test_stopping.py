"""A process that is told to stop while it sends: what is past its point of no return may end, all else is abandoned."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from conversations.customer import Customer
from conversations.dispatch import local
from conversations.dispatch.local import LocalDispatch
from conversations.engine import Engine
from conversations.journal import Journal, lifecycle
from conversations.records import Conversation, Status, Verdict
from conversations.scenario import scenario
from conversations.sending import Sending
from probes.contact import PointOfNoReturn
from probes.errors import SendUncertain
from probes.mail.smtp import Accepted
from tests.conversations.desk import Town, World, begin, definition, life, until


@scenario("Write twice")
async def twice(customer: Customer) -> None:
    await customer.write("What does it cost?", subject="Question")
    await customer.reply()
    await customer.answer("Thank you.")


class Halting(World):
    """Stops before and after its point of no return, until it is let go on."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.at_the_point, self.past_it, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.halt_before = False

    async def send_mail(
        self, mailbox: str, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        self.at_the_point.set()
        if self.halt_before:
            await self.go_on.wait()

        async def point() -> None:
            await point_of_no_return()
            self.past_it.set()
            try:
                await self.go_on.wait()
            except asyncio.CancelledError as error:
                raise SendUncertain("cut off") from error

        return await super().send_mail(mailbox, mail, sender=sender, recipients=recipients, point_of_no_return=point)


@asynccontextmanager
async def process(town: Town) -> AsyncIterator[tuple[Journal, LocalDispatch, Halting]]:
    async with Journal.at(town.folder / "journal.sqlite") as journal:
        world, sending = Halting(town), Sending()
        engine = Engine(journal, world, town.clock, "test:1", lambda _: twice, sending)
        yield journal, LocalDispatch(journal, engine.advance, town.clock, sending=sending), world


async def happened(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 20)


async def only(journal: Journal) -> Conversation:
    (conversation_id,) = await journal.read(lifecycle.listed)
    held = await journal.read(lambda c: lifecycle.load(c, conversation_id))
    assert held is not None
    return held


async def test_a_send_past_its_point_of_no_return_may_end_and_its_outcome_is_written(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with process(town) as (journal, dispatch, world):
        dispatch.nudge(await begin(journal, definition(), town.clock.now()))
        await happened(world.past_it)
        stopping = asyncio.create_task(dispatch.stop())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not stopping.done()
        world.go_on.set()
        await stopping
        first = (await only(journal)).steps[0]
        assert (first.name, first.status) == ("write", Status.DONE)
    assert len(town.delivered) == 1


async def test_a_send_that_has_not_reached_it_is_abandoned_and_done_in_the_next_life(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=lambda town, mail: town.reply(mail, "Ten euros."))
    async with process(town) as (journal, dispatch, world):
        world.halt_before = True
        conversation_id = await begin(journal, definition(), town.clock.now())
        dispatch.nudge(conversation_id)
        await happened(world.at_the_point)
        await dispatch.stop()
        assert [(step.name, step.status) for step in (await only(journal)).steps] == [("write", Status.INTENDED)]
        assert town.delivered == []
        await journal.write(lambda c: lifecycle.release_all(c, "test:", town.clock.now()))
    async with life(town, twice) as next_life:
        ended = await next_life.play(conversation_id)
    assert (ended.verdict, len(town.delivered)) == (Verdict.PASSED, 2)


async def test_once_it_is_closed_no_send_goes_past_the_point_even_uncancelled(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with process(town) as (journal, dispatch, world):
        world.halt_before = True
        dispatch.nudge(await begin(journal, definition(), town.clock.now()))
        await happened(world.at_the_point)
        dispatch.close()
        world.go_on.set()
        await until(lambda: not dispatch._running, "it ends by itself")
        assert [(step.name, step.status) for step in (await only(journal)).steps] == [("write", Status.INTENDED)]
        dispatch.nudge((await only(journal)).id)
        assert not dispatch._running, "nothing more is set in motion"
    assert town.delivered == []


async def test_a_send_that_does_not_end_in_time_is_cut_off_and_uncertain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LET_END", 0.05)
    town = Town(tmp_path)
    async with process(town) as (journal, dispatch, world):
        dispatch.nudge(await begin(journal, definition(), town.clock.now()))
        await happened(world.past_it)
        await dispatch.stop()
        assert [(step.name, step.status) for step in (await only(journal)).steps] == [("write", Status.UNCERTAIN)]
    assert town.delivered == []
