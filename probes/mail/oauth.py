"""Access tokens for the servers of a mailbox, got with its refresh token (RFC 6749 section 6)."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

from probes.errors import LoginRefused, Unreachable
from probes.mail.account import Account, OAuth2
from probes.mail.oauth_endpoint import Answer, Refusal, ask, endpoint

log = logging.getLogger(__name__)

LIFE_UNTOLD = 300.0  # seconds that a token is used when the provider does not say how long it lives
LONGEST_LIFE = 24 * 3600.0
MARGIN = 60.0  # seconds before its end at which a token is no longer used; a tenth of its life if that is less

_LATER = {"temporarily_unavailable", "server_error", "slow_down"}


@dataclass(slots=True, repr=False, eq=False)
class _Access:
    text: str
    until: float  # of the event loop's time
    used: bool = False

    @property
    def lives(self) -> bool:
        return asyncio.get_running_loop().time() < self.until


class AccessTokens:
    """The access tokens of one mailbox, for all its connections; belongs to one event loop.

    A token is kept until shortly before its end, and only one is asked for at a time. `mailbox` is the name that errors
    tell to give to `mysterybot login`.
    """

    def __init__(self, oauth2: OAuth2, *, mailbox: str = "MAILBOX") -> None:
        self._oauth2 = oauth2
        self._cure = f"mysterybot login {mailbox}"
        self._place = endpoint(oauth2.token_url)
        self._access: _Access | None = None
        self._refresh: asyncio.Task[_Access] | None = None
        self._replaced: str | None = None  # a refresh token that has no file to be kept in

    @classmethod
    def of(cls, account: Account, *, mailbox: str = "MAILBOX") -> Self | None:
        """Those of an account; None when it logs in with a password."""
        return cls(account.login.oauth2, mailbox=mailbox) if account.login.oauth2 is not None else None

    async def ready(self) -> None:
        """Have a token at hand. Raises LoginRefused, Unreachable, NameNotResolved or CertificateRefused."""
        await self._current()

    async def log_in(self, attempt: Callable[[str], Awaitable[None]]) -> None:
        """Log in by `attempt`, which raises LoginRefused for a refused token. One that was good before is replaced once.

        Raises what `attempt` and `ready` raise.
        """
        access = await self._current()
        was_good, access.used = access.used, True
        try:
            return await attempt(access.text)
        except LoginRefused as error:
            self._forget(access)
            if not was_good and access.lives:
                raise self._refused(error) from None
        access = await self._current()
        access.used = True
        try:
            await attempt(access.text)
        except LoginRefused as error:
            self._forget(access)
            raise self._refused(error) from None

    def _refused(self, error: LoginRefused) -> LoginRefused:
        return LoginRefused(f"{error}; login.user and scope must fit the token: {self._cure} gets another")

    def _forget(self, access: _Access) -> None:
        if self._access is access:
            self._access = None

    async def _current(self) -> _Access:
        if self._access is not None and self._access.lives:
            return self._access
        if self._refresh is None:
            self._refresh = asyncio.create_task(self._refreshed())
            self._refresh.add_done_callback(self._done)
        # Shielded: a provider that replaces refresh tokens has done so, whether or not we are still interested.
        return await asyncio.shield(self._refresh)

    def _done(self, refresh: "asyncio.Task[_Access]") -> None:
        self._refresh = None
        if not refresh.cancelled():
            refresh.exception()  # seen: whoever waited may be gone

    async def _refreshed(self) -> _Access:
        before = await self._refresh_token()
        try:
            answer = await self._ask(before)
        except Refusal as refusal:
            # Another process may have used and replaced it, or a person has logged in again.
            self._replaced = None
            now = await self._refresh_token()
            if refusal.code != "invalid_grant" or now == before:
                raise self._no_token(refusal) from None
            before = now
            try:
                answer = await self._ask(before)
            except Refusal as again:
                raise self._no_token(again) from None
        self._access, replaced = read_tokens(answer, self._place.host)
        if replaced is not None and replaced != before:
            await self._keep(before, replaced)
        return self._access

    async def _ask(self, refresh_token: str) -> Answer:
        oauth2 = self._oauth2
        form = WebApplicationClient(oauth2.client_id).prepare_refresh_body(
            refresh_token=refresh_token, scope=oauth2.scope, **client_credentials(oauth2)
        )
        return await ask(oauth2.token_url, form)

    async def _refresh_token(self) -> str:
        if self._replaced is not None:
            return self._replaced
        try:
            return await asyncio.to_thread(self._oauth2.refresh_token.reveal)
        except LoginRefused as error:
            raise LoginRefused(f"{error}; {self._cure} gets one") from None

    async def _keep(self, before: str, replaced: str) -> None:
        kept = self._oauth2.refresh_token
        try:
            if await asyncio.to_thread(kept.reveal) == before:  # else a person has just put a newer one there
                await asyncio.to_thread(kept.keep, replaced)
        except (OSError, LoginRefused) as error:
            self._replaced = replaced
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not kept in a file"
            log.warning(
                "%s has replaced the refresh token, and it could not be kept (%s): after a restart it may be refused",
                self._place.host,
                why,
            )

    def _no_token(self, refusal: Refusal) -> LoginRefused | Unreachable:
        host = self._place.host
        if refusal.code in _LATER:
            return Unreachable(f"{host} cannot give tokens now: {refusal}")
        if refusal.code == "invalid_grant":
            return LoginRefused(
                f"{host} refuses the refresh token, it is expired or revoked: {refusal}; {self._cure} gets a new one"
            )
        if refusal.code in {"invalid_client", "unauthorized_client"}:
            return LoginRefused(f"{host} refuses the client, see client_id and client_secret: {refusal}")
        return LoginRefused(f"{host} gives no token: {refusal}; if the settings are right, {self._cure} may help")


def client_credentials(oauth2: OAuth2) -> dict[str, str]:
    """Who we are to the provider, as parts of a form (RFC 6749 section 2.3.1); public clients have only a name."""
    secret = oauth2.client_secret
    return {"client_id": oauth2.client_id, **({"client_secret": secret.reveal()} if secret else {})}


def read_tokens(answer: Answer, host: str) -> tuple[_Access, str | None]:
    """The access token of an answer, and the refresh token if there is one. Raises Unreachable for nonsense."""
    try:
        told = WebApplicationClient("").parse_request_body_response(answer.text)
        access, kind, refresh = told["access_token"], told.get("token_type", "bearer"), told.get("refresh_token")
        life = min(float(answer.told.get("expires_in", LIFE_UNTOLD)), LONGEST_LIFE)  # oauthlib drops what is below 1 s
    except (OAuth2Error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise Unreachable(f"{host} gives no token that can be read") from None
    if str(kind).lower() != "bearer" or not _good(access) or not (refresh is None or _good(refresh)) or not life > 0:
        raise Unreachable(f"{host} gives a token that cannot be used")
    return _Access(access, asyncio.get_running_loop().time() + life - min(MARGIN, life / 10)), refresh


def _good(token: object) -> bool:
    return isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]{1,16384}", token) is not None
