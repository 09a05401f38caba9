"""The HTTP side: metrics, health, pages, and the switch that stops new contacts.

Everything is readable without a script, nothing is loaded from elsewhere, and a page of another site can neither read
nor press anything here. There is no login: bind to loopback, or put a proxy in front.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporters.prometheus import render
from mysterybot.pages import STATE, ServerState, routes

__all__ = ["RunningServer", "ServerState", "application", "serve"]

SECURITY = {
    "Content-Security-Policy": "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of our own buttons null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

STOP_WITHIN = 3
"""Seconds that requests under way have when the server stops."""

_RENDERING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics")
"""One scrape is written at a time, in a thread that no lookup of a dead name server can keep from it."""

AT_ONCE = 200
"""Connections; more are told to come back later."""


def application(state: ServerState) -> Starlette:
    """The whole site over this state."""
    app = Starlette(
        routes=[
            Route("/metrics", _metrics),
            Route("/-/healthy", _healthy),
            Route("/-/ready", _ready),
            Route("/-/pause", _pause, methods=["POST"]),
            Route("/-/resume", _resume, methods=["POST"]),
            *routes(),
        ],
        middleware=[Middleware(_Headers, state=state)],
        exception_handlers={HTTPException: _refused, Exception: _broken},
    )
    setattr(app.state, STATE, state)
    return app


class RunningServer:
    """A server that listens. `port` is the one it got."""

    def __init__(self, server: "_Server", listening: socket.socket) -> None:
        self._server = server
        self._task = asyncio.create_task(server.serve(sockets=[listening]), name="http server")
        self.port: int = listening.getsockname()[1]

    async def _started(self) -> Self:
        started = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({started, self._task}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task
        return self

    async def stop(self) -> None:
        """Let requests under way end, and close."""
        self._server.stopping.set()
        await self._task


async def serve(app: Starlette, host: str, port: int) -> RunningServer:
    """Serve in the running loop and leave signals alone; port 0 takes a free one. OSError when it cannot listen."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=AT_ONCE)
    listening.setblocking(False)
    return await RunningServer(_Server(config), listening)._started()


class _Server(uvicorn.Server):
    """Uvicorn as a guest in our loop: no signal handlers, and asleep while nobody asks.

    Its own main loop wakes ten times a second, for a date header that we write ourselves.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening, self.stopping = asyncio.Event(), asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()


class _Headers:
    """Puts the security headers and the date on every response."""

    def __init__(self, app: ASGIApp, state: ServerState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Date"] = formatdate(self._state.now(), usegmt=True)
                for name, value in {**SECURITY, "Cache-Control": "no-store"}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _state(request: Request) -> ServerState:
    state: ServerState = getattr(request.app.state, STATE)
    return state


async def _metrics(request: Request) -> Response:
    snapshot = await _state(request).snapshot()
    accept = request.headers.get("accept", "")
    exposition = await asyncio.get_running_loop().run_in_executor(_RENDERING, render, snapshot, accept)
    return Response(exposition.body, headers={"Content-Type": exposition.content_type})


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("healthy\n")


async def _ready(request: Request) -> Response:
    reasons: Sequence[str] = _state(request).unready()
    if reasons:
        return PlainTextResponse("".join(f"{reason}\n" for reason in reasons), 503)
    return PlainTextResponse("ready\n")


async def _pause(request: Request) -> Response:
    _refuse_other_sites(request)
    await _state(request).pause()
    return _switched(request, paused=True)


async def _resume(request: Request) -> Response:
    _refuse_other_sites(request)
    await _state(request).resume()
    return _switched(request, paused=False)


def _switched(request: Request, *, paused: bool) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/", 303)
    return JSONResponse({"paused": paused})


def _refuse_other_sites(request: Request) -> None:
    """A browser says where a form was sent from; programs such as curl say nothing."""
    site, origin = request.headers.get("sec-fetch-site", "none"), request.headers.get("origin")
    own = {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    if site not in {"same-origin", "none"} or (origin is not None and origin not in own):
        raise HTTPException(403, "this was asked for by a page of another site")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return PlainTextResponse(f"{error.status_code}: {error.detail}\n", error.status_code, headers=error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    return PlainTextResponse("500: something went wrong here; the bot's log tells what\n", 500, headers=SECURITY)
