"""A connection to a server, with the time that each phase of it takes."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, Protocol

from probes.reach.network import depth, has_way

MAX_LINE = 64 * 1024
MOST_ADDRESSES = 4
LOOK_SECONDS = 2.0  # for a look at a certificate that has ended

# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED and X509_V_FLAG_NO_CHECK_TIME, for which Python has no names.
_HAS_EXPIRED, _NO_CHECK_TIME = 10, ssl.VerifyFlags(0x200000)

# Lookups have threads of their own: when no name server answers they hang for seconds, and would keep everything waiting
# that shares the loop's.
_LOOKUPS = ThreadPoolExecutor(max_workers=40, thread_name_prefix="lookup")

Found = tuple[socket.AddressFamily, str]
"""An address and its kind."""

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


class CertificateEnded(NotReached):
    """Its certificate has ended, or one that vouches for it."""


class NotTried(NotReached):
    """It could not be tried, for a reason on our side; the text says why."""


class NoSuchAddress(Exception):
    """The host has no address of the kind that was asked for."""


class Line:
    """One connection after the other, timed together: phases of the same name add up.

    With a `family` it goes over addresses of that kind: the first host must have one, those that it leads to should.
    """

    def __init__(self, family: socket.AddressFamily = socket.AF_UNSPEC) -> None:
        self.family = family
        self.address = ""  # of the other end
        self.found = False  # whether the host has addresses at all
        self.unanswered: str | None = None  # the host of a lookup that brought neither an address nor a no
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

    async def connect(self, server: Server, *, led_here_by: str | None = None) -> None:
        """Look up the host (phase dns), connect to the first of its addresses that answers (phase connect), and go on
        in TLS (phase tls) if the server speaks it from the start.

        `led_here_by`: an address whose server named this host; then it may not lie further inside than that.
        """
        self.hang_up()
        addresses = await self._addresses(server)
        if led_here_by is not None:
            addresses = _outward(server.host, addresses, led_here_by)
        connection = await self._connected(addresses, server.port)
        try:
            if server.security == "tls":
                context = await _trust(server.ca_file)
                with self._tls():
                    self.reader, self.writer = await asyncio.open_connection(
                        sock=connection, ssl=context, server_hostname=server.host, limit=MAX_LINE
                    )
                self._read_certificate(self.writer)
            else:
                self.reader, self.writer = await asyncio.open_connection(sock=connection, limit=MAX_LINE)
        except CertificateEnded:
            connection.close()
            await self._read_what_has_ended(server)
            raise
        except BaseException:
            connection.close()
            raise
        self._open = self.writer

    async def secure(self, server: Server) -> None:
        """Go over to TLS (phase tls) on the open connection."""
        context = await _trust(server.ca_file)
        with self._tls():
            await self.writer.start_tls(context, server_hostname=server.host)
        self._read_certificate(self.writer)

    async def _addresses(self, server: Server) -> list[Found]:
        with self.phase("dns", "looking up the host"):
            self.unanswered = server.host
            try:
                found = await asyncio.get_running_loop().run_in_executor(
                    _LOOKUPS, partial(socket.getaddrinfo, server.host, server.port, type=socket.SOCK_STREAM)
                )
            except (socket.gaierror, UnicodeError) as error:
                if getattr(error, "errno", None) != socket.EAI_AGAIN:
                    self.unanswered = None
                raise NotReached(f"the host has no address (DNS): {why(error)}") from None
            self.unanswered = None
        addresses: list[Found] = [(family, str(address[0])) for family, _, _, _, address in found]
        of_this_kind = [each for each in addresses if self.family in {each[0], socket.AF_UNSPEC}]
        if not of_this_kind and not self.found:
            raise NoSuchAddress
        self.found = True
        return list(dict.fromkeys(of_this_kind or addresses))[:MOST_ADDRESSES]

    async def _connected(self, addresses: list[Found], port: int) -> socket.socket:
        if not (ways := [found for found in addresses if has_way(*found, port)]):
            raise NotTried(f"this machine has no network route to {addresses[0][1]}")
        reason = ""
        with self.phase("connect", "connecting"):
            for family, address in ways:
                connection = socket.socket(family, socket.SOCK_STREAM)
                connection.setblocking(False)
                try:
                    await asyncio.get_running_loop().sock_connect(connection, (address, port))
                except OSError as error:
                    connection.close()
                    reason = f"no connection to {address} port {port}: {why(error)}"
                except BaseException:
                    connection.close()
                    raise
                else:
                    self.address = address
                    return connection
        raise NotReached(reason)

    @contextlib.contextmanager
    def _tls(self) -> Iterator[None]:
        with self.phase("tls", "starting TLS"):
            try:
                yield
            except ssl.SSLCertVerificationError as error:
                refused = CertificateEnded if error.verify_code == _HAS_EXPIRED else NotReached
                raise refused(f"bad certificate: {error.verify_message}"[:300]) from None
            except (ssl.SSLError, ConnectionError, EOFError) as error:
                raise NotReached(f"TLS failed: {why(error)}") from None

    async def _read_what_has_ended(self, server: Server) -> None:
        """Read the certificate of a connection of its own, since of one that it refuses OpenSSL tells nothing."""
        with contextlib.suppress(OSError, EOFError, NotReached):  # a TimeoutError is an OSError
            context = await _trust(server.ca_file, ended=True)
            async with asyncio.timeout(LOOK_SECONDS):
                _, writer = await asyncio.open_connection(
                    self.address, server.port, ssl=context, server_hostname=server.host
                )
            self._read_certificate(writer)
            writer.transport.abort()

    def _read_certificate(self, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert") or {}
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


def _outward(host: str, addresses: list[Found], led_here_by: str) -> list[Found]:
    """Those addresses that lie no further inside than the one whose server led us here.

    Else a page on the internet could have us knock at doors inside our own network.
    """
    if allowed := [found for found in addresses if depth(found[1]) <= depth(led_here_by)]:
        return allowed
    raise NotReached(
        f"it leads to {one_line(host)} ({addresses[0][1]}) inside a private network; only the config may send us there"
    )


async def _trust(ca_file: Path | None, *, ended: bool = False) -> ssl.SSLContext:
    """Whom to trust; with `ended` also after their time, only to read what they show."""
    try:
        return await asyncio.get_running_loop().run_in_executor(_LOOKUPS, _trusted, ca_file, ended)
    except OSError as error:  # an SSLError is one
        raise NotReached(f"the file of trusted authorities cannot be used: {why(error)}") from None


def _trusted(ca_file: Path | None, ended: bool) -> ssl.SSLContext:
    known = ca_file or ssl.get_default_verify_paths().cafile
    return _read_authorities(ca_file, Path(known).stat().st_mtime if known else 0.0, ended)


@lru_cache(maxsize=20)
def _read_authorities(ca_file: Path | None, changed: float, ended: bool) -> ssl.SSLContext:
    """Remembered until the file changes: to read it takes longer than a handshake."""
    context = ssl.create_default_context(cafile=ca_file)
    if ended:
        context.verify_flags |= _NO_CHECK_TIME
    return context


def one_line(text: str) -> str:
    """`text` from a server, fit for a message: printable, on one line, bounded."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def why(error: BaseException) -> str:
    """What an error of the network says, on one line."""
    match error:
        case ssl.SSLError(reason=str(text)) | socket.gaierror(strerror=str(text)):
            return text
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number)  # asyncio's own text repeats the address
    return one_line(str(error)) or type(error).__name__
