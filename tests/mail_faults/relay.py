"""A TCP relay that spoils what it passes on, at random but by a seed: cuts, resets, stalls, corrupts, delays."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random

CHUNK = 4096
LINGER_NONE = struct.pack("ii", 1, 0)  # close() sends RST
EVERYTHING = {"cut": 4, "reset": 4, "stall": 2, "corrupt": 4, "delay": 6}
"""How often which fault, beside one another."""


class Relay:
    """Passes TCP on to `port`. With probability `rate` a chunk meets a fault, whichever way it goes.

    Of a chunk that is cut off, any number of bytes still arrives. A stall lets nothing through either way for `stall`
    seconds and then cuts. `faults` counts; a delay is in `delays`, since no client should so much as notice it.
    """

    def __init__(
        self, port: int, rng: Random, *, rate: float, kinds: Mapping[str, int] = EVERYTHING, stall: float = 3.0
    ) -> None:
        self.port = 0
        self.rate = rate
        self.faults: Counter[str] = Counter()
        self.delays = 0
        self.connections = 0
        self._target = port
        self._rng = rng
        self._kinds = kinds
        self._stall = stall
        self._open: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._target)
            line = _Line(self, writer, out)
            ways = [asyncio.create_task(line.pass_on(reader, out)), asyncio.create_task(line.pass_on(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                line.close()
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._open.discard(task)

    def fault(self) -> str | None:
        """What befalls this chunk."""
        if self._rng.random() >= self.rate:
            return None
        kind = self._rng.choices(list(self._kinds), list(self._kinds.values()))[0]
        if kind == "delay":
            self.delays += 1
        else:
            self.faults[kind] += 1
        return kind

    def some_of(self, data: bytes) -> bytes:
        return data[: self._rng.randrange(len(data) + 1)]

    def corrupted(self, data: bytes) -> bytes:
        spoilt = bytearray(data)
        spoilt[self._rng.randrange(len(spoilt))] ^= 1 << self._rng.randrange(8)
        return bytes(spoilt)

    async def pause(self) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.3))

    async def hang(self) -> None:
        await asyncio.sleep(self._stall)

    async def aclose(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


class _Line:
    """One connection through the relay."""

    def __init__(self, relay: Relay, *ends: asyncio.StreamWriter) -> None:
        self._relay = relay
        self._ends = ends
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def pass_on(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        relay = self._relay
        while data := await source.read(CHUNK):
            await self._flowing.wait()
            match relay.fault():
                case "delay":
                    await relay.pause()
                case "corrupt":
                    data = relay.corrupted(data)
                case "stall":
                    self._flowing.clear()
                    await relay.hang()
                    return
                case "cut":
                    to.write(relay.some_of(data))
                    return
                case "reset":
                    to.write(relay.some_of(data))
                    self._reset()
                    return
            to.write(data)
            await to.drain()

    def _reset(self) -> None:
        for end in self._ends:
            connection = end.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            end.transport.abort()

    def close(self) -> None:
        for end in self._ends:
            end.close()


@asynccontextmanager
async def relay(port: int, rng: Random, **how: object) -> AsyncIterator[Relay]:
    """A running relay."""
    passing = Relay(port, rng, **how)  # type: ignore[arg-type]  # the keywords of Relay
    listening = await asyncio.start_server(passing.connected, "127.0.0.1", 0)
    passing.port = listening.sockets[0].getsockname()[1]
    try:
        yield passing
    finally:
        listening.close()
        await passing.aclose()
