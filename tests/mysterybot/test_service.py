"""The service: everything wired together, on the demo company's real sockets."""

import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conversations.journal import lifecycle, switches
from conversations.records import Conversation
from conversations.start import start
from mysterybot.app import Bot, find_scenario, journal_of
from mysterybot.config import Config, load
from mysterybot.demo.company import Company
from mysterybot.server import RunningServer
from mysterybot.service import CannotRun, alone, running, toggle
from mysterybot.visits import definition
from tests.mysterybot.bots import PROMPT, SILENT, bot_config
from tests.mysterybot.demo.acme import open_company

ENOUGH = 30.0  # seconds after which a test is stuck


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with open_company() as opened:
        yield opened


def config(folder: Path, company: Company, visits: dict[str, Any], **sections: Any) -> Config:
    return load(bot_config(folder, visits, company, **sections), company.environ, find_scenario)


async def ended(bot: Bot, count: int = 1) -> list[Conversation]:
    """All conversations, once so many have ended."""
    async with asyncio.timeout(ENOUGH):
        while True:
            ids = await bot.journal.read(lifecycle.listed)
            found = [await bot.journal.read(lambda c, i=each: lifecycle.load(c, i)) for each in ids]  # type: ignore[misc]
            if sum(each is not None and each.verdict is not None for each in found) >= count:
                return [each for each in found if each is not None]
            await asyncio.sleep(0.05)


async def scraped(server: RunningServer) -> dict[str, float]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{server.port}/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def one(metrics: dict[str, float], name: str, **labels: str) -> float:
    """The one series of this name with these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    found = {
        series: value
        for series, value in metrics.items()
        if re.match(rf"mysterybot_{name}(\{{|$)", series) and all(each in series for each in wanted)
    }
    assert len(found) == 1, found
    return next(iter(found.values()))


async def test_a_visit_is_played_shown_in_metrics_and_counters_go_on_after_a_restart(
    company: Company, tmp_path: Path
) -> None:
    settings = config(tmp_path, company, {"order": PROMPT})
    async with running(settings) as (bot, server):
        [conversation] = await ended(bot)
        assert (conversation.verdict, conversation.reason) == ("passed", "")
        before = await scraped(server)
    assert one(before, "visit_conversations_total", visit="order", verdict="passed") == 1
    assert one(before, "visit_conversations_total", visit="order", verdict="failed") == 0
    assert one(before, "first_reply_seconds_count", visit="order", clock="calendar") == 1
    assert one(before, "mailbox_up", mailbox="anna") == 1
    async with running(settings) as (bot, server):
        assert one(await scraped(server), "visit_conversations_total", visit="order", verdict="passed") == 1
    again = config(tmp_path, company, {"order": PROMPT, "again": {**PROMPT, "with": {**PROMPT["with"]}}})
    async with running(again) as (bot, server):
        await ended(bot, 2)
        after = await scraped(server)
    assert one(after, "visit_conversations_total", visit="order", verdict="passed") == 1
    assert one(after, "visit_conversations_total", visit="again", verdict="passed") == 1


async def test_an_open_conversation_goes_on_in_the_next_life(company: Company, tmp_path: Path) -> None:
    visit = {**SILENT, "with": {"opening": "Hello?", "patience": "3 seconds"}, "scenario": "acknowledged"}
    company.helpdesk._handling_time = (100.0, 100.0)  # nothing is acknowledged
    settings = config(tmp_path, company, {"silent": visit})
    async with running(settings) as (bot, _):
        async with asyncio.timeout(ENOUGH):
            while not (open_ := await waiting(bot)):
                await asyncio.sleep(0.02)
    async with running(settings) as (bot, _):
        found = await ended(bot)
    assert [(each.id, each.verdict, each.reason) for each in found] == [(open_, "failed", "no answer within 3 seconds")]
    assert len(company.mail.post.folder("abuse@acme.example").mails) == 1


async def test_a_promise_that_ran_out_is_told_after_a_start_when_the_mailbox_was_read(
    company: Company, tmp_path: Path
) -> None:
    """Before that nobody knows whether the answer lies there: an alert would be false."""

    def overdue(metrics: dict[str, float]) -> bool:
        return any(name.startswith("mysterybot_visit_reply_due_timestamp_seconds") for name in metrics)

    company.helpdesk._handling_time = (100.0, 100.0)  # nothing is acknowledged
    visit = {**SILENT, "with": {"opening": "Hello?", "patience": "1 hour"}}
    settings = config(tmp_path, company, {"silent": visit})
    async with running(settings) as (bot, server), asyncio.timeout(ENOUGH):
        while not await waiting(bot):
            await asyncio.sleep(0.02)
        assert overdue(await scraped(server))
    wrong = config(tmp_path, company, {"silent": visit}, password="not annas password")
    async with running(wrong) as (_, server):
        metrics = await scraped(server)
        assert one(metrics, "visit_open_conversations", visit="silent") == 1
        assert not overdue(metrics)
    async with running(settings) as (_, server), asyncio.timeout(ENOUGH):
        while not overdue(await scraped(server)):
            await asyncio.sleep(0.05)


async def test_what_a_dead_service_held_goes_on_at_once(company: Company, tmp_path: Path) -> None:
    """Not only when the lease of the dead runs out: nobody else can hold this data."""
    settings = config(tmp_path, company, {"order": PROMPT})
    far = time.time() + 3600
    async with journal_of(settings) as journal:
        started = await start(
            journal,
            definition(settings, "order"),
            due_at=far,
            now=time.time(),
            location="test",
            rng=random.Random(1),
            owner="run:dead",
            lease_until=far,
        )
    async with running(settings, visits=False) as (bot, _):
        [conversation] = await ended(bot)
    assert (conversation.id, conversation.verdict) == (started, "passed")


async def waiting(bot: Bot) -> str | None:
    """The id of a conversation whose first message has gone out."""
    for each in await bot.journal.read(lifecycle.listed):
        held = await bot.journal.read(lambda c, i=each: lifecycle.load(c, i))  # type: ignore[misc]
        if held is not None and held.messages:
            return str(each)
    return None


async def test_a_second_service_on_the_same_data_is_refused_and_told_who_runs(company: Company, tmp_path: Path) -> None:
    settings = config(tmp_path, company, {})
    async with running(settings):
        with pytest.raises(CannotRun) as told:
            async with running(settings):
                raise AssertionError("it must not start")
    assert str(told.value) == f"another mysterybot (process {os.getpid()}) runs on {tmp_path}/data; stop it first"
    async with running(settings):
        pass


def test_the_data_is_free_again_when_the_service_has_stopped(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path):
            assert (tmp_path / "run.lock").read_text() == str(os.getpid())
            with pytest.raises(CannotRun), alone(tmp_path):
                raise AssertionError("it must not start")


async def test_a_port_that_is_taken_is_told_and_nothing_is_left_running(company: Company, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = config(tmp_path, company, {"order": PROMPT}, bot={"data": "data", "listen": f"127.0.0.1:{port}"})
        with pytest.raises(CannotRun, match=rf"cannot listen on 127\.0\.0\.1:{port} \(bot\.listen\): Address already"):
            async with running(settings):
                raise AssertionError("it must not start")
    async with running(settings) as (bot, _):
        await ended(bot)


async def test_paused_nobody_new_is_contacted_and_metrics_say_so(company: Company, tmp_path: Path) -> None:
    settings = config(tmp_path, company, {"order": {**PROMPT, "every": "1 second"}})
    async with running(settings, visits=False) as (bot, _):
        await toggle(bot)
        assert await bot.journal.read(switches.paused)
    async with running(settings) as (bot, server):
        await bot.visits.start_due()
        assert await bot.journal.read(lifecycle.listed) == []
        metrics = await scraped(server)
        assert one(metrics, "paused") == 1
        await toggle(bot)
        assert not await bot.journal.read(switches.paused)
        await ended(bot)


async def test_ready_once_the_mailbox_is_open_and_not_while_its_login_is_refused(
    company: Company, tmp_path: Path
) -> None:
    async def status(server: RunningServer) -> tuple[int, str]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/-/ready")
        return answer.status_code, answer.text

    settings = config(tmp_path, company, {})
    async with running(settings) as (_, server), asyncio.timeout(ENOUGH):
        while (await status(server))[0] != 200:
            await asyncio.sleep(0.05)
    wrong = config(tmp_path, company, {}, password="not annas password")
    async with running(wrong) as (_, server), asyncio.timeout(ENOUGH):
        while "mailbox anna: not open yet" in (answer := await status(server))[1]:
            await asyncio.sleep(0.05)
        assert answer[0] == 503
        assert "mailbox anna: " in answer[1]
        assert "not annas password" not in answer[1]


def reach_up(metrics: dict[str, float]) -> list[float]:
    return [value for name, value in metrics.items() if name.startswith("mysterybot_reach_up")]


async def test_a_service_without_a_visit_and_without_a_reachable_server_stays_up(tmp_path: Path) -> None:
    settings = load(bot_config(tmp_path, {}), {"ANNA_PASSWORD": "x"}, find_scenario)
    async with running(settings) as (_, server), asyncio.timeout(ENOUGH):
        while len(up := reach_up(metrics := await scraped(server))) < 2:
            await asyncio.sleep(0.05)
    assert up == [0, 0]
    assert one(metrics, "reach_retries_total", mailbox="anna", probe="smtp") == 1
    assert one(metrics, "reach_probes_total", mailbox="anna", probe="smtp", result="failure") == 2
    assert one(metrics, "mailbox_up", mailbox="anna") == 0


async def test_control_mails_measure_our_own_provider_and_are_no_mail_of_a_desk(
    company: Company, tmp_path: Path
) -> None:
    path = bot_config(tmp_path, {}, company)
    document = json.loads(path.read_text())
    document["mailboxes"]["anna"]["control"] = {"every": "1 hour"}
    path.write_text(json.dumps(document))
    async with running(load(path, company.environ, find_scenario)) as (_, server), asyncio.timeout(ENOUGH):
        while one(metrics := await scraped(server), "delivery_seconds_count", mailbox="anna") == 0:
            await asyncio.sleep(0.05)
    assert one(metrics, "control_mail_lost_total", mailbox="anna") == 0
    assert one(metrics, "mailbox_unmatched_total", mailbox="anna") == 0


def test_stopping_has_a_hard_limit_even_when_the_event_loop_hangs() -> None:
    hanging = "import time; from mysterybot import service; service._end_after(0.2); time.sleep(60)"
    ran = subprocess.run([sys.executable, "-c", hanging], capture_output=True, text=True, timeout=ENOUGH, check=False)
    assert ran.returncode == 1
    assert "stopping took longer than 0 s: ending at once" in ran.stderr
