"""Who is advanced when, without an engine: only the journal and a stand-in that parks or ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from conversations.dispatch import local as module
from conversations.dispatch.local import AT_ONCE, LocalDispatch
from conversations.journal import Journal, lifecycle
from tests.conversations.desk import START, Clock, until
from tests.conversations.journal.conftest import new

ENOUGH = 10.0  # seconds after which a test is stuck


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal.at(tmp_path / "journal.sqlite") as opened:
        yield opened


async def begun(journal: Journal, count: int) -> list[str]:
    ids = [f"c{number}" for number in range(count)]
    for number, each in enumerate(ids):
        await journal.write(lambda c, i=each, n=number: lifecycle.start(c, new(i, due_at=START + n), START))  # type: ignore[misc]
    return ids


class Worker:
    """Claims, notes it, does `work`, and parks for good."""

    def __init__(self, journal: Journal, work: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.journal, self.work = journal, work
        self.advanced: Counter[str] = Counter()
        self.now, self.most = 0, 0

    async def __call__(self, conversation_id: str) -> None:
        held = await self.journal.write(lambda c: lifecycle.claim(c, conversation_id, "w", START, START + 60))
        assert held is not None
        self.advanced[conversation_id] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        if self.work is not None:
            await self.work(conversation_id)
        self.now -= 1
        await self.journal.write(lambda c: lifecycle.park(c, held, "w", None, ()))


async def test_a_sweep_sets_everything_in_motion_that_is_due_and_nothing_else(journal: Journal) -> None:
    await begun(journal, 3)
    await journal.write(lambda c: lifecycle.claim(c, "c2", "somebody else", START, START + 60))
    may_end = asyncio.Event()

    async def work(_: str) -> None:
        await may_end.wait()

    worker = Worker(journal, work)
    dispatch = LocalDispatch(journal, worker, Clock())
    assert await dispatch.sweep() == 2
    assert await dispatch.sweep() == 0, "what is in motion is not started again"
    may_end.set()
    await dispatch.drain()
    assert worker.advanced == {"c0": 1, "c1": 1}


async def test_a_nudge_while_it_is_being_advanced_advances_it_once_more(journal: Journal) -> None:
    await begun(journal, 1)
    going_on, may_end = asyncio.Event(), asyncio.Event()

    async def work(_: str) -> None:
        going_on.set()
        await may_end.wait()

    worker = Worker(journal, work)
    dispatch = LocalDispatch(journal, worker, Clock())
    dispatch.nudge("c0")
    async with asyncio.timeout(ENOUGH):
        await going_on.wait()
        for _ in range(5):
            dispatch.nudge("c0")
        may_end.set()
        await dispatch.drain()
    assert worker.advanced == {"c0": 2}


async def test_never_more_than_so_many_at_once_and_all_in_the_end(journal: Journal) -> None:
    await begun(journal, AT_ONCE + 20)
    full, may_end = asyncio.Event(), asyncio.Event()

    async def work(_: str) -> None:
        if worker.now >= AT_ONCE:
            full.set()
        await may_end.wait()

    worker = Worker(journal, work)
    dispatch = LocalDispatch(journal, worker, Clock())
    async with asyncio.timeout(ENOUGH):
        draining = asyncio.create_task(dispatch.drain())
        await full.wait()
        assert worker.most == AT_ONCE
        may_end.set()
        await draining
    assert worker.most == AT_ONCE
    assert sum(worker.advanced.values()) == AT_ONCE + 20


async def test_one_that_raises_stops_no_other_and_is_tried_again(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    await begun(journal, 2)
    failures = ["disk full"]

    async def advance(conversation_id: str) -> None:
        if conversation_id == "c0" and failures:
            raise RuntimeError(failures.pop())
        await worker(conversation_id)

    worker = Worker(journal)
    dispatch = LocalDispatch(journal, advance, Clock())
    await dispatch.drain()
    assert worker.advanced == {"c0": 1, "c1": 1}
    assert "c0 could not be advanced" in caplog.text


async def test_only_one_conversation_when_it_is_told_so(journal: Journal) -> None:
    await begun(journal, 3)
    worker = Worker(journal)
    dispatch = LocalDispatch(journal, worker, Clock(), only={"c1"})
    dispatch.nudge("c0")
    await dispatch.drain()
    assert worker.advanced == {"c1": 1}


async def test_it_runs_until_it_is_cancelled_and_lets_go_of_what_is_in_motion(journal: Journal) -> None:
    await begun(journal, 1)
    going_on, let_go = asyncio.Event(), asyncio.Event()

    async def work(_: str) -> None:
        going_on.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.set()

    dispatch = LocalDispatch(journal, Worker(journal, work), Clock())
    running = asyncio.create_task(dispatch.run())
    async with asyncio.timeout(ENOUGH):
        await going_on.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert let_go.is_set()


async def test_a_journal_that_cannot_be_read_for_a_moment_does_not_stop_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    await begun(journal, 1)
    troubles, read = [OSError("disk"), OSError("disk")], journal.read

    async def troubled(operation: Callable[..., object]) -> object:
        if troubles:
            raise troubles.pop()
        return await read(operation)

    monkeypatch.setattr(journal, "read", troubled)
    worker = Worker(journal)
    running = asyncio.create_task(LocalDispatch(journal, worker, Clock()).run())
    try:
        await until(lambda: worker.advanced["c0"] == 1, "it is advanced after all")
    finally:
        running.cancel()
    assert caplog.text.count("could not be read") == 2


async def test_a_message_that_another_process_stored_is_noticed_without_a_nudge(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    await begun(journal, 1)
    worker = Worker(journal)
    running = asyncio.create_task(LocalDispatch(journal, worker, Clock()).run())
    try:
        await until(lambda: worker.advanced["c0"] == 1 and worker.now == 0, "it is advanced")
        await until_parked(journal)
        await journal.write(
            lambda c: c.exec_driver_sql("UPDATE conversation SET wake_at = 0")
        )  # as `store` in another process does
        await until(lambda: worker.advanced["c0"] == 2, "it is advanced again")
    finally:
        running.cancel()


async def until_parked(journal: Journal) -> None:
    async with asyncio.timeout(ENOUGH):
        while (held := await journal.read(lambda c: lifecycle.load(c, "c0"))) is None or held.owner is not None:
            await asyncio.sleep(0)
