"""Open a page, or say in one line why it does not open."""

import asyncio
import re
from typing import TYPE_CHECKING

from probes.errors import NameNotResolved, PageUnreachable, ProbeError, Unreachable
from probes.form.patience import died, error_class, reason, timeout_class

if TYPE_CHECKING:
    from playwright.async_api import Page

# After the page can be read, what is still loading (a picture, a tracker) gets this share of the time to come.
SHARE_FOR_THE_REST = 1 / 3

_NET_ERROR = re.compile(r"net::(ERR_[A-Z0-9_]{1,60})")

# Chromium's net/base/net_error_list.h; what is not named here is told by its own name.
_THEIRS = {
    "ERR_CONNECTION_REFUSED": "the connection was refused",
    "ERR_CONNECTION_TIMED_OUT": "the connection timed out",
    "ERR_CONNECTION_RESET": "the connection was reset",
    "ERR_CONNECTION_CLOSED": "the connection was closed",
    "ERR_EMPTY_RESPONSE": "the server closed the connection without an answer",
    "ERR_TOO_MANY_REDIRECTS": "the page redirects without end",
    "ERR_CERT_AUTHORITY_INVALID": "bad certificate: its authority is not trusted",
    "ERR_CERT_COMMON_NAME_INVALID": "bad certificate: it is for another host",
    "ERR_CERT_DATE_INVALID": "bad certificate: it is expired or not yet valid",
    "ERR_SSL_PROTOCOL_ERROR": "the server does not speak TLS there",
    "ERR_UNSAFE_PORT": "browsers refuse to use this port",
    "ERR_ABORTED": "it is a download, or no page at all",
}
_OURS = {
    "ERR_INTERNET_DISCONNECTED": "this machine is not connected to a network",
    "ERR_NETWORK_CHANGED": "this machine's network changed meanwhile",
    "ERR_NETWORK_IO_SUSPENDED": "this machine was suspended meanwhile",
    "ERR_PROXY_CONNECTION_FAILED": "the proxy cannot be reached",
}
_NO_NAME = frozenset({"ERR_NAME_NOT_RESOLVED", "ERR_NAME_RESOLUTION_FAILED", "ERR_DNS_TIMED_OUT"})


async def load(page: "Page", url: str, *, seconds: float) -> None:
    """Open `url` in `page`, in at most `seconds`.

    Raises PageUnreachable (refused, timed out, bad certificate, endless redirects, HTTP status from 400 on, not a
    page), NameNotResolved, or Unreachable when this machine has no network.
    """
    end = asyncio.get_running_loop().time() + seconds
    try:
        # The rest of a page may hang for ever (a picture from elsewhere) without keeping a person from the form.
        response = await page.goto(url, wait_until="domcontentloaded", timeout=seconds * 1000)
    except timeout_class():
        raise PageUnreachable(f"{url} did not load within {seconds:.3g} seconds") from None
    except error_class() as error:
        if died(page, error):
            raise
        raise unreachable(url, str(error)) from None
    if response is not None and response.status >= 400:
        raise PageUnreachable(f"{url} answered HTTP {response.status} {response.status_text}".rstrip()[:300])
    rest = (end - asyncio.get_running_loop().time()) * SHARE_FOR_THE_REST
    try:
        await page.wait_for_load_state("load", timeout=max(rest, 0.001) * 1000)
    except timeout_class():
        pass


def net_error(text: str) -> str | None:
    """The name of Chromium's network error in `text`, such as ERR_CONNECTION_REFUSED."""
    found = _NET_ERROR.search(text)
    return found[1] if found else None


def unreachable(url: str, text: str) -> ProbeError:
    """The error for a page at `url` that did not load, from what the browser says about it."""
    code = net_error(text)
    if code in _NO_NAME:
        return NameNotResolved(f"{url}: the host has no address (DNS)")
    if code in _OURS:
        return Unreachable(f"{url} was not loaded: {_OURS[code]}")
    if "Download is starting" in text:
        code = "ERR_ABORTED"
    why = _THEIRS.get(code or "") or (f"bad certificate ({code})" if code and "_CERT_" in code else code)
    return PageUnreachable(f"{url} does not load: {why or reason(Exception(text))}")
