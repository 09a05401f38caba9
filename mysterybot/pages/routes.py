"""The addresses of the pages. A page reads the journal once or twice and draws; it keeps nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from conversations.journal import Journal, lifecycle, messages
from conversations.records import Verdict
from exporters.detail import detail
from exporters.presentation import STYLE, environment
from exporters.scorecard import Facts, scorecard
from exporters.snapshot import Snapshot
from exporters.summaries import OPEN, Wanted, ids, latest_of, newest
from mysterybot.pages import evidence
from mysterybot.pages.overview import overview

STATE: Final = "mysterybot"
"""The attribute of Starlette's `app.state` that holds the ServerState."""

PAGE: Final = 50
MOST_PAGES: Final = 2000
LATEST: Final = 20
RECENT: Final = 12
DESK_LATEST: Final = 100
MOST_UNMATCHED: Final = 100
LONGEST_PARAMETER: Final = 100
VERDICTS: Final = (*(str(verdict) for verdict in Verdict), OPEN)


@dataclass(frozen=True, slots=True)
class ServerState:
    """What the server shows and switches. `now`: seconds since the epoch.

    `reload` tells what the new config asks for in vain, and raises server.NotReloaded; `lifecycle`: whether HTTP may ask for it.
    `may_switch`: whether HTTP may pause and resume.
    """

    journal: Journal
    evidence: Path
    snapshot: Callable[[], Awaitable[Snapshot]]
    unready: Callable[[], Sequence[str]]
    pause: Callable[[], Awaitable[None]]
    resume: Callable[[], Awaitable[None]]
    may_switch: Callable[[], bool]
    reload: Callable[[], Awaitable[Sequence[str]]]
    lifecycle: bool
    now: Callable[[], float]


def routes() -> list[Route]:
    """All pages."""
    return [
        Route("/", _overview),
        Route("/conversations", _conversations),
        Route("/conversations/{id:str}", _conversation),
        Route("/conversations/{id:str}/evidence/{number:int}", _evidence),
        Route("/desks/{name:str}", _desk),
        Route("/unmatched", _unmatched),
        Route("/style.css", _style),
    ]


async def _overview(request: Request) -> Response:
    state = _state(request)
    snapshot = await state.snapshot()
    visits = [visit.name for visit in snapshot.live.visits]
    latest = await state.journal.read(lambda c: latest_of(c, visits, LATEST))
    recent = await state.journal.read(lambda c: newest(c, Wanted(), RECENT))
    shown = overview(snapshot, latest, state.now())
    return await _page(state, snapshot, "overview.html", overview=shown, recent=recent, unready=state.unready())


async def _conversations(request: Request) -> Response:
    state = _state(request)
    chosen = {name: _parameter(request, name) for name in ("visit", "desk", "verdict")}
    if chosen["verdict"] not in {None, *VERDICTS}:
        raise HTTPException(400, f"verdict is one of {', '.join(VERDICTS)}")
    number = _page_number(request)
    offset = (number - 1) * PAGE
    wanted = Wanted(visit=chosen["visit"], desk=chosen["desk"], verdict=chosen["verdict"])
    found = await state.journal.read(lambda c: newest(c, wanted, PAGE + 1, offset))
    snapshot = await state.snapshot()
    choices = {
        "desk": sorted({*(desk.name for desk in snapshot.live.desks), *filter(None, [chosen["desk"]])}),
        "visit": sorted({*(visit.name for visit in snapshot.live.visits), *filter(None, [chosen["visit"]])}),
        "verdict": VERDICTS,
    }
    return await _page(
        state,
        snapshot,
        "conversations.html",
        summaries=found[:PAGE],
        more=len(found) > PAGE and number < MOST_PAGES,
        number=number,
        chosen=chosen,
        choices=choices,
        kept={name: value for name, value in chosen.items() if value is not None},
    )


async def _conversation(request: Request) -> Response:
    state, wanted = _state(request), request.path_params["id"]
    whole = await state.journal.read(lambda c: lifecycle.load(c, wanted))
    if whole is None:
        raise HTTPException(404, "there is no such conversation")
    kept = await state.journal.read(lambda c: evidence.of(c, wanted))
    it = await asyncio.to_thread(detail, whole)
    shots = [(each.address, f"screenshot of {whole.visit}") for each in kept if each.picture]
    files = [(each.address, f"{each.kind}: {each.path.rpartition('/')[2]}") for each in kept if not each.picture]
    return await _page(state, await state.snapshot(), "one.html", it=it, shots=shots, files=files)


async def _evidence(request: Request) -> Response:
    state, wanted, number = _state(request), request.path_params["id"], request.path_params["number"]
    kept = await state.journal.read(lambda c: evidence.of(c, wanted))
    found = next((each for each in kept if each.number == number), None)
    path = None if found is None else await asyncio.to_thread(found.within, state.evidence)
    if found is None or path is None:
        raise HTTPException(404, "there is no such evidence, or it is no longer kept")
    return FileResponse(path, headers=found.headers())


async def _desk(request: Request) -> Response:
    state, name = _state(request), request.path_params["name"]

    def read(connection: Any) -> list[Facts]:
        latest = ids(connection, Wanted(desk=name), DESK_LATEST)
        return [Facts.of(whole) for each in latest if (whole := lifecycle.load(connection, each)) is not None]

    facts = await state.journal.read(read)
    snapshot = await state.snapshot()
    desk = next((each for each in snapshot.live.desks if each.name == name), None)
    if not facts and desk is None:
        raise HTTPException(404, "there is no such desk")
    card = await asyncio.to_thread(scorecard, name, desk.title if desk else name, facts)
    recent = [each.summary for each in reversed(facts)][:PAGE]
    return await _page(state, snapshot, "desk.html", card=card, desk=desk, recent=recent, most=DESK_LATEST)


async def _unmatched(request: Request) -> Response:
    state = _state(request)
    mails = await state.journal.read(lambda c: messages.unmatched(c, MOST_UNMATCHED))
    return await _page(state, await state.snapshot(), "unmatched.html", mails=mails, most=MOST_UNMATCHED)


async def _style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


async def _page(state: ServerState, snapshot: Snapshot, template: str, **values: Any) -> Response:
    unmatched = sum(each.value for each in snapshot.aggregates.get("mailbox_unmatched_total", ()))

    may_switch = state.may_switch()

    def draw() -> str:
        page = _templates().get_template(template)
        return page.render(live=snapshot.live, unmatched=int(unmatched), link=_link, may_switch=may_switch, **values)

    return HTMLResponse(await asyncio.to_thread(draw))


@cache
def _templates() -> Environment:
    return environment(Path(__file__).parent)


def _link(conversation: str) -> str:
    return f"/conversations/{conversation}"


def _parameter(request: Request, name: str) -> str | None:
    value = request.query_params.get(name) or None
    if value is not None and len(value) > LONGEST_PARAMETER:
        raise HTTPException(400, f"{name} is too long")
    return value


def _page_number(request: Request) -> int:
    written = _parameter(request, "page") or "1"
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST_PAGES):
        raise HTTPException(400, f"page is a number from 1 to {MOST_PAGES}")
    return int(written)


def _state(request: Request) -> ServerState:
    state: ServerState = getattr(request.app.state, STATE)
    return state
