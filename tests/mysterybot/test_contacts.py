"""Whatever is asked over HTTP, the bot connects to nobody who is not in its config."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from mysterybot.app import find_scenario
from mysterybot.config import load
from mysterybot.demo.company import Company
from mysterybot.server import application
from mysterybot.service import Options, running
from tests.mysterybot.bots import PROMPT, bot_config
from tests.mysterybot.demo.acme import open_company
from tests.mysterybot.test_service import ended

ELSEWHERE = "192.0.2.66"
"""A documentation address: to knock there would be seen here and nowhere else."""

_connected: list[Any] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook stays for ever; it looks only while a test asks."""
    if _connected is not None and event in {"socket.connect", "socket.getaddrinfo"}:
        _connected.append(arguments[1] if event == "socket.connect" else (arguments[0], arguments[1]))


sys.addaudithook(_audit)


@contextmanager
def connections() -> Iterator[list[Any]]:
    global _connected
    _connected = []
    try:
        yield _connected
    finally:
        _connected = None


async def test_no_address_makes_it_connect_to_somebody_who_is_not_in_its_config(tmp_path: Path) -> None:
    async with open_company() as company:
        path = bot_config(tmp_path, {"order": PROMPT}, company)
        options = Options(lambda: load(path, company.environ, find_scenario), lifecycle=True)
        async with running(load(path, company.environ, find_scenario), options=options) as (bot, server):
            (conversation,) = await ended(bot)
            with connections() as made:
                await ask_everything(server.port, conversation.id)
            known = {server.port, *known_ports(company)}
            assert made, "the hook sees our own requests"
            assert {address[1] for address in made} <= known, made
            assert {address[0] for address in made} == {"127.0.0.1"}, made
            assert len(await ended(bot)) == 1, "and no conversation began"


def known_ports(company: Company) -> set[int]:
    return {company.mail.ports.imap, company.mail.ports.smtp}


async def ask_everything(port: int, conversation: str) -> None:
    """Every address with every method, and with all that might name somebody."""
    paths = [
        route.path.replace("{id:str}", conversation).replace("{name:str}", "acme").replace("{number:int}", "1")  # type: ignore[attr-defined]
        for route in application(None).routes  # type: ignore[arg-type]
    ]
    target = f"http://{ELSEWHERE}/"
    query = dict.fromkeys(
        ("url", "target", "host", "to", "visit", "desk", "mailbox", "module", "probe", "callback"), target
    )
    headers = {
        "Referer": target,
        "X-Forwarded-Host": ELSEWHERE,
        "X-Forwarded-For": ELSEWHERE,
        "Forwarded": f"host={ELSEWHERE}",
    }
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for each in (*paths, f"/{target}", f"//{ELSEWHERE}/", f"/desks/{ELSEWHERE}", "/probe", "/run/order", "/-/quit"):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
                answer = await client.request(method, each, params=query, headers=headers, content=target)
                assert answer.status_code != 500, (method, each)
                if "location" in answer.headers:
                    assert answer.headers["location"] == "/", (method, each)
        pages = await client.request("CONNECT", "/", headers={"Host": f"{ELSEWHERE}:80"})
        assert pages.status_code in {400, 404, 405}
