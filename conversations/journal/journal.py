"""Runs operations on the database: writes in groups under one commit, reads beside them.

SQLAlchemy's synchronous Core is used in threads of our own: on SQLite that ran six times as many statements a second as the
asynchronous driver, which crosses threads at every statement; here one crossing carries a whole group of operations.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")
Operation = Callable[[Connection], T]

GROUP = 256
"""At most so many operations under one commit: a bound on how long the first of them waits."""

BUSY_MS = 30_000
"""How long a write waits for another process that is writing."""


class JournalError(Exception):
    """The journal cannot be opened or used; the message is for a person."""


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Operation[Any]
    answer: "asyncio.Future[Any]"  # touched in its event loop only


class Journal:
    """An open journal. Use as an asynchronous context manager, or call `aclose`.

    `write` returns when the operation is durable (`synchronous=FULL`); operations of several tasks share a commit. An
    operation must do nothing but database work, because a group that fails is taken back and each of it is run again
    alone, so that one bad operation harms no other.
    """

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.url.get_backend_name() != "sqlite":
            raise JournalError(f"the journal is kept in SQLite; {self.url.get_backend_name()} is not supported yet")
        self._writing = _engine(self.url, "BEGIN IMMEDIATE")
        self._reading = _engine(self.url, "BEGIN")
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()  # connections of the readers, one each at most
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="journal-read")
        self._writer = threading.Thread(target=self._write_groups, name="journal-write", daemon=True)
        self._watching: sa.PoolProxiedConnection | None = None
        self._version: tuple[int] | None = None
        self._closed = False

    @classmethod
    def at(cls, path: Path) -> Self:
        """The journal in this SQLite file."""
        return cls(f"sqlite:///{path}")

    async def open(self) -> Self:
        """Bring the tables up to date and start. Raises JournalError when the file cannot be used or is newer than we are."""
        await asyncio.to_thread(self._migrate)
        self._writer.start()
        return self

    async def aclose(self) -> None:
        """Finish what was asked and close."""
        if self._closed:
            return
        self._closed = True
        if self._writer.is_alive():
            self._queue.put(None)
            await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        while not self._idle.empty():
            self._idle.get().close()
        if self._watching is not None:
            self._watching.close()
        self._writing.dispose()
        self._reading.dispose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def write(self, operation: Operation[T]) -> T:
        """Run the operation in a transaction; its result, once that is durable.

        Cancelling the caller does not undo what was asked: the commit still happens.
        """
        if self._closed:
            raise JournalError("the journal is closed")
        answer = asyncio.get_running_loop().create_future()
        self._queue.put(_Request(operation, answer))  # from here on it is carried out, whoever still waits for it
        result: T = await answer
        return result

    async def read(self, operation: Operation[T]) -> T:
        """Run a reading operation on a snapshot."""
        if self._closed:
            raise JournalError("the journal is closed")

        def run() -> T:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._reading.connect()
            try:
                with connection.begin():
                    return operation(connection)
            finally:
                self._idle.put(connection)  # not to the engine's pool, where it would be tidied up each time

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def changed(self) -> bool:
        """Whether anything may have been committed since this was last asked, by whatever process. Takes microseconds."""
        try:
            if self._watching is None:
                self._watching = self._reading.raw_connection()
                self._watching.cursor().execute("PRAGMA busy_timeout=0")  # we stand in the event loop: never wait
            cursor = self._watching.cursor()
            version: tuple[int] = cursor.execute(
                "PRAGMA data_version"
            ).fetchone()  # differs when another connection committed
            cursor.close()
        except sqlite3.Error:
            return True
        before, self._version = self._version, version
        return version != before

    def _migrate(self) -> None:
        from conversations.journal.upgrade import upgrade  # noqa: PLC0415 - Alembic takes 80 ms to import

        if self.url.database and self.url.database != ":memory:":
            path = Path(self.url.database)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():  # it holds what customers and desks wrote: not for other users of the machine
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            except OSError as error:
                raise JournalError(f"{path}: cannot be made: {error.strerror}") from error
        try:
            upgrade(self._writing)
        except sa.exc.DatabaseError as error:
            raise JournalError(f"{self.url.database}: {error.orig}") from error

    def _write_groups(self) -> None:
        stop = False
        with self._writing.connect() as connection:
            while not stop:
                first = self._queue.get()
                if first is None:
                    return
                group = [first]
                while len(group) < GROUP:
                    try:
                        request = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if request is None:
                        stop = True
                        break
                    group.append(request)
                _commit(connection, group)


def _commit(connection: Connection, group: list[_Request]) -> None:
    try:
        with connection.begin():
            results = [request.operation(connection) for request in group]
    except BaseException as error:
        if len(group) == 1:  # a future takes any exception but StopIteration
            _answer(group, [_Raised(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)])
            return
        for request in group:
            _commit(connection, [request])
        return
    _answer(group, results)


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def _answer(group: list[_Request], results: list[Any]) -> None:
    """Give the results out: one call into the event loop for the whole group, so that all of it goes on together."""

    def give() -> None:
        for request, result in zip(group, results, strict=True):
            if request.answer.done():  # whoever waited was cancelled
                continue
            if isinstance(result, _Raised):
                request.answer.set_exception(result.error)
            else:
                request.answer.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits any more
        group[0].answer.get_loop().call_soon_threadsafe(give)


def _insist(connection: sqlite3.Connection, statement: str) -> None:
    """Execute, and wait while the file is busy: going over to WAL is refused at once while another writes, without waiting."""
    give_up = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute(statement).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _engine(url: sa.URL, begin: str) -> Engine:
    engine = sa.create_engine(
        url, hide_parameters=True, connect_args={"check_same_thread": False}, poolclass=sa.pool.QueuePool
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: Python's sqlite3 would begin too late for a lock
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_MS}",
            "cache_size=-8000",
        ):
            _insist(connection, f"PRAGMA {pragma}")

    def do_begin(dbapi_connection: sa.PoolProxiedConnection) -> None:
        dbapi_connection.cursor().execute(begin)

    # The same by SQLAlchemy's event "begin" would make every statement an eighth slower: an engine that has events
    # asks at each of them who listens.
    engine.dialect.do_begin = do_begin  # type: ignore[method-assign]
    return engine
