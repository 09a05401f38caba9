"""Notices by the whole service: a real desk that is silent, a real HTTP server on call."""

import asyncio
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
