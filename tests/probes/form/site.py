"""A company's web site on a free loopback port: real sockets, pages that do what bad pages do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

END = None  # a handler that returns this closes the connection without an answer
HANG = ""  # …this leaves it open without one

Handler = Callable[["Request"], str | None]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    cookie: str
    fields: dict[str, str]


@dataclass
class Site:
    url: str = ""
    pages: dict[str, Handler] = field(default_factory=dict)
    posts: list[dict[str, str]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    posted: asyncio.Event = field(default_factory=asyncio.Event)

    def page(self, path: str, body: str, *, status: str = "200 OK", headers: str = "") -> str:
        self.pages[path] = lambda _: html(body, status=status, headers=headers)
        return self.url + path

    def on(self, path: str, handler: Handler) -> str:
        self.pages[path] = handler
        return self.url + path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.requests.append(request)
            if request.method == "POST":
                self.posts.append(request.fields)
                self.posted.set()
            handler = self.pages.get(f"{request.method} {request.path}") or self.pages.get(request.path)
            answer = handler(request) if handler else html("Not here", status="404 Not Found")
            if answer == HANG:
                await reader.read()
            elif answer is not END:
                writer.write(answer.encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(context: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context, limit=1_000_000)
    site.url = f"http{'s' if context else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()


def html(body: str, *, status: str = "200 OK", headers: str = "") -> str:
    page = f"<!doctype html><html><head><title>Acme</title></head><body>{body}</body></html>"
    return answer(page, "text/html", status=status, headers=headers)


def answer(content: str, kind: str, *, status: str = "200 OK", headers: str = "") -> str:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {len(content.encode())}\r\n"
        f"{headers}Connection: close\r\n\r\n{content}"
    )


def redirect(to: str) -> str:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, path, _ = head.split("\r\n", 1)[0].split(" ")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
    }
    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
    fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
    return Request(method, path.split("?")[0], headers.get("cookie", ""), fields)
