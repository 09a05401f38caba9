"""A connection to a server, with the time that each phase of it takes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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


class NotReached(Exception):  # noqa: N818 - an answer, which becomes a Reached
    """The server is not up; the text says why."""


class Line:
    """One connection after the other, timed together: phases of the same name add up."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = {}
        self.expires: datetime | None = None
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

    async def connect(self, host: str, port: int) -> None:
        """Look up the host (phase dns) and connect to the first of its addresses that answers (phase connect)."""
        self.hang_up()
        loop = asyncio.get_running_loop()
        with self.phase("dns", "looking up the host"):
            try:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (socket.gaierror, UnicodeError) as error:
                raise NotReached(f"the host has no address (DNS): {_why(error)}") from None
        addresses = list(dict.fromkeys(str(address[4][0]) for address in found))[:MOST_ADDRESSES]
        with self.phase("connect", "connecting"):
            for address in addresses:
                try:
                    self.reader, self.writer = await asyncio.open_connection(address, port, limit=MAX_LINE)
                except OSError as error:
                    if address == addresses[-1]:
                        raise NotReached(f"no connection to {address} port {port}: {_why(error)}") from None
                else:
                    self._open = self.writer
                    return

    async def secure(self, host: str, ca_file: Path | None = None) -> None:
        """Go over to TLS (phase tls), checking the certificate against `ca_file` or the system's authorities."""
        try:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=ca_file)
        except OSError as error:  # an SSLError is one
            raise NotReached(f"the file of trusted authorities cannot be used: {_why(error)}") from None
        with self.phase("tls", "starting TLS"):
            try:
                await self.writer.start_tls(context, server_hostname=host)
            except ssl.SSLCertVerificationError as error:
                raise NotReached(f"bad certificate: {error.verify_message}"[:300]) from None
            except (ssl.SSLError, ConnectionError, EOFError) as error:
                raise NotReached(f"TLS failed: {_why(error)}") from None
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
    return Reached(reason is None, dict(line.phases), one_line(reason) if reason else None, line.expires)


@contextlib.asynccontextmanager
async def polite_end(line: Line, farewell: str) -> AsyncIterator[None]:
    """Say goodbye after what is inside; a server that does not hear it is up all the same."""
    yield
    with contextlib.suppress(OSError):
        await line.say(farewell)


def one_line(text: str) -> str:
    """`text` from a server, fit for a message: printable, on one line, bounded."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _why(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
