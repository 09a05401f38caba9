"""Notices by the whole service: a real desk that is silent, a real HTTP server on call."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from mysterybot.app import find_scenario
from mysterybot.config import load
from mysterybot.service import running
from tests.exporters.notices.receiver import Receiver, receiver
from tests.mysterybot.bots import SILENT, bot_config
from tests.mysterybot.demo.acme import open_company

ENOUGH = 30.0


async def told(oncall: Receiver, count: int) -> None:
    async with asyncio.timeout(ENOUGH):
        while len(oncall.requests) < count:
            await asyncio.sleep(0.05)


async def test_a_silent_desk_is_told_by_the_service_and_counted_over_a_restart(tmp_path: Path) -> None:
    async with open_company() as company, receiver() as oncall:
        company.helpdesk._handling_time = (100.0, 100.0)  # nothing is acknowledged
        notify = {"oncall": {"webhook": f"{oncall.url}/hunter2", "after": 1, "on": ["failed"]}}
        path = bot_config(tmp_path, {"silent": SILENT}, company, notify=notify)
        config = load(path, company.environ, find_scenario)
        async with running(config) as (_, server), httpx.AsyncClient() as client:
            before = (await client.get(f"http://127.0.0.1:{server.port}/metrics")).text
            await told(oncall, 1)
        assert 'mysterybot_notifications_total{location="test",place="oncall",result="failed"} 0.0' in before
        async with running(config) as (_, server), httpx.AsyncClient() as client:
            async with asyncio.timeout(ENOUGH):
                sent = 'mysterybot_notifications_total{location="test",place="oncall",result="sent"} 1.0'
                while sent not in (metrics := await client.get(f"http://127.0.0.1:{server.port}/metrics")).text:
                    await asyncio.sleep(0.05)
            assert "hunter2" not in metrics.text
    (notice,) = (each.json for each in oncall.requests)
    assert (notice["event"], notice["desk_name"], notice["reason"]) == (
        "failed",
        "Acme Hosting",
        "no answer within 1 second",
    )


async def test_killed_before_anybody_was_told_the_next_life_tells_it_under_the_same_id(tmp_path: Path) -> None:
    async with open_company() as company, receiver() as oncall:
        company.helpdesk._handling_time = (100.0, 100.0)
        oncall.answers = [503]
        notify = {"oncall": {"webhook": {"env": "ONCALL_URL"}, "after": 1, "on": ["failed"]}}
        path = bot_config(tmp_path, {"silent": SILENT}, company, notify=notify)
        environ = {**os.environ, **company.environ, "ONCALL_URL": f"{oncall.url}/hunter2"}
        async with bot_process(path, environ) as bot:
            await told(oncall, 1)
            bot.kill()
        async with bot_process(path, environ) as bot:
            await told(oncall, 2)
            bot.terminate()
            said = (await bot.communicate())[0].decode()
    first, again = oncall.requests
    assert first.json == again.json
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == first.json["id"]
    assert "hunter2" not in said


@asynccontextmanager
async def bot_process(path: Path, environ: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`mysterybot run`, ended at the latest when this is left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mysterybot", "run", "-v", "-c", str(path)),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
