"""One question to an OAuth2 provider: a form goes out, JSON comes back, both within bounds."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from probes.errors import LoginRefused, Unreachable
from probes.mail.connecting import one_line, unreachable, without

DEADLINE = 20.0
MAX_ANSWER_BYTES = 64 * 1024

_LATER = {408, 425, 429}
_IN_CONFIDENCE = {"refresh_token", "client_secret", "code", "code_verifier", "device_code"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a URL leads."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What the provider said: a JSON object, as text and read. It may hold tokens, so it is never shown."""

    text: str
    told: Mapping[str, Any]


class Refusal(Exception):
    """The provider answered with an error (RFC 6749 section 5.2): its `code`, and its words in one line."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        super().__init__(f"{code} ({description})" if description else code)


def endpoint(url: str) -> Endpoint:
    """Host and port of a URL that has been checked."""
    parts = urlsplit(url)
    return Endpoint(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


async def ask(url: str, form: str, *, deadline: float = DEADLINE) -> Answer:
    """POST `form` (URL-encoded); redirects are not followed, since secrets go to where the config says and nowhere else.

    Raises Refusal when the provider says why it will not, LoginRefused when this is no such endpoint, and Unreachable
    (or NameNotResolved, CertificateRefused) when a later call may do better.
    """
    place = endpoint(url)
    try:
        async with asyncio.timeout(deadline):
            status, text = await _post(url, form)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise unreachable(place, error) from None
    if status >= 500 or status in _LATER:
        raise Unreachable(f"{place.host} cannot give tokens now: HTTP {status}")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and isinstance(told.get("error"), str):
        raise Refusal(one_line(told["error"]), _description(told.get("error_description"), form))
    if status != 200:
        raise LoginRefused(f"{place.host} is asked for a token and answers HTTP {status}: is the address right?")
    if not isinstance(told, dict):
        raise Unreachable(f"{place.host} is asked for a token and answers something else")
    return Answer(text, told)


async def _post(url: str, form: str) -> tuple[int, str]:
    context = await asyncio.to_thread(ssl.create_default_context) if url.startswith("https") else False
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
    # Without the environment: its proxies and its .netrc are not where a token should go.
    async with (
        httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=None) as client,  # noqa: S113
        client.stream("POST", url, content=form.encode(), headers=headers) as response,
    ):
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise Unreachable(f"{endpoint(url).host} is asked for a token and answers without end")
        return response.status_code, body.decode("utf-8", "replace")


def _description(words: object, form: str) -> str:
    """The provider's words, without what we told it in confidence."""
    told = [value for name, value in parse_qsl(form) if name in _IN_CONFIDENCE]
    return without(one_line(words), told) if isinstance(words, str) else ""
