"""The web site of the demo company: a home page and a contact form that writes into the helpdesk."""

import asyncio
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from urllib.parse import parse_qs, quote

import uvicorn
from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mysterybot.demo.helpdesk import ContactForm, Helpdesk

MAX_BODY = 64 * 1024
MAX_FIELDS = 20
MAX_CONNECTIONS = 200
START_TIMEOUT = 10.0  # seconds
_LIMITS = {"name": 100, "email": 200, "order": 40, "topic": 40, "subject": 150, "message": 5000}
_OPTIONAL = {"order"}
_MISSING = {
    "name": "Please tell us your name.",
    "email": "Please tell us your e-mail address.",
    "topic": "Please choose a topic.",
    "subject": "Please give your message a subject.",
    "message": "Please write a message.",
}
_ADDRESS = re.compile(r"[^\s@<>\",;:()\\]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,5}", re.IGNORECASE)


class Site:
    """The site on a port of its own. `topics` maps the topics of the form to the helpdesk's queues."""

    def __init__(self, helpdesk: Helpdesk, topics: Mapping[str, str]) -> None:
        self._helpdesk = helpdesk
        self._topics = dict(topics)
        # Text only ever comes in through the pages' values, and is escaped there.
        self._pages = Environment(loader=PackageLoader("mysterybot.demo", "pages"), autoescape=True)
        self._style = files("mysterybot.demo").joinpath("pages", "style.css").read_text("utf-8")
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; 0 is any free port. OSError when the port is taken."""
        listener = socket.create_server((host, port))
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._application(),
            log_config=None,
            access_log=False,
            lifespan="off",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = _EmbeddedServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        async with asyncio.timeout(START_TIMEOUT):
            while not self._server.started:  # uvicorn has nothing to wait on
                if self._serving.done():
                    self._serving.result()
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/contact", self._contact, methods=["GET"]),
                Route("/contact", self._submit, methods=["POST"]),
                Route("/contact/received", self._received),
                Route("/style.css", self._stylesheet),
            ]
        )

    def _page(self, name: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(
            self._pages.get_template(name).render(values), status, headers={"Cache-Control": "no-store"}
        )

    async def _home(self, _request: Request) -> Response:
        return self._page("home.html", queues=list(self._helpdesk.queues.values()))

    async def _stylesheet(self, _request: Request) -> Response:
        return PlainTextResponse(self._style, media_type="text/css")

    async def _contact(self, _request: Request) -> Response:
        return self._form(dict.fromkeys(_LIMITS, ""), {})

    def _form(self, values: Mapping[str, str], errors: Mapping[str, str]) -> Response:
        topics = [(topic, topic) for topic in self._topics]
        return self._page("contact.html", 422 if errors else 200, values=values, errors=errors, topics=topics)

    async def _submit(self, request: Request) -> Response:
        try:
            values = await _read_form(request)
        except (ValueError, ClientDisconnect):
            return PlainTextResponse("This is not a contact form.", 400)
        errors = self._check(values)
        if errors:
            return self._form(values, errors)
        ticket = self._helpdesk.submitted(
            ContactForm(
                name=values["name"],
                address=values["email"],
                order=values["order"],
                subject=values["subject"],
                message=values["message"],
                queue=self._topics[values["topic"]],
            )
        )
        # Answered by a redirect, so that reloading the page does not send the message again.
        return RedirectResponse(f"/contact/received?ticket={quote(f'ACME-{ticket.number}')}", 303)

    def _check(self, values: Mapping[str, str]) -> dict[str, str]:
        errors: dict[str, str] = {}
        for name, limit in _LIMITS.items():
            if not values[name] and name not in _OPTIONAL:
                errors[name] = _MISSING[name]
            elif len(values[name]) > limit:
                errors[name] = f"Please use no more than {limit} characters."
        if "email" not in errors and not _ADDRESS.fullmatch(values["email"]):
            errors["email"] = "This is not an e-mail address."
        if "topic" not in errors and values["topic"] not in self._topics:
            errors["topic"] = _MISSING["topic"]
        return errors

    async def _received(self, request: Request) -> Response:
        ticket = request.query_params.get("ticket", "")
        if not re.fullmatch(r"ACME-\d{1,9}", ticket, re.ASCII):
            return RedirectResponse("/contact", 303)
        return self._page("received.html", ticket=ticket)


class _EmbeddedServer(uvicorn.Server):
    """A server inside another program, whose signals are not its business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of the form, trimmed; missing ones are empty. ValueError when it is no form or too large."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        raise ValueError("not a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ValueError("too large")
    fields = parse_qs(body.decode("utf-8"), max_num_fields=MAX_FIELDS)
    return {name: fields.get(name, [""])[0].replace("\r\n", "\n").strip() for name in _LIMITS}
