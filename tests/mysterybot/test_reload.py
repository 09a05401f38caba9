"""A new config while the service runs, on the demo company's real sockets."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from conversations.journal import lifecycle
from mysterybot.app import Bot, find_scenario
from mysterybot.config import load
from mysterybot.demo.company import Company
from mysterybot.server import RunningServer
from mysterybot.service import CannotRun, Options, running
from tests.mysterybot.bots import PROMPT, bot_config
from tests.mysterybot.demo.acme import open_company
from tests.mysterybot.test_service import ENOUGH, ended, one, scraped, waiting

LATER: dict[str, Any] = {**PROMPT, "every": "1 day"}


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with open_company() as opened:
        yield opened


class Service:
    """A service whose config the test rewrites."""

    def __init__(self, path: Path, bot: Bot, server: RunningServer) -> None:
        self.path, self.bot, self.server = path, bot, server

    def rewrite(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(self.path.read_text())
        change(document)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(document, indent=1))
        new.replace(self.path)  # as editors do: it is read meanwhile

    async def ask(self, path: str, method: str = "POST", **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(timeout=ENOUGH) as client:
            return await client.request(method, f"http://127.0.0.1:{self.server.port}{path}", **options)

    async def reload(self, change: Callable[[dict[str, Any]], object]) -> httpx.Response:
        self.rewrite(change)
        return await self.ask("/-/reload")


@asynccontextmanager
async def serving(
    folder: Path, company: Company, visits: dict[str, Any], *, lifecycle: bool = True, web: Path | None = None
) -> AsyncIterator[Service]:
    path = bot_config(folder, visits, company)

    def read() -> Any:
        return load(path, company.environ, find_scenario)

    options = Options(read, web, lifecycle, company.environ)
    async with running(read(), options=options) as (bot, server):
        yield Service(path, bot, server)


def with_ben(document: dict[str, Any]) -> None:
    anna = document["mailboxes"]["anna"]
    login = {"user": "ben@inbox.example", "password": {"env": "BEN_PASSWORD"}}
    document["mailboxes"]["ben"] = {**anna, "address": "ben@inbox.example", "name": "Ben Aldous", "login": login}


async def eventually_up(service: Service, *names: str) -> None:
    async with asyncio.timeout(ENOUGH):
        for name in names:
            await service.bot.world.mailboxes[name].inbox.ready(ENOUGH)


async def test_without_the_flag_http_does_not_reload(company: Company, tmp_path: Path) -> None:
    async with serving(tmp_path, company, {}, lifecycle=False) as service:
        answer = await service.reload(lambda document: document["visits"].update(order=PROMPT))
        assert answer.status_code == 403
        assert "--web.enable-lifecycle" in answer.text
        assert service.bot.config.visits == {}


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_page_of_another_site_cannot_reload(company: Company, tmp_path: Path, headers: dict[str, str]) -> None:
    async with serving(tmp_path, company, {}) as service:
        assert (await service.ask("/-/reload", headers=headers)).status_code == 403
        assert (await service.ask("/-/reload", "GET")).status_code == 405
        assert (await service.ask("/-/reload", "PUT")).status_code == 200


async def test_a_bad_config_changes_nothing_and_says_all_that_is_wrong(
    company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, company, {"order": LATER}) as service:
        await ended(service.bot)
        metrics = await scraped(service.server)
        loaded_at = one(metrics, "config_last_reload_success_timestamp_seconds")
        assert one(metrics, "config_last_reload_successful") == 1

        def spoil(document: dict[str, Any]) -> None:
            document["visits"]["order"]["desk"] = "acne"
            document["mailboxes"]["anna"]["imap"]["hots"] = "x"
            document["visits"]["again"] = PROMPT

        answer = await service.reload(spoil)
        assert answer.status_code == 500
        for mistake in (
            "visits.order.desk: no such desk; did you mean acme?",
            "imap.hots: unknown key; did you mean host?",
        ):
            assert mistake in answer.text
            assert mistake in caplog.text
        metrics = await scraped(service.server)
        assert one(metrics, "config_last_reload_successful") == 0
        assert one(metrics, "config_last_reload_success_timestamp_seconds") == loaded_at
        assert list(service.bot.config.visits) == ["order"]
        assert one(metrics, "mailbox_up", mailbox="anna") == 1

        service.path.write_text("{")
        assert (await service.ask("/-/reload")).status_code == 500
        service.path.unlink()
        assert (await service.ask("/-/reload")).status_code == 500
        bot_config(tmp_path, {"order": LATER}, company)
        assert (await service.ask("/-/reload")).status_code == 200
        metrics = await scraped(service.server)
        assert one(metrics, "config_last_reload_successful") == 1
        assert one(metrics, "config_last_reload_success_timestamp_seconds") > loaded_at


async def test_visits_desks_and_limits_change_at_once_and_nothing_begins_twice(
    company: Company, tmp_path: Path
) -> None:
    async with serving(tmp_path, company, {"order": LATER}) as service:
        await ended(service.bot)

        def change(document: dict[str, Any]) -> None:
            document["visits"]["again"] = LATER
            document["desks"]["acme"]["name"] = "Acme & Sons"
            document["limits"] = {"turns": 3}

        assert (await service.reload(change)).text == "reloaded\n"
        found = await ended(service.bot, 2)
        assert sorted(each.visit for each in found) == ["again", "order"]
        assert {each.verdict for each in found} == {"passed"}
        assert '"turns":3' in next(each.definition for each in found if each.visit == "again")
        assert "Acme &amp; Sons" in (await service.ask("/", "GET")).text
        assert (await service.reload(lambda document: document["visits"].pop("order"))).status_code == 200
        for _ in range(3):
            assert (await service.ask("/-/reload")).status_code == 200
        await service.bot.visits.start_due()
        assert len(await service.bot.journal.read(lifecycle.listed)) == 2, "no slot is used again"
        metrics = await scraped(service.server)
        assert one(metrics, "visit_conversations_total", visit="order", verdict="passed") == 1
        assert not [
            series for series in metrics if series.startswith("mysterybot_visit_interval") and "order" in series
        ]


async def test_an_open_conversation_goes_on_over_a_reload_as_it_began(company: Company, tmp_path: Path) -> None:
    company.helpdesk._handling_time = (1.0, 1.0)
    async with serving(tmp_path, company, {"order": LATER}) as service:
        async with asyncio.timeout(ENOUGH):
            while not (open_ := await waiting(service.bot)):
                await asyncio.sleep(0.01)
        service.rewrite(lambda document: document["visits"].pop("order"))
        assert (await service.ask("/-/reload")).status_code == 200
        [conversation] = await ended(service.bot)
        assert (conversation.id, conversation.verdict) == (open_, "passed")
    support = company.mail.post.folder("support@acme.example").mails
    assert sum(b"AH-20417" in mail.raw for mail in support) == 1, "asked once"


async def test_mailboxes_that_have_not_changed_are_not_touched(company: Company, tmp_path: Path) -> None:
    async with serving(tmp_path, company, {}) as service:
        await eventually_up(service, "anna")
        anna = service.bot.world.mailboxes["anna"]
        since = anna.inbox.state.since
        assert (await service.reload(with_ben)).status_code == 200
        await eventually_up(service, "ben")
        assert service.bot.world.mailboxes["anna"] is anna
        assert anna.inbox.state.up and anna.inbox.state.since == since
        assert (
            await service.reload(lambda d: d["mailboxes"]["anna"].update(control={"every": "1 hour", "to": "ben"}))
        ).status_code == 200
        assert service.bot.world.mailboxes["anna"] is anna, "control mails are no matter of its connections"
        async with asyncio.timeout(ENOUGH):
            while one(await scraped(service.server), "delivery_seconds_count", mailbox="anna") == 0:
                await asyncio.sleep(0.05)


async def test_a_mailbox_that_has_changed_is_opened_anew_and_one_that_is_gone_is_closed(
    company: Company, tmp_path: Path
) -> None:
    async with serving(tmp_path, company, {}) as service:
        await service.reload(with_ben)
        await eventually_up(service, "anna", "ben")
        anna, ben = (service.bot.world.mailboxes[name] for name in ("anna", "ben"))
        wrong = {"user": "anna@inbox.example", "password": "wrong"}

        def change(document: dict[str, Any]) -> None:
            document["mailboxes"]["anna"]["login"] = wrong
            del document["mailboxes"]["ben"]

        assert (await service.reload(change)).status_code == 200
        assert not anna.inbox.state.up and not ben.inbox.state.up
        assert list(service.bot.world.mailboxes) == ["anna"]
        async with asyncio.timeout(ENOUGH):
            while "not open yet" in (ready := await service.ask("/-/ready", "GET")).text:
                await asyncio.sleep(0.02)
        assert ready.status_code == 503
        metrics = await scraped(service.server)
        assert one(metrics, "mailbox_up", mailbox="anna") == 0
        assert not [series for series in metrics if series.startswith("mysterybot_mailbox_up") and "ben" in series]
        right = {"user": "anna@inbox.example", "password": {"env": "ANNA_PASSWORD"}}
        assert (await service.reload(lambda d: d["mailboxes"]["anna"].update(login=right))).status_code == 200
        await eventually_up(service, "anna")


async def test_open_conversations_that_lose_their_mailbox_are_told_of(
    company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    company.helpdesk._handling_time = (100.0, 100.0)
    async with serving(tmp_path, company, {"order": LATER}) as service:
        async with asyncio.timeout(ENOUGH):
            while not await waiting(service.bot):
                await asyncio.sleep(0.01)

        def rename(document: dict[str, Any]) -> None:
            with_ben(document)
            del document["mailboxes"]["anna"]
            document["visits"] = {}

        answer = await service.reload(rename)
        note = "1 open conversation needs the mailbox anna, which is gone"
        assert (answer.status_code, answer.text) == (200, f"reloaded\n{note}\n")
        assert note in caplog.text


async def test_what_needs_a_restart_is_said_and_left_as_it_is(company: Company, tmp_path: Path) -> None:
    async with serving(tmp_path, company, {}) as service:
        before = service.bot.config.bot

        def change(document: dict[str, Any]) -> None:
            document["bot"] |= {"listen": "127.0.0.1:1", "location": "elsewhere", "data": "other"}
            document["browser"] = {"concurrency": 3}
            document["visits"] = {"order": LATER}

        answer = await service.reload(change)
        assert answer.status_code == 200
        told = {line.removesuffix(" takes effect at the next start") for line in answer.text.splitlines()}
        assert told == {"reloaded", "bot.data", "bot.listen", "bot.location", "browser.concurrency"}
        assert service.bot.config.bot == before
        assert 'location="test"' in next(iter(await scraped(service.server)))
        await ended(service.bot)


async def test_when_something_of_ours_breaks_in_a_reload_the_work_goes_on(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, company, {}) as service:

        async def broken(accounts: object) -> None:
            raise RuntimeError("out of memory")

        with monkeypatch.context() as patched:
            patched.setattr(service.bot.mailboxes, "use", broken)
            answer = await service.reload(lambda document: document["visits"].update(order=LATER))
        assert answer.status_code == 500
        assert "RuntimeError; see the log" in answer.text
        assert "out of memory" not in answer.text
        assert one(await scraped(service.server), "config_last_reload_successful") == 0
        assert (await service.ask("/-/reload")).status_code == 200
        await ended(service.bot)


async def test_reloads_at_the_same_time_and_scrapes_meanwhile_do_no_harm(company: Company, tmp_path: Path) -> None:
    async with serving(tmp_path, company, {"order": LATER}) as service:

        async def scrape() -> None:
            for _ in range(20):
                await scraped(service.server)

        def toggle(document: dict[str, Any]) -> None:
            if document["mailboxes"].pop("ben", None) is None:
                with_ben(document)

        async def reloads() -> None:
            for _ in range(5):
                assert (await service.reload(toggle)).status_code == 200

        await asyncio.gather(scrape(), scrape(), reloads(), reloads())
        [conversation] = await ended(service.bot)
        assert conversation.verdict == "passed"


# --- the web config --------------------------------------------------------------------------------------------------


def web_config(folder: Path, password: str) -> Path:
    path = folder / "web.yml"
    path.write_text(f"basic_auth_users: {{anna: '{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}'}}")
    return path


async def test_the_web_config_is_read_anew_by_a_reload_and_by_itself(
    company: Company, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    web = web_config(tmp_path, "first")
    async with serving(tmp_path, company, {}, web=web) as service:
        assert (await service.ask("/-/reload")).status_code == 401
        assert (await service.ask("/", "GET", auth=("anna", "first"))).status_code == 200
        web_config(tmp_path, "second")
        assert (await service.ask("/-/reload", auth=("anna", "first"))).status_code == 200
        assert (await service.ask("/", "GET", auth=("anna", "first"))).status_code == 401
        assert (await service.ask("/", "GET", auth=("anna", "second"))).status_code == 200
        web.write_text("basic_auth_users: {anna: second}")
        for _ in range(2):  # and it stays wrong
            answer = await service.ask("/-/reload", auth=("anna", "second"))
            assert answer.status_code == 500
            assert "web.yml:1:26: basic_auth_users.anna: should be a bcrypt hash" in answer.text
        metrics = (await service.ask("/metrics", "GET", auth=("anna", "second"))).text
        assert 'mysterybot_config_last_reload_successful{location="test"} 0.0' in metrics
        web_config(tmp_path, "third")
        async with asyncio.timeout(ENOUGH):
            while (await service.ask("/", "GET", auth=("anna", "third"))).status_code != 200:
                await asyncio.sleep(0.1)
        assert "the web config was read anew" in caplog.text


async def test_a_web_config_with_a_mistake_lets_the_service_not_start(company: Company, tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    web.write_text("basic_auth_users: {anna: oh}")
    with pytest.raises(CannotRun, match=r"web\.yml:1:26: basic_auth_users\.anna: should be a bcrypt hash"):
        async with serving(tmp_path, company, {}, web=web):
            raise AssertionError("it must not start")
    with contextlib.suppress(FileNotFoundError):
        web.unlink()
    with pytest.raises(CannotRun, match=r"web\.yml: cannot be read: No such file"):
        async with serving(tmp_path, company, {}, web=web):
            raise AssertionError("it must not start")
