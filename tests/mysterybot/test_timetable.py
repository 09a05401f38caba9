"""Recurring work on the schedule library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mysterybot.timetable import Timetable
from tests.conversations.desk import until

ENOUGH = 20.0  # seconds after which a test is stuck


@asynccontextmanager
async def running(timetable: Timetable) -> AsyncIterator[None]:
    task = asyncio.create_task(timetable.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_work_is_done_at_once_and_again_after_its_interval() -> None:
    done: list[float] = []

    async def work() -> None:
        done.append(asyncio.get_running_loop().time())

    timetable = Timetable()
    timetable.every(1, "work", work)
    async with running(timetable):
        async with asyncio.timeout(ENOUGH):
            while len(done) < 2:
                await asyncio.sleep(0.05)
    assert done[1] - done[0] > 0.5, "not in a busy loop"


async def test_work_that_fails_is_logged_and_done_again_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    tried, other = list[int](), list[int]()

    async def fails() -> None:
        tried.append(1)
        raise RuntimeError("disk full")

    async def works() -> None:
        other.append(1)

    timetable = Timetable()
    timetable.every(1, "the bad one", fails)
    timetable.every(3600, "the good one", works)
    async with running(timetable):
        async with asyncio.timeout(ENOUGH):
            while len(tried) < 2:
                await asyncio.sleep(0.05)
    assert other == [1]
    assert "the bad one failed; it is tried again at its next turn" in caplog.text


async def test_work_that_takes_long_is_not_begun_twice_and_delays_no_other() -> None:
    begun, ticks = list[int](), list[int]()

    async def long() -> None:
        begun.append(1)
        await asyncio.Event().wait()

    async def tick() -> None:
        ticks.append(1)

    timetable = Timetable()
    timetable.every(1, "long", long)
    timetable.every(1, "tick", tick)
    async with running(timetable):
        async with asyncio.timeout(ENOUGH):
            while len(ticks) < 3:
                await asyncio.sleep(0.05)
    assert begun == [1]


async def test_work_in_motion_is_cancelled_when_the_timetable_stops() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    timetable = Timetable()
    timetable.every(1, "work", work)
    async with running(timetable):
        await until(begun.is_set, "it begins")
    assert stopped.is_set()
