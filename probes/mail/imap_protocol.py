"""aioimaplib's protocol with its reading side replaced and its silence about lost connections ended.

Its own parser recurses once a line, copies the rest of the input each time, changes quoted strings, and dies of 8-bit
words. Here every response goes to the one command that is under way; a lost connection fails that command at once;
nothing is logged, since a LOGIN and people's mail pass through.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime

from aioimaplib import aioimaplib

from probes.mail.connecting import one_line
from probes.mail.responses import OutOfProtocol, Reader, Response

MAX_ANSWER_BYTES = 64 * 1024 * 1024  # of one command; what we ask for is far below, whatever the server claimed


class Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # aioimaplib is not typed
    """aioimaplib's protocol, reading with our reader and never silent about a lost connection."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(asyncio.get_running_loop())
        self.reader = Reader()
        self.greeting: asyncio.Future[bytes] = self.loop.create_future()
        self.lost: BaseException | None = None
        self.stirred = asyncio.Event()  # new mail, or the connection is lost
        self.continued = asyncio.Event()  # the server goes on with the command, or has ended it
        self.exists_at: datetime | None = None
        self.in_idle = False  # new mail ends it, without waiting for whoever waits
        self.reply: list[bytes] = []  # to the continuations of AUTHENTICATE
        self.challenge = b""  # what the last continuation said
        self._now = now
        self._gathered = 0

    def data_received(self, data: bytes) -> None:
        """Read what came; nonsense ends the connection."""
        try:
            for response in self.reader.feed(data):
                self._take(response)
        except OutOfProtocol as error:
            self.fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait."""
        self.fail(exc or ConnectionResetError("the server closed the connection"))

    def fail(self, error: BaseException) -> None:
        """Give up the connection: whoever waits for anything on it is told `error`."""
        self.lost = self.lost or error
        if self.transport is not None:
            self.transport.abort()
        if not self.greeting.done():
            self.greeting.set_exception(self.lost)
            self.greeting.exception()  # seen: nobody may be waiting yet
        for command in self._pending():
            command._exception = self.lost
            command._event.set()
        self.stirred.set()
        self.continued.set()

    def end_idle(self) -> None:
        """Say DONE, once."""
        if self.in_idle and self.lost is None:
            self.transport.write(b"DONE\r\n")
        self.in_idle = False

    def send(self, line: str, scrub: str | None = None) -> None:
        """Write a line; raises what the connection was lost by."""
        if self.lost is not None:
            raise self.lost
        self.transport.write(line.encode() + b"\r\n")

    async def execute(self, command: aioimaplib.Command, scrub: str | None = None) -> aioimaplib.Response:
        """Give a command and wait for its end, for ever if need be: deadlines are the session's."""
        self._gathered = 0
        self.continued.clear()
        try:
            return await super().execute(command, scrub)
        finally:
            self.continued.set()

    def _pending(self) -> list[aioimaplib.Command]:
        both = [self.pending_sync_command, *self.pending_async_commands.values()]
        return [command for command in both if command is not None]

    def _take(self, response: Response) -> None:
        line = response[0]
        if not self.greeting.done():
            self.greeting.set_result(line)
        elif line.startswith(b"* "):
            self._untagged(response)
        elif line.startswith(b"+"):
            self.challenge = line[1:].strip()
            if self.reply:
                self.transport.write(self.reply.pop(0) + b"\r\n")
            self.continued.set()
        else:
            self._tagged(line)

    def _untagged(self, response: Response) -> None:
        line = response[0]
        if re.fullmatch(rb"\* \d+ EXISTS *", line, re.IGNORECASE):
            self.exists_at = self.exists_at or self._now()
            self.end_idle()
            self.stirred.set()
        elif line[:5].upper() == b"* BYE":
            raise OutOfProtocol(f"the server says goodbye: {one_line(line[5:])}")
        for command in self._pending():
            self._gathered += 64 + sum(map(len, response))
            if self._gathered > MAX_ANSWER_BYTES:
                raise OutOfProtocol("an answer that is too large")
            if command.name != "IDLE":
                command.append_to_resp(response)

    def _tagged(self, line: bytes) -> None:
        tag, _, rest = line.partition(b" ")
        result, _, text = rest.partition(b" ")
        for command in self._pending():
            if command.tag.encode() == tag:
                self.pending_sync_command = None
                self.in_idle = False
                self.pending_async_commands.clear()
                command.close(text, result=result.decode("ascii", "replace").upper())
                return
        raise OutOfProtocol("the server answers a command that was not given")
