"""The HTTP side: metrics, health, pages, and the switch that stops new contacts.

Everything is readable without a script, nothing is loaded from elsewhere, and a page of another site can neither read
nor press anything here. Who may look, and by which way, is told by mysterybot.webconfig.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporters.exposition import OPENMETRICS
from exporters.process import with_process
from exporters.prometheus import Exposition, render
from exporters.snapshot import Snapshot
from mysterybot.basicauth import BasicAuth
from mysterybot.pages import STATE, ServerState, routes
from mysterybot.webconfig import Web

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
FIRST_REQUEST_WITHIN = 0.5
"""Seconds that new connections have to ask something when the server stops."""

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
            Route("/-/reload", _reload, methods=["POST", "PUT"]),
            *routes(),
        ],
        exception_handlers={HTTPException: _refused, Exception: _broken},
    )
    setattr(app.state, STATE, state)
    return app


class NotReloaded(Exception):
    """Raised by `ServerState.reload`: the config is wrong, the old one stays in force; a line for each mistake."""


class RunningServer:
    """A server that listens. `port` is the one it got, `web` how it serves, `state` what it shows and switches."""

    def __init__(self, app: Starlette, listening: socket.socket) -> None:
        self._app, self._listening = app, listening
        self.state: ServerState = getattr(app.state, STATE)
        self._serving: _Serving | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self.port: int = listening.getsockname()[1]
        self.web = Web()

    async def use(self, web: Web) -> None:
        """Serve so from now on, without a moment in which nobody listens; requests under way end as they began."""
        before, self._serving = self._serving, await _Serving(_guarded(self._app, web), self._listening, web).started()
        self.web = web
        if before is not None:
            leaving = asyncio.create_task(before.stop())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """Let requests under way end, and close."""
        self._listening.close()
        if self._serving is not None:
            await self._serving.stop()
        await asyncio.gather(*self._leaving)


async def serve(app: Starlette, host: str, port: int, web: Web = Web()) -> RunningServer:  # noqa: B008 - a frozen value
    """Serve in the running loop and leave signals alone; port 0 takes a free one. OSError when it cannot listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=AT_ONCE)
    listening.setblocking(False)
    running = RunningServer(app, listening)
    await running.use(web)
    return running


class _Serving:
    """Uvicorn on a socket that others may listen on too."""

    def __init__(self, app: ASGIApp, listening: socket.socket, web: Web) -> None:
        self._server = _Server(_config(app, web))
        self._task = asyncio.create_task(self._server.serve(sockets=[listening.dup()]), name="http server")

    async def started(self) -> Self:
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({listening, self._task}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._task.done():
            await self._task
        return self

    async def stop(self) -> None:
        self._server.stopping.set()
        await self._task


def _config(app: ASGIApp, web: Web) -> uvicorn.Config:
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
    config.load()
    config.ssl = web.tls  # made by us: uvicorn knows fewer settings
    return config


def _guarded(app: Starlette, web: Web) -> ASGIApp:
    """The site behind its door. Headers and date are outside of it, so that every answer has them."""
    state: ServerState = getattr(app.state, STATE)
    headers = {name: value for name, value in {**SECURITY, **web.headers}.items() if value}
    return _Headers(BasicAuth(app, web.users) if web.users else app, headers, state.now)


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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_REQUEST_WITHIN):
                # Who has just come in has not asked yet, and is not sent away.
                while any(getattr(each, "cycle", True) is None for each in self.server_state.connections):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        await super().shutdown(sockets)


class _Headers:
    """Puts the security headers and the date on every response."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str], now: Callable[[], float]) -> None:
        self._app, self._headers, self._now = app, {**headers, "Cache-Control": "no-store"}, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Date"] = formatdate(self._now(), usegmt=True)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _state(request: Request) -> ServerState:
    state: ServerState = getattr(request.app.state, STATE)
    return state


async def _metrics(request: Request) -> Response:
    snapshot = await _state(request).snapshot()
    accept = request.headers.get("accept", "")
    exposition = await asyncio.get_running_loop().run_in_executor(_RENDERING, _exposed, snapshot, accept)
    return Response(exposition.body, headers={"Content-Type": exposition.content_type})


def _exposed(snapshot: Snapshot, accept: str) -> Exposition:
    whole = render(snapshot, accept)
    return replace(whole, body=with_process(whole.body, in_openmetrics=whole.content_type == OPENMETRICS))


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("healthy\n")


async def _ready(request: Request) -> Response:
    reasons: Sequence[str] = _state(request).unready()
    if reasons:
        return PlainTextResponse("".join(f"{reason}\n" for reason in reasons), 503)
    return PlainTextResponse("ready\n")


async def _reload(request: Request) -> Response:
    _refuse_other_sites(request)
    if not _state(request).lifecycle:
        raise HTTPException(403, "the lifecycle API is off; mysterybot run --web.enable-lifecycle turns it on")
    try:
        notes = await _state(request).reload()
    except NotReloaded as error:
        return PlainTextResponse(f"the config was not reloaded, the old one stays in force:\n{error}\n", 500)
    return PlainTextResponse("".join(f"{line}\n" for line in ("reloaded", *notes)))


async def _pause(request: Request) -> Response:
    _refuse_strangers(request)
    await _state(request).pause()
    return _switched(request, paused=True)


async def _resume(request: Request) -> Response:
    _refuse_strangers(request)
    await _state(request).resume()
    return _switched(request, paused=False)


def _switched(request: Request, *, paused: bool) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/", 303)
    return JSONResponse({"paused": paused})


def _refuse_strangers(request: Request) -> None:
    _refuse_other_sites(request)
    if not _state(request).may_switch():
        raise HTTPException(403, "anybody could do this here: there is no login, and we listen beyond loopback")


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
    return PlainTextResponse("500: something went wrong here; the bot's log tells what\n", 500)
