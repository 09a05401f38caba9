"""The HTTP side, over a real socket."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from conversations.journal import lifecycle
from conversations.records import StoredFinding, Verdict
from exporters.snapshot import Live, Snapshot, snapshot
from mysterybot.server import NotReloaded, ServerState, application, serve
from tests.exporters.stories import DAY, HOUR, MONDAY, Stories, acknowledged, everyday, live, replied, stories, wrote
from tests.exporters.test_prometheus import reached
from tests.exporters.test_report import HOSTILE, Seen

NOW = MONDAY + 4 * DAY
PICTURE = b"\x89PNG\r\n\x1a\n and so on"
PAGES = ("/", "/conversations", "/desks/acme", "/unmatched", "/conversations/c0001")


@dataclass(slots=True)
class Site:
    """A running server, its journal, and what it switches."""

    pen: Stories
    evidence: Path
    paused: bool = False
    reasons: list[str] = field(default_factory=list)
    broken: bool = False
    may_switch: bool = True
    lifecycle: bool = True
    notes: list[str] = field(default_factory=list)
    wrong: str = ""
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    def live(self) -> Live:
        return live(paused=self.paused)

    async def snapshot(self) -> Snapshot:
        if self.broken:
            raise RuntimeError("the secret of the trace")
        return await snapshot(self.pen.journal, self.live())

    def state(self, snapshot: Callable[[], Awaitable[Snapshot]]) -> ServerState:
        return ServerState(
            journal=self.pen.journal,
            evidence=self.evidence,
            snapshot=snapshot,
            unready=lambda: self.reasons,
            pause=self.pause,
            resume=self.resume,
            may_switch=lambda: self.may_switch,
            reload=self.reload,
            lifecycle=self.lifecycle,
            now=lambda: NOW,
        )

    async def pause(self) -> None:
        self.paused = True

    async def resume(self) -> None:
        self.paused = False

    async def reload(self) -> Sequence[str]:
        if self.wrong:
            raise NotReloaded(self.wrong)
        return self.notes

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.client.get(path, **options)  # type: ignore[arg-type]

    async def page(self, path: str) -> Seen:
        response = await self.get(path)
        assert response.status_code == 200, response.text
        return Seen(response.text)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Site]:
    async with stories(folder / "journal.sqlite") as pen:
        (folder / "evidence").mkdir()
        site = Site(pen, folder / "evidence")
        server = await serve(application(site.state(site.snapshot)), "127.0.0.1", 0)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=20) as site.client:
                yield site
        finally:
            await server.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path) as opened:
        yield opened


# --- the server ------------------------------------------------------------------------------------------------------


async def test_signals_are_left_alone_and_the_port_is_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with running(tmp_path) as site:
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
        port = site.client.base_url.port
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken_is_an_os_error_and_does_not_end_the_program(site: Site) -> None:
    taken = site.client.base_url.port
    assert taken is not None
    with pytest.raises(OSError):
        await serve(application(site.state(site.snapshot)), "127.0.0.1", taken)


async def test_a_request_under_way_is_answered_when_the_server_stops(site: Site) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow_snapshot() -> Snapshot:
        asked.set()
        await go_on.wait()
        return await site.snapshot()

    server = await serve(application(site.state(slow_snapshot)), "127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        request = asyncio.create_task(client.get("/metrics"))
        await asked.wait()
        stopping = asyncio.create_task(server.stop())
        go_on.set()
        assert (await request).status_code == 200
        await stopping


async def test_every_answer_has_the_security_headers_and_a_date(site: Site) -> None:
    await everyday(site.pen)
    for path in (*PAGES, "/metrics", "/-/healthy", "/-/ready", "/style.css", "/nowhere", "/conversations?page=x"):
        headers = (await site.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self'"), path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["date"] == datetime.fromtimestamp(NOW, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        assert "server" not in headers


# --- metrics and health ----------------------------------------------------------------------------------------------


async def test_metrics_are_served_without_a_redirect(site: Site) -> None:
    await everyday(site.pen)
    response = await site.get("/metrics", follow_redirects=False)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "mysterybot_visit_conversations_total{" in response.text


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), ("application/openmetrics-text", parse_openmetrics)])
async def test_the_process_tells_of_itself_in_both_formats_by_the_names_that_everybody_knows(
    accept: str, parse: Callable[[str], Iterable[Metric]], site: Site
) -> None:
    text = (await site.get("/metrics", headers={"Accept": accept})).text
    names = {sample.name for family in parse(text) for sample in family.samples}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "python_info"} <= names
    assert "mysterybot_build_info" in names


async def test_metrics_are_openmetrics_for_who_asks(site: Site) -> None:
    response = await site.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


async def test_it_is_ready_only_when_nothing_speaks_against_it(site: Site) -> None:
    site.reasons[:] = ["mailbox anna: not open yet", "mailbox ben: login refused"]
    response = await site.get("/-/ready")
    assert (response.status_code, response.text.splitlines()) == (503, site.reasons)
    assert (await site.get("/-/healthy")).status_code == 200
    site.reasons.clear()
    assert (await site.get("/-/ready")).status_code == 200


async def test_metrics_and_pages_tell_which_desk_is_open_and_which_under_maintenance(site: Site) -> None:
    metrics = (await site.get("/metrics")).text
    for told in ('open{desk="acme",location="zurich"} 1.0', 'open{desk="quiet",location="zurich"} 0.0'):
        assert f"mysterybot_desk_{told}" in metrics
    for told in ('maintenance{desk="acme",location="zurich"} 0.0', 'maintenance{desk="quiet",location="zurich"} 1.0'):
        assert f"mysterybot_desk_{told}" in metrics
    for path in ("/", "/desks/quiet"):
        text = re.sub(r"\s+", " ", (await site.page(path)).text)
        assert re.search(
            r"maintenance nobody new is contacted until Mon 16 Nov 2026 10:00 UTC: they move house", text
        ), text
        assert "outside its business hours now" in text
    assert "maintenance" not in (await site.page("/desks/acme")).text


# --- the switch ------------------------------------------------------------------------------------------------------


async def test_a_program_pauses_and_resumes(site: Site) -> None:
    assert (await site.client.post("/-/pause")).json() == {"paused": True}
    assert site.paused
    assert "Paused." in (await site.page("/")).text
    assert 'mysterybot_paused{location="zurich"} 1.0' in (await site.get("/metrics")).text
    assert (await site.client.post("/-/resume")).json() == {"paused": False}
    assert not site.paused
    assert "Paused." not in (await site.page("/")).text


async def test_a_person_who_presses_the_button_is_back_on_the_overview(site: Site) -> None:
    own = f"http://127.0.0.1:{site.client.base_url.port}"
    headers = {"Accept": "text/html", "Origin": own, "Sec-Fetch-Site": "same-origin"}
    response = await site.client.post("/-/pause", headers=headers)
    assert (response.status_code, response.headers["location"], site.paused) == (303, "/", True)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_a_page_of_another_site_cannot_press_the_button(site: Site, headers: dict[str, str]) -> None:
    assert (await site.client.post("/-/pause", headers=headers)).status_code == 403
    assert not site.paused


async def test_looking_does_not_switch(site: Site) -> None:
    assert (await site.get("/-/pause")).status_code == 405
    assert not site.paused


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES[:-1])
async def test_pages_of_an_empty_journal_say_that_there_is_nothing_yet(site: Site, path: str) -> None:
    assert re.search(r"\b[Nn]one\b|nothing", (await site.page(path)).text)


async def test_the_overview_tells_how_every_visit_stands(site: Site) -> None:
    await everyday(site.pen)
    seen = await site.page("/")
    for told in (
        "Acme Hosting",
        "Quiet & Sons",
        "refund",
        "order",
        "1 d",
        "2 in a row",
        "Unmatched mail (1)",
        "42 min",
    ):
        assert told in seen.text, told


async def test_the_overview_tells_which_ways_in_are_open(site: Site) -> None:
    await reached(site.pen)
    text = re.sub(r"\s+", " ", (await site.page("/")).text)
    assert re.search(r"acme · contact · page ?up.*anna · imap ?down", text)


async def test_a_way_in_that_was_never_probed_is_unknown(site: Site) -> None:
    assert re.search(r"anna · imap\s*unknown\s*never", (await site.page("/")).text)


async def test_every_link_of_every_page_leads_somewhere(site: Site) -> None:
    await everyday(site.pen)
    seen = [await site.page(path) for path in PAGES]
    links = {link for page in seen for link in page.links if not link.startswith("#")}
    assert "/conversations/c0002" in links
    assert all(link[1:] in page.ids for page in seen for link in page.links if link.startswith("#"))
    assert all(link.startswith("/") for link in links), "nothing is loaded from elsewhere"
    for link in links:
        assert (await site.get(link)).status_code == 200, link


async def test_no_page_needs_a_script_or_a_style_of_its_own(site: Site) -> None:
    await everyday(site.pen)
    for path in PAGES:
        seen = await site.page(path)
        assert not {"script", "style", "iframe"} & set(seen.tags)
        assert not {name for name in seen.attributes if name == "style" or name.startswith("on")}


async def test_conversations_are_filtered_and_paged(site: Site) -> None:
    for number in range(60):
        await site.pen.tell(wrote(0, "Hello?"), replied(60, "Hello!"), at=MONDAY + number * HOUR)
    await site.pen.tell(wrote(0, "Hello?"), visit="order", at=MONDAY, verdict=Verdict.FAILED, reason="silence")
    first, second = (
        await site.page("/conversations?visit=refund"),
        await site.page("/conversations?visit=refund&page=2"),
    )
    own = [{link for link in page.links if "/c0" in link} for page in (first, second)]
    assert [len(links) for links in own] == [50, 10]
    assert "/conversations?visit=refund&page=2" in first.links
    failed = await site.page("/conversations?verdict=failed&desk=acme")
    assert [link for link in failed.links if "/c0" in link] == ["/conversations/c0061"]
    assert "No conversation is like that." in (await site.page("/conversations?verdict=open")).text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=²",
        "page=99999999999",
        "verdict=angry",
        "visit=" + "x" * 101,
        "page=" + "9" * 5000,
    ],
)
async def test_queries_are_bounded(site: Site, query: str) -> None:
    assert (await site.get(f"/conversations?{query}")).status_code == 400


async def test_a_conversation_is_told_like_a_chat_with_its_findings_and_promises(site: Site) -> None:
    await everyday(site.pen)
    text = (await site.page("/conversations/c0001")).text
    told = [
        "why is invoice 4711 higher", "We have received your request", "The price went up", "When is the refund paid?",
        "It is paid on 30 November", "that answers my question",
    ]  # fmt: skip
    assert [text.index(each) for each in told] == sorted(text.index(each) for each in told)
    for each in ("42 min", "4 business hours", "kept", "answered 1 of 2", "acknowledgement"):
        assert each in text


async def test_a_companion_leads_to_the_conversation_that_began_it(site: Site) -> None:
    await everyday(site.pen)
    values = {"id": "c0099", "visit": "refund/other", "reference": "RX482999", "parent": "c0001"}
    whole = await site.pen.journal.read(lambda c: lifecycle.load(c, "c0001"))
    assert whole is not None
    same = {name: getattr(whole, name) for name in lifecycle.Start.__slots__}
    await site.pen.journal.write(lambda c: lifecycle.start(c, lifecycle.Start(**{**same, **values}), whole.started_at))
    answer = await site.get("/conversations/c0099")
    assert '<dt>Companion of</dt><dd><a href="/conversations/c0001">' in answer.text


async def test_an_unknown_page_conversation_or_desk_is_not_found(site: Site) -> None:
    for path in ("/nowhere", "/conversations/none", "/desks/none", "/conversations/none/evidence/1", "/..%2fetc"):
        response = await site.get(path)
        assert (response.status_code, response.headers["content-type"]) == (404, "text/plain; charset=utf-8"), path


async def test_an_error_of_ours_shows_no_trace_and_the_server_goes_on(site: Site) -> None:
    site.broken = True
    response = await site.get("/")
    assert response.status_code == 500
    assert "secret" not in response.text and "Traceback" not in response.text
    assert response.headers["content-security-policy"].startswith("default-src")
    site.broken = False
    assert (await site.get("/")).status_code == 200


async def test_hostile_texts_stay_text_on_every_page(site: Site) -> None:
    await site.pen.tell(
        wrote(0, "Hello?", subject=HOSTILE),
        acknowledged(5, HOSTILE, subject=HOSTILE),
        replied(60, HOSTILE, subject=HOSTILE, findings=[StoredFinding("rude", "problem", "words", HOSTILE)]),
        verdict=Verdict.FAILED,
        reason=HOSTILE,
    )
    await site.pen.stray('"><img src=x onerror=alert(1)>@evil.example', HOSTILE, HOSTILE)
    for path in PAGES:
        response = await site.get(path)
        seen = Seen(response.text)
        assert not {"script", "b<script"} & set(seen.tags)
        assert not {name for name in seen.attributes if name.startswith("on")}
        assert re.search(r"[\x00-\x08\x0b-\x1f]", response.text) is None
        assert len(response.text) < (400_000 if "c0001" in path else 40_000)


async def test_a_mail_loop_does_not_make_a_page_endless(site: Site) -> None:
    await site.pen.tell(wrote(0, "Hello?"), *(acknowledged(1 + n, f"again {n}") for n in range(230)), verdict=None)
    text = (await site.page("/conversations/c0001")).text
    assert "31 more messages are not shown" in text


# --- evidence --------------------------------------------------------------------------------------------------------


async def with_evidence(site: Site, evidence: dict[str, str]) -> str:
    return await site.pen.tell(wrote(0, "Hello?"), evidence=evidence)


async def test_a_screenshot_is_shown_and_a_mail_is_only_offered(site: Site) -> None:
    conversation = await with_evidence(site, {"screenshot": "c0001/after.png", "mail": "c0001/raw.eml"})
    (site.evidence / "c0001").mkdir()
    (site.evidence / "c0001" / "after.png").write_bytes(PICTURE)
    (site.evidence / "c0001" / "raw.eml").write_bytes(b"<html><script>alert(1)</script>")
    seen = await site.page(f"/conversations/{conversation}")
    assert "img" in seen.tags
    picture = await site.get(next(link for link in seen.links if link.endswith("/evidence/1")))
    assert (picture.headers["content-type"], picture.content) == ("image/png", PICTURE)
    mail = await site.get(next(link for link in seen.links if link.endswith("/evidence/2")))
    assert mail.headers["content-type"] == "application/octet-stream"
    assert mail.headers["content-disposition"] == 'attachment; filename="raw.eml"'
    assert "sandbox" in mail.headers["content-security-policy"]


async def test_only_files_that_the_journal_names_are_served(site: Site) -> None:
    conversation = await with_evidence(site, {"screenshot": "c0001/gone.png"})
    (site.evidence / "c0001").mkdir()
    (site.evidence / "c0001" / "other.png").write_bytes(PICTURE)
    for path in ("evidence/1", "evidence/2", "evidence/other.png", "evidence/..%2f..%2fjournal.sqlite"):
        assert (await site.get(f"/conversations/{conversation}/{path}")).status_code == 404, path


async def test_nothing_outside_the_evidence_folder_is_served_even_if_the_journal_names_it(site: Site) -> None:
    outside = site.evidence.parent / "secret.png"
    outside.write_bytes(PICTURE)
    (site.evidence / "link.png").symlink_to(outside)
    for number, path in enumerate(("../secret.png", str(outside), "link.png"), 1):
        conversation = await site.pen.tell(at=MONDAY + number, evidence={"screenshot": path})
        assert (await site.get(f"/conversations/{conversation}/evidence/{number}")).status_code == 404, path


async def test_evidence_of_one_conversation_is_not_served_as_another_s(site: Site) -> None:
    (site.evidence / "after.png").write_bytes(PICTURE)
    first = await with_evidence(site, {"screenshot": "after.png"})
    second = await site.pen.tell(at=MONDAY + 1)
    assert (await site.get(f"/conversations/{first}/evidence/1")).status_code == 200
    assert (await site.get(f"/conversations/{second}/evidence/1")).status_code == 404
