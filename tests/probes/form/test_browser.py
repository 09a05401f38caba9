import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from probes.errors import BrowserMissing, SendUncertain, Unreachable
from probes.form.browser import Browser
from probes.form.find import find_browser, try_launch
from probes.form.scratch import PREFIX
from probes.form.settings import BrowserSettings
from tests.probes.form.contact import FORM, Engine, channel, submit
from tests.probes.form.site import HANG, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def own(installed: None) -> AsyncIterator[Browser]:
    """A browser that the test may kill."""
    browser = Browser(BrowserSettings(concurrency=2), now=lambda: datetime.now(UTC), recycle_after=2)
    yield browser
    await browser.aclose()


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def processes(text: str) -> list[int]:
    """Process ids below ours whose command line holds `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, stat = (entry / "cmdline").read_bytes().decode(), (entry / "stat").read_text()
        except (OSError, ValueError):
            continue
        if text in command and int(entry.name) in _below(os.getpid()) and stat.rpartition(")")[2].split()[0] != "Z":
            found.append(int(entry.name))
    return sorted(found)


def _below(root: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    below = {root}
    while more := {child for child, parent in parents.items() if parent in below} - below:
        below |= more
    return below


def kill(text: str) -> None:
    found = processes(text)
    assert found
    os.kill(found[0], signal.SIGKILL)


BROWSER, DRIVER = "--remote-debugging-pipe", "run-driver"


@pytest.mark.parametrize("victim", [BROWSER, DRIVER])
async def test_what_died_between_visits_is_started_again(own: Browser, site: Site, victim: str) -> None:
    form = channel(site.page("/contact", FORM))
    await own.look(form)
    kill(victim)
    await own.look(form)


@pytest.mark.parametrize("victim", [BROWSER, DRIVER])
async def test_a_death_before_the_click_may_be_tried_again(own: Browser, site: Site, victim: str) -> None:
    form = channel(site.on("/contact", lambda _: HANG))
    visit = asyncio.create_task(submit(own, form))
    async with asyncio.timeout(20):
        while not site.requests:
            await asyncio.sleep(0.01)
    kill(victim)
    with pytest.raises(Unreachable, match="before anything was sent"):
        await visit
    site.page("/contact", FORM)
    await own.look(form)


@pytest.mark.parametrize("victim", [BROWSER, DRIVER])
async def test_a_death_after_the_click_is_uncertain(own: Browser, site: Site, victim: str, tmp_path: Path) -> None:
    form = channel(site.page("/contact", FORM), timeout=30)
    site.on("POST /send", lambda _: HANG)
    engine = Engine()
    visit = asyncio.create_task(submit(own, form, engine, evidence=tmp_path))
    async with asyncio.timeout(20):
        await site.posted.wait()
    kill(victim)
    with pytest.raises(SendUncertain, match="after the click"):
        await visit
    assert engine.committed == 1
    await own.look(form)


async def test_the_browser_is_replaced_after_so_many_visits(own: Browser, site: Site) -> None:
    form = channel(site.page("/contact", FORM))
    await own.look(form)
    first = processes(BROWSER)[0]
    await own.look(form)
    assert processes(BROWSER)[0] == first
    await asyncio.gather(own.look(form), own.look(form))
    async with asyncio.timeout(20):
        while first in processes(BROWSER):
            await asyncio.sleep(0.05)


async def test_no_more_visits_at_once_than_allowed_and_a_cancelled_one_makes_room(own: Browser, site: Site) -> None:
    slow, quick = channel(site.on("/slow", lambda _: HANG)), channel(site.page("/contact", FORM))
    visits = [asyncio.create_task(own.look(slow)) for _ in range(2)]
    third = asyncio.create_task(own.look(quick))
    async with asyncio.timeout(20):
        while len(site.requests) < 2:
            await asyncio.sleep(0.01)
    assert [request.path for request in site.requests] == ["/slow", "/slow"]
    visits[0].cancel()
    await third
    visits[1].cancel()
    ends = await asyncio.gather(*visits, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)


async def test_nothing_is_left_behind(own: Browser, site: Site) -> None:
    before = folders()
    await own.look(channel(site.page("/contact", FORM)))
    [folder] = folders() - before
    assert any(folder.glob("*profile*"))
    await own.aclose()
    assert folders() == before
    assert processes(BROWSER) == processes(DRIVER) == []
    with pytest.raises(Unreachable, match="being closed"):
        await own.look(channel(site.url))


async def test_a_browser_that_never_started_is_closed_in_peace() -> None:
    await Browser(BrowserSettings(), now=lambda: datetime.now(UTC)).aclose()


async def test_the_browser_gets_no_secrets_of_the_environment(installed: None, site: Site) -> None:
    environ = {**os.environ, "ANNA_PASSWORD": "tell nobody"}
    browser = Browser(BrowserSettings(), now=lambda: datetime.now(UTC), environ=environ)
    try:
        await browser.look(channel(site.page("/contact", FORM)))
        seen = [Path(f"/proc/{process}/environ").read_bytes() for process in processes(BROWSER)]
        assert seen
        assert not any(b"ANNA_PASSWORD" in variables for variables in seen)
    finally:
        await browser.aclose()


async def test_trying_the_browser_tells_its_version(installed: None) -> None:
    version = await try_launch(BrowserSettings(), os.environ)
    assert version.split(".")[0].isdigit()


async def test_a_program_that_is_no_browser_does_not_start(installed: None, tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\necho 'error while loading shared libraries: libnss3.so' >&2\nexit 127\n")
    program.chmod(0o755)
    with pytest.raises(BrowserMissing, match=r"does not start.*libnss3\.so") as error:
        await try_launch(BrowserSettings(executable=program), os.environ)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("way", ["ws", "cdp"])
async def test_a_remote_browser_that_does_not_answer_is_told_without_its_address(
    way: str, unused_tcp_port: int
) -> None:
    settings = BrowserSettings.model_validate({way: f"ws://127.0.0.1:{unused_tcp_port}/?token=secret"})
    with pytest.raises(Unreachable, match=f"browser.{way}") as error:
        await try_launch(settings, {})
    assert "secret" not in str(error.value) + repr(settings)


async def test_a_remote_browser_serves_visits_and_outlives_them(installed: None, site: Site, tmp_path: Path) -> None:
    executable = find_browser(BrowserSettings(), os.environ).executable
    assert executable
    switches = ["--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    remote = await asyncio.create_subprocess_exec(
        executable, *switches, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert remote.stderr
        async with asyncio.timeout(20):
            while b"DevTools listening on " not in (line := await remote.stderr.readline()):
                assert line
        settings = BrowserSettings.model_validate({"cdp": line.decode().rpartition(" ")[2].strip()})
        site.page("POST /send", "Thank you")
        for _ in range(2):
            browser = Browser(settings, now=lambda: datetime.now(UTC))
            sent = await submit(browser, channel(site.page("/contact", FORM)), evidence=tmp_path / "visit")
            await browser.aclose()
            assert sent.screenshot
        assert remote.returncode is None
    finally:
        remote.kill()
        await remote.wait()
