"""Telling by HTTP: one POST, within bounds."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from exporters.notices.told import NotTold
from probes.mail.connecting import unreachable, without
from probes.mail.oauth_endpoint import endpoint
from probes.secret import Secret

DEADLINE = 20.0
MAX_ANSWER_BYTES = 64 * 1024


async def post(url: Secret, document: Mapping[str, Any], token: str, *, deadline: float = DEADLINE) -> None:
    """POST it as JSON. `token` goes along as Idempotency-Key, the same at each try.

    Any status 2xx is a yes. Redirects are not followed: what is told goes to where the config says and nowhere else.
    Raises NotTold, which names the host but not the rest of the address.
    """
    place, parts = endpoint(url.reveal()), urlsplit(url.reveal())
    host, secret = place.host, [part for part in (parts.path, parts.query) if len(part) > 1]
    try:
        async with asyncio.timeout(deadline):
            status = await _post(url.reveal(), json.dumps(document, ensure_ascii=False).encode(), token)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise NotTold(without(str(unreachable(place, error)), secret)) from None
    if 300 <= status < 400:
        raise NotTold(f"{host} answered HTTP {status}; redirects are not followed: write down where it leads")
    if not 200 <= status < 300:
        raise NotTold(f"{host} answered HTTP {status}")


async def _post(url: str, body: bytes, token: str) -> int:
    context = await asyncio.to_thread(ssl.create_default_context) if url.startswith("https") else False
    headers = {"Content-Type": "application/json", "User-Agent": "mysterybot", "Idempotency-Key": token}
    # Without the environment: its .netrc must not add a password, nor its proxy see a token.
    async with (
        httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=None) as client,  # noqa: S113
        client.stream("POST", url, content=body, headers=headers) as response,
    ):
        read = 0
        async for (
            chunk
        ) in response.aiter_raw():  # to its end, so that whoever answers is not cut off; what it says is not used
            read += len(chunk)
            if read > MAX_ANSWER_BYTES:
                break
        return response.status_code
