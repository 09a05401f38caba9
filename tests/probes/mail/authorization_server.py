"""An OAuth2 provider on loopback that answers as a test tells it to, and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from probes.mail.account import OAuth2

SECRETS = ("access-1-secret", "access-2-secret", "refresh-1-secret", "refresh-2-secret", "client-secret-x")


def tokens(number: int = 1, **more: Any) -> dict[str, Any]:
    """A token response (RFC 6749 section 5.1)."""
    return {"access_token": f"access-{number}-secret", "token_type": "Bearer", "expires_in": 3600, **more}


class AuthorizationServer:
    """Gives the answers in turn, the last one for ever: a mapping (an `error` is a 400), a status, or bytes."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.port = 0
        self.held: asyncio.Event | None = None  # nothing is answered before it is set

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:"))
            self.asked.append(dict(parse_qsl((await reader.readexactly(length)).decode())))
            self.paths.append(head.split()[1])
            if self.held is not None:
                await self.held.wait()
            writer.write(self._response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @staticmethod
    def _response(answer: Any) -> bytes:
        status, body = (answer, b"") if isinstance(answer, int) else (200, answer)
        if isinstance(body, dict):
            status, body = 400 if "error" in body else 200, json.dumps(body).encode()
        lines = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nLocation: http://127.0.0.1:9/\r\n"
        return f"{lines}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    def settings(self, **changes: Any) -> dict[str, Any]:
        """`oauth2` of a mailbox whose provider this is."""
        here = f"http://127.0.0.1:{self.port}"
        return {
            "token_url": f"{here}/token",
            "client_id": "our-client",
            "refresh_token": "refresh-1-secret",
            **changes,
        }

    def oauth2(self, **changes: Any) -> OAuth2:
        """The same, read."""
        return OAuth2.model_validate(self.settings(**changes))


@asynccontextmanager
async def authorization_server(*answers: Any) -> AsyncIterator[AuthorizationServer]:
    """A running one."""
    provider = AuthorizationServer(*answers)
    listening = await asyncio.start_server(provider.connected, "127.0.0.1", 0)
    provider.port = listening.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        listening.close()
