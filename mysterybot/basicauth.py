"""The door: who has no password learns nothing, not even which pages there are (RFC 7617)."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import bcrypt
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_TO_ALL: Final = "/-/healthy"
LONGEST_PASSWORD: Final = 72
"""Bytes that bcrypt looks at; other programs cut what is longer, too."""


class Passwords:
    """Knows which passwords are right. bcrypt is slow on purpose: it runs beside the event loop, one at a time.

    A password that was right is remembered, one a user, as a keyed digest: a scrape costs bcrypt once, and what an attacker
    tries takes no memory. One that is wrong costs as much for an unknown user as for a known one.
    """

    def __init__(self, users: Mapping[str, bytes]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}
        self._one_at_a_time = asyncio.Lock()
        self._nobody = next(iter(users.values()), b"")

    async def are_right(self, user: str, password: bytes) -> bool:
        """Whether this user has this password."""
        digest = hmac.digest(self._key, password, "sha256")
        if self._remembered(user, digest):
            return True
        async with self._one_at_a_time:
            if self._remembered(user, digest):  # by another request, while this one waited
                return True
            hashed = self._users.get(user, self._nobody)
            fits = await asyncio.to_thread(_fits, password, hashed)
            if fits and user in self._users:
                self._right[user] = digest
                return True
            return False

    def _remembered(self, user: str, digest: bytes) -> bool:
        return hmac.compare_digest(self._right.get(user, b""), digest)


def _fits(password: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed)
    except ValueError:  # a NUL in it, say
        return False


class BasicAuth:
    """Lets through who knows a password; to all others every address looks the same, but for `/-/healthy`."""

    def __init__(self, app: ASGIApp, users: Mapping[str, bytes]) -> None:
        self._app, self._passwords = app, Passwords(users)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if _open_to_all(scope) or await self._admits(scope):
            await self._app(scope, receive, send)
        else:
            await _unauthorized()(scope, receive, send)

    async def _admits(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("authorization")
        credentials = _credentials(given[0]) if len(given) == 1 else None
        return credentials is not None and await self._passwords.are_right(*credentials)


def _open_to_all(scope: Scope) -> bool:
    return bool(scope["path"] == OPEN_TO_ALL and scope["method"] in {"GET", "HEAD"})


def _unauthorized() -> Response:
    return PlainTextResponse(
        "401: log in\n", 401, headers={"WWW-Authenticate": 'Basic realm="mysterybot", charset="UTF-8"'}
    )


def _credentials(header: str) -> tuple[str, bytes] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None
