"""A person lets us into a mailbox, which gives us its refresh token.

With a code that is typed in on any device (RFC 8628), or in a browser on this machine that comes back to us over
loopback (RFC 8252, with PKCE: RFC 7636).
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import DeviceClient, WebApplicationClient

from probes.errors import LoginRefused, Unreachable
from probes.mail.account import OAuth2
from probes.mail.connecting import one_line
from probes.mail.oauth import client_credentials, read_tokens
from probes.mail.oauth_endpoint import Answer, Refusal, ask, endpoint

PATIENCE = 600.0  # seconds that a person has in the browser
LONGEST_CODE = 3600.0
MAX_REQUEST_BYTES = 16 * 1024
SLOWEST_REQUEST = 10.0

_DENIED = {"access_denied", "authorization_declined"}  # the second is Microsoft's


@dataclass(frozen=True, slots=True)
class UserCode:
    """What a person has to do within `seconds`: open `address` and type in `code`."""

    address: str
    code: str
    seconds: float


async def by_device(
    oauth2: OAuth2,
    *,
    show: Callable[[UserCode], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """The refresh token, once the person who was shown a code has typed it in.

    Raises LoginRefused when that person said no or was too slow, and when the provider has no such thing; Unreachable.
    """
    assert oauth2.device_url is not None
    scope = {"scope": oauth2.scope} if oauth2.scope else {}
    try:
        answer = await ask(oauth2.device_url, urlencode({**client_credentials(oauth2), **scope}))
    except Refusal as refusal:
        raise _refused(oauth2, refusal) from None
    code, device_code, interval = _device_codes(answer.told, endpoint(oauth2.device_url).host)
    show(code)
    client = DeviceClient(oauth2.client_id)
    form = client.prepare_request_body(device_code, include_client_id=True, client_secret=_secret_of(oauth2))
    waited = 0.0
    while waited < code.seconds:
        await sleep(interval)
        waited += interval
        try:
            return _refresh_token(await ask(oauth2.token_url, form), oauth2)
        except Refusal as refusal:
            if refusal.code == "slow_down":
                interval += 5
            elif refusal.code != "authorization_pending":
                raise _refused(oauth2, refusal) from None
        except Unreachable:
            interval = min(60.0, interval * 2)
    raise LoginRefused("the code was not typed in in time")


async def by_browser(
    oauth2: OAuth2, *, show: Callable[[str, int], None], port: int = 0, patience: float = PATIENCE
) -> str:
    """The refresh token, once the person who was shown an address has been there and the browser has come back.

    `show` is told the address, and the port of 127.0.0.1 at which the browser is awaited: `port`, or any for 0. Raises
    LoginRefused when that person said no or was too slow, or the answer is not to our question; Unreachable; OSError
    when the port is taken.
    """
    assert oauth2.authorization_url is not None
    client = WebApplicationClient(oauth2.client_id)
    verifier, state = client.create_code_verifier(64), secrets.token_urlsafe(32)
    awaited = _Redirect(state)
    listening = await asyncio.start_server(awaited.connected, "127.0.0.1", port, limit=MAX_REQUEST_BYTES)
    try:
        port = listening.sockets[0].getsockname()[1]
        back = f"http://{oauth2.redirect_host}:{port}"
        question = {
            "response_type": "code",
            "client_id": oauth2.client_id,
            "redirect_uri": back,
            "state": state,
            "code_challenge": client.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
            **({"scope": oauth2.scope} if oauth2.scope else {}),
        }
        show(add_params_to_uri(oauth2.authorization_url, list(question.items())), port)
        async with asyncio.timeout(patience):
            code = await awaited.code
    except TimeoutError:
        raise LoginRefused(f"no browser came back within {patience / 60:.0f} minutes") from None
    finally:
        listening.close()
        await awaited.aclose()
    form = client.prepare_request_body(
        code=code, redirect_uri=back, code_verifier=verifier, client_secret=_secret_of(oauth2)
    )
    try:
        return _refresh_token(await ask(oauth2.token_url, form), oauth2)
    except Refusal as refusal:
        raise _refused(oauth2, refusal) from None


class _Redirect:
    """The one request of the browser that comes back (RFC 8252 section 7.3), and the code that it brings."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._open: set[asyncio.Task[None]] = set()
        self.code: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            async with asyncio.timeout(SLOWEST_REQUEST):
                head = await reader.readuntil(b"\r\n\r\n")
                status, text = self._answer(head)
                writer.write(_page(status, text))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # browsers open connections that they may not use
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def aclose(self) -> None:
        """Let the last page reach the browser."""
        if self._open:
            await asyncio.wait(self._open, timeout=1)
        for task in self._open:
            task.cancel()
        if self.code.done() and not self.code.cancelled():
            self.code.exception()  # seen

    def _answer(self, head: bytes) -> tuple[str, str]:
        request = re.match(rb"GET (/[!-~]*) HTTP/1\.[01]\r\n", head)
        target = urlsplit(request[1].decode()) if request else None
        if target is None or target.path != "/":
            return "404 Not Found", "There is nothing here."  # such as /favicon.ico
        if self.code.done():
            return "410 Gone", "This was answered already."
        try:
            told = {name: values[0] for name, values in parse_qs(target.query, max_num_fields=50).items()}
            self.code.set_result(self._code(told))
        except (LoginRefused, ValueError) as error:
            refused = error if isinstance(error, LoginRefused) else LoginRefused("the browser brought nonsense")
            self.code.set_exception(refused)
            return "400 Bad Request", "That did not work; see the terminal."
        return "200 OK", "Done. This window can be closed; the rest is in the terminal."

    def _code(self, told: Mapping[str, str]) -> str:
        if not hmac.compare_digest(told.get("state", "").encode(), self._state.encode()):
            raise LoginRefused(
                "the browser brought an answer to another question (state): was the address opened once?"
            )
        if "error" in told:
            words = one_line(told.get("error_description", ""))
            raise LoginRefused(f"no consent: {one_line(told['error'])}{f' ({words})' if words else ''}")
        if not told.get("code"):
            raise LoginRefused("the browser brought no code")
        return told["code"]


def _page(status: str, text: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Connection: close",
    ]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}").encode()


def _device_codes(told: Mapping[str, object], host: str) -> tuple[UserCode, str, float]:
    """What a device authorization response holds (RFC 8628 section 3.2): it is the provider's, so it is checked."""
    address = told.get("verification_uri", told.get("verification_url"))  # the second is Google's
    code, device_code = told.get("user_code"), told.get("device_code")
    seconds, interval = 900.0, 5.0
    with suppress(TypeError, ValueError):
        seconds = float(told.get("expires_in", seconds))  # type: ignore[arg-type]  # what cannot be read is not heeded
        interval = float(told.get("interval", interval))  # type: ignore[arg-type]
    fits = isinstance(address, str) and re.fullmatch(r"https?://[!-~]{1,500}", address)
    if not (fits and isinstance(code, str) and isinstance(device_code, str)):
        raise Unreachable(f"{host} gives no code that can be typed in")
    user_code = UserCode(str(address), one_line(code), min(max(seconds, 0.0), LONGEST_CODE))
    return user_code, device_code, min(max(interval, 1.0), 60.0)


def _secret_of(oauth2: OAuth2) -> str | None:
    return oauth2.client_secret.reveal() if oauth2.client_secret else None


def _refresh_token(answer: Answer, oauth2: OAuth2) -> str:
    host = endpoint(oauth2.token_url).host
    _, refresh_token = read_tokens(answer, host)
    if refresh_token is None:
        raise LoginRefused(f"{host} gives no refresh token: does the scope ask for access while nobody is there?")
    return refresh_token


def _refused(oauth2: OAuth2, refusal: Refusal) -> LoginRefused:
    host = endpoint(oauth2.token_url).host
    if refusal.code in _DENIED:
        return LoginRefused(f"no consent: {refusal}")
    if refusal.code == "expired_token":
        return LoginRefused("the code was not typed in in time")
    if refusal.code in {"invalid_client", "unauthorized_client"}:
        return LoginRefused(f"{host} refuses the client, see client_id and client_secret: {refusal}")
    return LoginRefused(f"{host} gives no token: {refusal}")
