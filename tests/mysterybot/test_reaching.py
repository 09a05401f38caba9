"""What is probed, by the config, and how often."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from conversations.journal import Journal
from mysterybot import reaching
from mysterybot.config import Config, load
from mysterybot.reaching import Reaching, Target, targets
from probes.reach import mx
from probes.reach.reached import Reached
from tests.conversations.desk import START, Clock
from tests.mysterybot.bots import PROMPT, bot_config, idle_browser


def probed(folder: Path, **reach: Any) -> list[Target]:
    path = bot_config(folder, {"order": PROMPT}, reach=reach)
    return targets(load(path, {"ANNA_PASSWORD": "secret"}), idle_browser())


def of_desks(found: list[Target]) -> list[tuple[str, str]]:
    return [(target.labels["channel"], target.labels["probe"]) for target in found if target.labels["desk"]]


def test_the_mail_servers_of_a_desk_are_probed_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert of_desks(probed(tmp_path, mail=True)) == [("support", "mx"), ("abuse", "mx")]
    assert of_desks(probed(tmp_path)) == []
    assert {target.labels["probe"] for target in probed(tmp_path)} == {"smtp", "imap"}


def test_a_server_is_asked_for_the_address_only_where_that_is_wanted(tmp_path: Path) -> None:
    def sender(found: list[Target]) -> str | None:
        route = found[0].probe.keywords["route"]  # type: ignore[attr-defined]
        assert isinstance(route, mx.Route)
        return route.sender

    assert sender(probed(tmp_path, mail=True)) is None
    assert sender(probed(tmp_path, mail=True, rcpt=True)) == "anna@inbox.example"


async def test_a_desk_in_a_reserved_domain_is_down_and_nobody_was_asked(tmp_path: Path) -> None:
    reached = await probed(tmp_path, mail=True)[0].probe()
    assert (reached.up, dict(reached.phases)) == (False, {})
    assert "acme.example is reserved" in str(reached.reason)


def test_pages_and_ports_of_the_config_are_probed_for_their_desk(tmp_path: Path) -> None:
    reach = {
        "urls": {"status": {"url": "https://status.acme.example/", "desk": "acme"}, "shop": "https://shop.example/"},
        "tcp": {"phone": {"address": "[2001:db8::1]:5061", "tls": True, "desk": "acme"}, "chat": "chat.example:5222"},
    }
    found = {target.labels["target"]: target for target in probed(tmp_path, **reach)}
    assert found["status"].labels == {"desk": "acme", "channel": "", "mailbox": "", "target": "status", "probe": "http"}
    assert found["shop"].labels["desk"] == ""
    (phone,) = found["phone"].probe.args  # type: ignore[attr-defined]
    assert (phone.host, phone.port, phone.security) == ("2001:db8::1", 5061, "tls")
    (chat,) = found["chat"].probe.args  # type: ignore[attr-defined]
    assert (chat.host, chat.port, chat.security) == ("chat.example", 5222, "none")


def test_a_form_is_looked_at_in_a_browser_less_often_than_its_page_is_asked_for(tmp_path: Path) -> None:
    contact = {"form": "https://acme.example/", "fields": {"Message": "{body}"}, "submit": "Send"}
    desks = {"acme": {"name": "Acme", "channels": {"contact": contact}}}
    settings = load(bot_config(tmp_path, {}, desks=desks), {"ANNA_PASSWORD": "secret"})
    found = {target.labels["probe"]: target for target in targets(settings, idle_browser()) if target.labels["desk"]}
    assert {name: target.every for name, target in found.items()} == {"http": 60, "form": 900}
    assert {name: target.light for name, target in found.items()} == {"http": True, "form": False}


UP, DOWN, FAULT = Reached(True, {}, None), Reached(False, {}, "down"), Reached(None, {}, "no browser")


def target(*results: Reached, probe: str = "http", every: float = 60) -> Target:
    """Gives these results, one after the other, and then none any more."""
    left: Iterator[Reached] = iter(results)

    async def give() -> Reached:
        return next(left)

    return Target({"desk": "acme", "probe": probe}, give, every)


@pytest.mark.parametrize(
    ("every", "last", "probe", "pause"),
    [
        (60, UP, "http", 60),
        (60, DOWN, "http", 15),
        (60, FAULT, "http", 15),
        (900, DOWN, "form", 225),
        (12, DOWN, "http", 5),
        (2, DOWN, "http", 2),
        (60, DOWN, "mx", 60),
    ],
)
def test_what_is_down_is_probed_sooner_but_for_other_peoples_mail_servers(
    every: float, last: Reached, probe: str, pause: float
) -> None:
    assert target(every=every, probe=probe).pause(last) == pause


@asynccontextmanager
async def probing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **reach: Any
) -> AsyncIterator[tuple[Reaching, Journal]]:
    monkeypatch.setattr(reaching, "RETRY_AFTER", 0)
    settings: Config = load(bot_config(folder, {}, reach=reach), {"ANNA_PASSWORD": "secret"})
    async with Journal.at(folder / "journal.sqlite") as journal:
        yield Reaching(journal, settings, Clock(), idle_browser()), journal


async def counted(journal: Journal) -> dict[str, float]:
    """result, or `retries` → how many."""
    rows = await journal.read(lambda c: c.exec_driver_sql("SELECT metric, labels, value FROM aggregate").all())
    return {json.loads(labels).get("result", "retries"): value for _, labels, value in rows}


@pytest.mark.parametrize(
    ("results", "retries", "shown", "counts"),
    [
        ([UP], 1, True, {"success": 1}),
        ([DOWN, UP], 1, True, {"failure": 1, "success": 1, "retries": 1}),
        ([DOWN, DOWN], 1, False, {"failure": 2, "retries": 1}),
        ([DOWN, DOWN, DOWN, UP], 3, True, {"failure": 3, "success": 1, "retries": 3}),
        ([DOWN], 0, False, {"failure": 1}),
        ([FAULT], 1, None, {"fault": 1}),
        ([DOWN, FAULT], 2, None, {"failure": 1, "fault": 1, "retries": 1}),
    ],
)
async def test_a_failed_probe_is_repeated_and_every_try_is_counted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    results: list[Reached],
    retries: int,
    shown: bool | None,
    counts: dict[str, float],
) -> None:
    async with probing(tmp_path, monkeypatch, retries=retries) as (reach, journal):
        assert (await reach.probe(target(*results))).up is shown
        assert await counted(journal) == counts
        rows = await journal.read(lambda c: c.exec_driver_sql("SELECT up, at FROM reach").all())
    assert rows == [(shown if shown is None else int(shown), START)]


async def test_other_peoples_mail_servers_are_not_asked_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probing(tmp_path, monkeypatch, retries=3) as (reach, journal):
        await reach.probe(target(DOWN, UP, probe="mx"))
        assert await counted(journal) == {"failure": 1}


async def test_a_probe_that_hangs_or_breaks_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    probed = asyncio.Event()

    async def hang() -> Reached:
        await asyncio.Event().wait()
        return UP

    async def tell() -> Reached:
        probed.set()
        return UP

    async with probing(tmp_path, monkeypatch) as (reach, _):
        reach.targets = [
            Target({"desk": "hangs", "probe": "http"}, hang, 60),
            Target({"desk": "breaks", "probe": "http"}, target().probe, 60),  # StopIteration
            Target({"desk": "acme", "probe": "http"}, tell, 60),
        ]
        running = asyncio.create_task(reach.run())
        async with asyncio.timeout(10):
            await probed.wait()
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
    assert "the reach probe breaks http broke" in caplog.text


async def test_a_change_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with probing(tmp_path, monkeypatch, retries=0) as (reach, _):
        each = target(UP, DOWN, DOWN, UP, FAULT, FAULT)
        for _ in range(6):
            await reach.probe(each)
    told = [record.message for record in caplog.records if record.name == "mysterybot.reaching"]
    assert told == [
        "acme http cannot be reached: down",
        "acme http can be reached again",
        "acme http could not be probed: no browser",
    ]
