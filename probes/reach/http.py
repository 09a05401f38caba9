"""Does a page answer? A plain request without a browser (RFC 9112)."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from probes.reach.attempt import reached
from probes.reach.body import read_body, shows
from probes.reach.line import Address, Line, NotReached, one_line
from probes.reach.reached import Reached

MAX_REDIRECTS = 10
MAX_HEAD = 64 * 1024  # also the stream's limit

_SAFE = "/?%:@!$&'()*+,;=~"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def probe(
    target: str,
    *,
    timeout: float,  # noqa: ASYNC109 - the probes' one signature
    ca_file: Path | None = None,
    status: int | None = None,
    text: str | None = None,
) -> Reached:
    """Get the page at the address `target`, following redirects, but not from outside into a private network.

    Phases, each summed over the redirects: dns, connect, tls, first_byte (request sent to answer's head), transfer. Up
    is a status below 400, or exactly `status` where that is given, with `text` in the first MiB of the page where that is
    given. The certificate is that of the last page. Never raises for trouble of the network.
    """

    async def conversation(line: Line) -> None:
        url = target
        for _ in range(MAX_REDIRECTS + 1):
            to = await _get(line, url, Wanted(target, ca_file, status, text))
            if to is None:
                return
            url = _joined(url, to)
        raise NotReached(f"the page redirects more than {MAX_REDIRECTS} times")

    return await reached(conversation, timeout)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: the address that stands in the config, and what should come back."""

    target: str
    ca_file: Path | None
    status: int | None
    text: str | None


async def _get(line: Line, url: str, wanted: Wanted) -> str | None:
    """One request; where it redirects to, or None when the page is there."""
    host, port, parts = _parsed(url)
    line.expires = None
    elsewhere = host != _parsed(wanted.target)[0]
    await line.connect(
        Address(host, port, "tls" if parts.scheme == "https" else "none", wanted.ca_file),
        led_here_by=line.address if elsewhere else None,
    )
    with line.phase("first_byte", "waiting for the answer"):
        line.writer.write(_request(host, port, parts))
        await line.writer.drain()
        status, headers = await _head(line)
    if status in _REDIRECTS and status != wanted.status and "location" in headers:
        return headers["location"]
    if status != wanted.status and (wanted.status is not None or status >= 400):
        instead = f", not {wanted.status}" if wanted.status is not None else ""
        raise NotReached(f"{one_line(url)} answered HTTP {status}{instead}")
    with line.phase("transfer", "reading the page"):
        body = await read_body(line, headers)
    if wanted.text is not None and not shows(body, headers, wanted.text):
        raise NotReached(f"{one_line(url)} does not show the text: {wanted.text[:100]}")
    return None


def _joined(url: str, to: str) -> str:
    try:
        return urljoin(url, to)
    except ValueError:
        raise NotReached(f"it leads to {one_line(to)}, which is no address") from None


def _parsed(url: str) -> tuple[str, int, SplitResult]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise NotReached(f"it leads to {one_line(url)}, which is no address") from None
    if parts.scheme not in {"http", "https"} or not host or len(url) > 8000:
        raise NotReached(f"it leads to {one_line(url)}, which is no web page")
    return host, port, parts


def _request(host: str, port: int, parts: SplitResult) -> bytes:
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    name += "" if port == (443 if parts.scheme == "https" else 80) else f":{port}"
    # Quoting also keeps a hostile redirect from putting a line of its own into our request.
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return (
        f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: mysterybot\r\nAccept: text/html, */*;q=0.5\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


async def _head(line: Line) -> tuple[int, dict[str, str]]:
    size, lines = 0, []
    while text := await line.hear():
        size += len(text)
        lines.append(text)
        if size > MAX_HEAD or len(lines) > 200:
            raise NotReached(f"the head of the answer is larger than {MAX_HEAD} bytes")
    version, _, rest = (lines or [""])[0].partition(" ")
    if not version.startswith("HTTP/") or not rest[:3].isdecimal():
        raise NotReached(f"the server does not speak HTTP: {one_line((lines or ['an empty line'])[0])[:80]}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in lines[1:])}
    return int(rest[:3]), headers
