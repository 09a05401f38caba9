"""A connection to a server, with the time that each phase of it takes."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from probes.reach.reached import Reached

MAX_LINE = 64 * 1024
MOST_ADDRESSES = 4

Security = Literal["tls", "starttls", "none"]


class Server(Protocol):
    """Where a mail server is: the settings of an account's SMTP or IMAP server are one."""

    @property
    def host(self) -> str:
        """Host name or address."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def security(self) -> Security:
        """`tls` from the start, `starttls`, or `none`."""

    @property
    def ca_file(self) -> Path | None:
        """PEM file of authorities to trust instead of the system's."""


@dataclass(frozen=True, slots=True)
class Address:
    """A `Server` that is known by its address only."""

    host: str
    port: int
    security: Security = "none"
    ca_file: Path | None = None


class NotReached(Exception):
    """The server is not up; the text says why."""


class Line:
    """One connection after the other, timed together: phases of the same name add up."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self.expires: datetime | None = None
        self.remark: str | None = None  # what a person should know though the server is up
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self._doing = "starting"
        self._open: asyncio.StreamWriter | None = None

    @contextlib.contextmanager
    def phase(self, name: str, doing: str) -> Iterator[None]:
        """Time what is done inside as the phase `name`; `doing` is said when it fails, as in "timed out while …"."""
        self._doing = doing
        start = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + asyncio.get_running_loop().time() - start

    async def connect(self, server: Server) -> None:
        """Look up the host (phase dns), connect to the first of its addresses that answers (phase connect), and go on
        in TLS (phase tls) if the server speaks it from the start.
        """
        self.hang_up()
        connection = await self._connected(await self._addresses(server), server.port)
        try:
            if server.security == "tls":
                context = await _trust(server.ca_file)
                with self._tls():
                    self.reader, self.writer = await asyncio.open_connection(
                        sock=connection, ssl=context, server_hostname=server.host, limit=MAX_LINE
                    )
                self._read_certificate()
            else:
                self.reader, self.writer = await asyncio.open_connection(sock=connection, limit=MAX_LINE)
        except BaseException:
            connection.close()
            raise
        self._open = self.writer

    async def secure(self, server: Server) -> None:
        """Go over to TLS (phase tls) on the open connection."""
        context = await _trust(server.ca_file)
        with self._tls():
            await self.writer.start_tls(context, server_hostname=server.host)
        self._read_certificate()

    async def _addresses(self, server: Server) -> list[tuple[socket.AddressFamily, str]]:
        with self.phase("dns", "looking up the host"):
            try:
                found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
            except (socket.gaierror, UnicodeError) as error:
                raise NotReached(f"the host has no address (DNS): {_why(error)}") from None
        addresses: dict[tuple[socket.AddressFamily, str], None] = {
            (family, str(address[0])): None for family, _, _, _, address in found
        }
        return list(addresses)[:MOST_ADDRESSES]

    async def _connected(self, addresses: list[tuple[socket.AddressFamily, str]], port: int) -> socket.socket:
        why = "none of its addresses can be used"
        with self.phase("connect", "connecting"):
            for family, address in addresses:
                connection = socket.socket(family, socket.SOCK_STREAM)
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, (address, port))
                except OSError as error:
                    connection.close()
                    why = f"no connection to {address} port {port}: {_why(error)}"
                except BaseException:
                    connection.close()
                    raise
                else:
                    return connection
        raise NotReached(why)

    @contextlib.contextmanager
    def _tls(self) -> Iterator[None]:
        with self.phase("tls", "starting TLS"):
            try:
                yield
            except ssl.SSLCertVerificationError as error:
                raise NotReached(f"bad certificate: {error.verify_message}"[:300]) from None
            except (ssl.SSLError, ConnectionError, EOFError) as error:
                raise NotReached(f"TLS failed: {_why(error)}") from None

    def _read_certificate(self) -> None:
        certificate = self.writer.get_extra_info("peercert") or {}
        if ends := certificate.get("notAfter"):
            self.expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    async def say(self, text: str) -> None:
        """Send one line."""
        self.writer.write(text.encode("ascii", "replace") + b"\r\n")
        await self.writer.drain()

    async def hear(self) -> str:
        """Read one line, without its end; at most 64 KiB."""
        try:
            line = await self.reader.readline()
        except ValueError:
            raise NotReached(f"a line is longer than {MAX_LINE} bytes") from None
        if not line:
            raise NotReached("the server closed the connection")
        return line.decode("utf-8", "replace").rstrip("\r\n")

    async def say_goodbye(self, text: str) -> None:
        """Send the last line; a server that does not hear it was up all the same."""
        with contextlib.suppress(OSError):
            await self.say(text)

    def hang_up(self) -> None:
        """Close the connection, if there is one, without waiting."""
        if self._open:
            self._open.transport.abort()
            self._open = None

    @property
    def doing(self) -> str:
        """What is or was done last."""
        return self._doing


async def reached(conversation: Callable[[Line], Awaitable[None]], seconds: float) -> Reached:
    """The result of a conversation over a line within `seconds`: it is up when it ends without an error."""
    line = Line()
    reason: str | None = None
    try:
        async with asyncio.timeout(seconds):
            await conversation(line)
    except NotReached as error:
        reason = str(error)
    except TimeoutError:
        reason = f"timed out after {seconds:g} seconds while {line.doing}"
    except (OSError, EOFError) as error:
        reason = f"the connection broke while {line.doing}: {_why(error)}"
    finally:
        line.hang_up()
    told = line.remark if reason is None else reason
    return Reached(reason is None, dict(line.phases), one_line(told) if told else None, line.expires)


async def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return await asyncio.to_thread(ssl.create_default_context, cafile=ca_file)
    except OSError as error:  # an SSLError is one
        raise NotReached(f"the file of trusted authorities cannot be used: {_why(error)}") from None


def one_line(text: str) -> str:
    """`text` from a server, fit for a message: printable, on one line, bounded."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _why(error: BaseException) -> str:
    match error:
        case ssl.SSLError(reason=str(why)) | socket.gaierror(strerror=str(why)):
            return why
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)  # asyncio's own text repeats the address
    return one_line(str(error)) or type(error).__name__
