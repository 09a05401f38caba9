import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme

Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable["Desk"]]

EXPIRES = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """A server as the config describes it."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    ca_file: Path | None


@dataclass(frozen=True)
class Certificates:
    """An authority, and what a server shows: a certificate for `host`."""

    authority: trustme.CA
    ca_file: Path

    def server(self, host: str = "127.0.0.1", expires: datetime = EXPIRES) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host, not_after=expires).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return Certificates(authority, file)


@pytest.fixture
async def serve(certificates: Certificates) -> AsyncIterator[Serve]:
    """Start a server that plays a dialogue with everybody who connects."""
    async with AsyncExitStack() as stack:

        async def start(
            dialogue: Dialogue,
            *,
            security: Literal["tls", "starttls", "none"] = "none",
            certificate: ssl.SSLContext | None = None,
            host: str = "127.0.0.1",
            port: int = 0,
        ) -> Desk:
            async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    await dialogue(reader, writer)
                except (OSError, EOFError, ValueError):
                    pass
                finally:
                    writer.transport.abort() if writer.transport.is_closing() else writer.close()

            context = (certificate or certificates.server()) if security == "tls" else None
            server = await asyncio.start_server(play, host, port, ssl=context)
            stack.callback(server.close)
            return Desk(host, server.sockets[0].getsockname()[1], security, certificates.ca_file)

        yield start


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str] | int]:
    """What the names mean that are looked up: addresses, or an error number of getaddrinfo. Others are themselves."""
    known: dict[str, list[str] | int] = {}
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **more: Any) -> list[Any]:
        meaning = known.get(host, [host])
        if isinstance(meaning, int):
            raise socket.gaierror(meaning, "so it was told")
        return [found for address in meaning for found in real(address, *arguments, **more)]

    monkeypatch.setattr("probes.reach.line.socket.getaddrinfo", look_up)
    return known
