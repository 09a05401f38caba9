"""Mail servers that follow a script over real sockets, so that a test reads as a transcript.

`S: text` is sent; `C: pattern` (of fnmatch: `[*]` is a star) must be what comes next; `TAG` is the tag of an IMAP
command; `TAG` in an `S:` line is the last tag seen. `D:` takes everything to the final dot. `close` hangs up, `hang`
says nothing more. Lines of bytes are sent as they are.
"""

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from probes.mail.account import Account

PASSWORD = "correct horse"


class Script:
    """The server of one transcript a connection, in order; the last one is for all that follow."""

    def __init__(self, transcripts: Sequence[Sequence[str | bytes]]) -> None:
        self._transcripts = list(transcripts)
        self.connections = 0
        self.heard: list[str] = []
        self.mails: list[bytes] = []
        self.mistakes: list[str] = []
        self.ended = asyncio.Event()  # a transcript was played to its end
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        transcript = self._transcripts[min(self.connections, len(self._transcripts) - 1)]
        self.connections += 1
        try:
            await self._play(transcript, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _play(
        self, transcript: Sequence[str | bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tag = ""
        for line in transcript:
            if isinstance(line, bytes):
                writer.write(line)
            elif line.startswith("S: "):
                writer.write(line[3:].replace("TAG", tag).encode() + b"\r\n")
            elif line.startswith("C: "):
                said = (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n")
                self.heard.append(said)
                pattern = line[3:]
                if pattern.startswith("TAG"):
                    tag, _, said = said.partition(" ")
                    pattern = pattern[4:]
                if not fnmatch.fnmatchcase(said, pattern):
                    self.mistakes.append(f"expected {pattern!r}, heard {said!r}")
                    return
            elif line == "D:":
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            elif line == "close":
                await writer.drain()
                writer.close()
                self.ended.set()
                return
            elif line == "hang":
                self.ended.set()
                await asyncio.Event().wait()
            await writer.drain()
        self.ended.set()
        await reader.read()

    async def aclose(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


@asynccontextmanager
async def server(*transcripts: Sequence[str | bytes], ssl: Any = None) -> AsyncIterator[Script]:
    """A running server; whatever the client said against the script fails the test at the end."""
    script = Script(transcripts)
    listening = await asyncio.start_server(script.connected, "127.0.0.1", 0, ssl=ssl)
    script.port = listening.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        listening.close()
        await script.aclose()
    assert not script.mistakes


def account(
    *, smtp: int = 25, imap: int = 143, password: str = PASSWORD, in_smtp: Any = None, in_imap: Any = None
) -> Account:
    """An account whose servers are scripts on these ports."""
    local = {"host": "127.0.0.1", "security": "none"}
    return Account.model_validate(
        {
            "address": "anna@example.net",
            "name": "Anna Keller",
            "smtp": {**local, "port": smtp, **(in_smtp or {})},
            "imap": {**local, "port": imap, **(in_imap or {})},
            "login": {"user": "anna", "password": password},
        }
    )


class Relay:
    """Passes TCP on to `port`; connection n is cut after `budgets[n]` bytes of the server, later ones never."""

    def __init__(self, port: int, budgets: Sequence[int]) -> None:
        self.cuts = 0
        self.port = 0
        self._target = port
        self._budgets = list(budgets)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = self._budgets.pop(0) if self._budgets else None
        there, out = await asyncio.open_connection("127.0.0.1", self._target)
        tasks = [asyncio.create_task(self._down(there, writer, budget)), asyncio.create_task(self._up(reader, out))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            for task in tasks:
                task.cancel()
            writer.close()
            out.close()

    async def _down(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None) -> None:
        while data := await there.read(4096 if budget is None else min(4096, budget)):
            writer.write(data)
            await writer.drain()
            if budget is not None and (budget := budget - len(data)) <= 0:
                self.cuts += 1
                return

    @staticmethod
    async def _up(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            out.write(data)
            await out.drain()


@asynccontextmanager
async def relay(port: int, budgets: Sequence[int]) -> AsyncIterator[Relay]:
    """A running relay."""
    passing = Relay(port, budgets)
    listening = await asyncio.start_server(passing.connected, "127.0.0.1", 0)
    passing.port = listening.sockets[0].getsockname()[1]
    try:
        yield passing
    finally:
        listening.close()
