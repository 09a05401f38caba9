"""What holds for the journal in a SQLite file."""

import asyncio
import multiprocessing
import os
import sqlite3
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from conversations.journal import Journal, JournalError, aggregates, lifecycle
from tests.conversations.desk import START
from tests.conversations.journal.conftest import new

ROUNDS = 8


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_its_owner_may_read_the_journal(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with Journal.at(tmp_path / "journal.sqlite") as journal:
            await journal.write(lambda c: aggregates.add(c, "counted", {}))
            assert {path.name: oct(mode(path)) for path in tmp_path.iterdir()} == dict.fromkeys(
                ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"), "0o600"
            )
    finally:
        os.umask(before)


async def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    async with Journal.at(tmp_path / "journal.sqlite") as journal:
        found = {
            name: await journal.write(lambda c, n=name: c.exec_driver_sql(f"PRAGMA {n}").scalar())  # type: ignore[misc]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}  # 2 is FULL


async def test_a_file_that_is_no_journal_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("these are my holiday photos " * 100)
    journal = Journal.at(path)
    with pytest.raises(JournalError, match=r"journal\.sqlite: file is not a database"):
        await journal.open()
    await journal.aclose()
    assert path.read_text().startswith("these are my holiday photos")


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal.at(tmp_path / "file" / "journal.sqlite")
    with pytest.raises(JournalError, match=r"cannot be made: "):
        await journal.open()
    await journal.aclose()


async def test_another_database_is_not_supported_yet_and_its_password_is_not_told() -> None:
    with pytest.raises(JournalError, match="postgresql is not supported yet") as told:
        Journal("postgresql://bot:hunter2@127.0.0.1/bot")
    assert "hunter2" not in str(told.value)


def _open_and_start(
    folder: str, together: Barrier, name: str, answers: "multiprocessing.Queue[tuple[str, object]]"
) -> None:
    async def work() -> int:
        started = 0
        for number in range(ROUNDS):
            together.wait(60)
            async with Journal.at(Path(folder) / f"{number}.sqlite") as journal:
                started += await journal.write(
                    lambda c: lifecycle.start(c, new(name, reference=name), START)  # the same slot for all
                )
        return started

    try:
        answers.put((name, asyncio.run(work())))
    except BaseException as error:
        together.abort()
        answers.put((name, repr(error)))


async def test_a_new_journal_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.2, other.rollback)
    journal = Journal.at(path)
    try:
        await journal.open()
    finally:
        await journal.aclose()
        other.close()


def test_processes_that_open_a_new_journal_at_the_same_moment_all_can(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together, answers = context.Barrier(3), context.Queue()
    workers = [
        context.Process(target=_open_and_start, args=(str(tmp_path), together, f"p{n}", answers)) for n in range(3)
    ]
    for worker in workers:
        worker.start()
    results = [answers.get(timeout=90) for _ in workers]
    for worker in workers:
        worker.join(30)
    counts = [count for _, count in results]
    assert all(isinstance(count, int) for count in counts), results
    assert sum(counts) == ROUNDS, "one of them starts each slot"
    for number in range(ROUNDS):
        with sqlite3.connect(tmp_path / f"{number}.sqlite") as connection:
            assert connection.execute("SELECT count(*) FROM conversation").fetchone() == (1,)
