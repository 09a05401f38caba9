"""How a person lets us in: the scripted provider, and a browser that the test plays."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from probes.errors import LoginRefused, Unreachable
from probes.mail.account import OAuth2
from probes.mail.oauth_consent import UserCode, by_browser, by_device
from tests.probes.mail.authorization_server import AuthorizationServer, authorization_server, tokens

CODES = {
    "device_code": "device-code-secret",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://login.example/device",
    "expires_in": 900,
    "interval": 5,
}
PENDING = {"error": "authorization_pending"}
LET_IN = tokens(refresh_token="refresh-1-secret")


def device(provider: AuthorizationServer, **changes: Any) -> OAuth2:
    return provider.oauth2(device_url=f"http://127.0.0.1:{provider.port}/device", scope="mail", **changes)


class Slept:
    """Sleeps no time at all, and remembers how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def ask_device(*answers: Any) -> tuple[str, AuthorizationServer, list[UserCode], list[float]]:
    shown: list[UserCode] = []
    slept = Slept()
    async with authorization_server(*answers) as provider:
        token = await by_device(device(provider), show=shown.append, sleep=slept)
    return token, provider, shown, slept.seconds


async def test_a_code_is_shown_and_the_token_asked_for_until_it_is_typed_in() -> None:
    token, provider, shown, slept = await ask_device(CODES, PENDING, PENDING, LET_IN)
    assert token == "refresh-1-secret"
    assert shown == [UserCode("https://login.example/device", "ABCD-EFGH", 900)]
    assert provider.paths == ["/device", "/token", "/token", "/token"]
    assert provider.asked[0] == {"client_id": "our-client", "scope": "mail"}
    assert provider.asked[1] == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "device-code-secret",
        "client_id": "our-client",
    }
    assert slept == [5, 5, 5]


async def test_a_provider_that_wants_us_slower_is_heeded() -> None:
    *_, slept = await ask_device(CODES, {"error": "slow_down"}, PENDING, 503, LET_IN)
    assert slept == [5, 10, 10, 20]


async def test_a_provider_in_a_hurry_is_not_asked_more_than_once_a_second() -> None:
    *_, slept = await ask_device({**CODES, "interval": 0}, LET_IN)
    assert slept == [1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "access_denied"}, "no consent"),
        ({"error": "authorization_declined"}, "no consent"),
        ({"error": "expired_token"}, "not typed in in time"),
        ({"error": "invalid_client"}, "see client_id"),
        ({"error": "x", "error_description": "about device-code-secret"}, "about …"),
        (tokens(), "gives no refresh token"),
    ],
)
async def test_no_consent_is_refused(answer: Any, words: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        await ask_device(CODES, answer)
    assert words in str(caught.value)


async def test_a_code_that_nobody_types_in_runs_out() -> None:
    with pytest.raises(LoginRefused, match="not typed in in time"):
        await ask_device({**CODES, "expires_in": 60}, PENDING)


@pytest.mark.parametrize(
    "codes",
    [
        {},
        {**CODES, "user_code": None},
        {**CODES, "verification_uri": "javascript:alert(1)"},
        {**CODES, "verification_uri": "https://a\x1b[2J"},
    ],
)
async def test_codes_that_cannot_be_shown_are_not(codes: Any) -> None:
    with pytest.raises(Unreachable):
        await ask_device(codes)


class Browser:
    """Opens the address that is shown, is let in or not, and comes back."""

    def __init__(self, back: Callable[[dict[str, str]], str]) -> None:
        self._back = back
        self.question: dict[str, str] = {}
        self.status = 0
        self.shown = asyncio.Event()

    def show(self, address: str, port: int) -> None:
        assert urlsplit(address).path == "/authorize"
        self.question = dict(parse_qsl(urlsplit(address).query))
        assert urlsplit(self.question["redirect_uri"]).port == port
        self.shown.set()

    async def come_back(self) -> None:
        await self.shown.wait()
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{self.question['redirect_uri']}/favicon.ico")).status_code == 404
            self.status = (await client.get(self.question["redirect_uri"] + self._back(self.question))).status_code


async def through(browser: Browser, *answers: Any, **changes: Any) -> tuple[str, AuthorizationServer]:
    async with authorization_server(*answers) as provider:
        # What stands behind ? in an endpoint is kept (RFC 6749 section 3.1).
        settings = provider.oauth2(authorization_url="https://a.example/authorize?prompt=consent", **changes)
        coming = asyncio.create_task(browser.come_back())
        try:
            return await by_browser(settings, show=browser.show, patience=5), provider
        finally:
            await coming


def let_in(question: dict[str, str]) -> str:
    return f"/?code=code-secret&state={question['state']}"


async def test_the_browser_brings_a_code_that_only_we_can_use() -> None:
    browser = Browser(let_in)
    token, provider = await through(browser, LET_IN, client_secret="client-secret-x", scope="mail")
    assert token == "refresh-1-secret"
    assert browser.status == 200
    question, form = browser.question, provider.asked[0]
    assert question["response_type"] == "code"
    assert question["prompt"] == "consent"
    assert question["scope"] == "mail"
    assert question["code_challenge_method"] == "S256"
    digest = hashlib.sha256(form.pop("code_verifier").encode()).digest()
    assert question["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-secret",
        "client_id": "our-client",
        "client_secret": "client-secret-x",
        "redirect_uri": question["redirect_uri"],
    }
    assert "client-secret-x" not in str(question)


async def test_redirects_go_to_the_name_that_the_provider_knows() -> None:
    browser = Browser(let_in)
    await through(browser, LET_IN, redirect_host="localhost")
    assert browser.question["redirect_uri"].startswith("http://localhost:")


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (lambda q: "/?code=theirs&state=guessed", "another question"),
        (lambda q: "/?code=theirs", "another question"),
        (lambda q: f"/?error=access_denied&error_description=No%0Away&state={q['state']}", "access_denied (No way)"),
        (lambda q: f"/?state={q['state']}", "no code"),
        (lambda q: f"/?{'x=1&' * 100}state={q['state']}", "nonsense"),
    ],
)
async def test_a_browser_that_brings_something_else_is_refused(
    back: Callable[[dict[str, str]], str], words: str
) -> None:
    browser = Browser(back)
    with pytest.raises(LoginRefused) as caught:
        await through(browser, LET_IN)
    assert words in str(caught.value)
    assert browser.status == 400


async def test_a_code_that_the_provider_refuses_is_refused() -> None:
    with pytest.raises(LoginRefused, match="gives no token: invalid_grant"):
        await through(Browser(let_in), {"error": "invalid_grant"})


async def test_a_browser_that_never_comes_is_not_awaited_for_ever() -> None:
    async with authorization_server(LET_IN) as provider:
        settings = provider.oauth2(authorization_url="https://a.example/authorize")
        with pytest.raises(LoginRefused, match="no browser came back"):
            await by_browser(settings, show=lambda address, port: None, patience=0.01)


async def test_connections_that_say_nothing_or_too_much_do_not_stop_the_browser() -> None:
    class Crowded(Browser):
        async def come_back(self) -> None:
            await self.shown.wait()
            port = urlsplit(self.question["redirect_uri"]).port
            _, silent = await asyncio.open_connection("127.0.0.1", port)
            _, loud = await asyncio.open_connection("127.0.0.1", port)
            loud.write(b"GET /?" + b"x" * 100_000)
            await super().come_back()
            silent.close()
            loud.close()

    token, _ = await through(Crowded(let_in), LET_IN)
    assert token == "refresh-1-secret"
