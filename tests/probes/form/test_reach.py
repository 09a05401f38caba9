"""probes/reach/form.py: a form looked at in a real browser."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes.form.browser import Browser
from probes.form.settings import BrowserSettings
from probes.reach import form
from tests.probes.form.contact import FORM, channel
from tests.probes.form.site import HANG, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_form_that_is_all_there_is_up_and_nothing_is_sent(browser: Browser, site: Site) -> None:
    reached = await form.probe(channel(site.page("/contact", FORM)), timeout=60, browser=browser)
    assert (reached.up, reached.reason, list(reached.phases)) == (True, None, ["load", "find"])
    assert {request.method for request in site.requests} == {"GET"}


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        (FORM.replace("textarea", "p"), "Message"),
        (FORM.replace("Your e-mail", "Your telephone"), "Your e-mail"),
        (FORM.replace("<button>Send <i>→</i></button>", ""), "Send →"),
    ],
)
async def test_a_field_or_button_that_is_missing_is_named(
    browser: Browser, site: Site, page: str, missing: str
) -> None:
    broken = channel(site.page("/contact", page), timeout=1)
    reached = await form.probe(broken, timeout=60, browser=browser)
    assert (reached.up, reached.result) == (False, "failure")
    assert f'"{missing}"' in str(reached.reason)
    assert str(reached.reason).isprintable()


async def test_a_page_that_does_not_load_is_down(browser: Browser, site: Site, unused_tcp_port: int) -> None:
    reached = await form.probe(channel(f"http://127.0.0.1:{unused_tcp_port}/"), timeout=60, browser=browser)
    assert (reached.up, "refused" in str(reached.reason)) == (False, True)


async def test_without_a_browser_nobody_knows_and_it_is_said_what_to_install(tmp_path: Path) -> None:
    settings = BrowserSettings(executable=tmp_path / "nothing")
    missing = Browser(settings, now=lambda: datetime.now(UTC), environ={})
    reached = await form.probe(channel("http://127.0.0.1:1/"), timeout=60, browser=missing)
    assert (reached.up, reached.result) == (None, "fault")
    assert "browser.executable" in str(reached.reason)


async def test_a_browser_that_is_busy_is_our_side(installed: None, site: Site) -> None:
    one = Browser(BrowserSettings(concurrency=1), now=lambda: datetime.now(UTC))
    try:
        busy = asyncio.create_task(one.look(channel(site.on("/slow", lambda _: HANG), timeout=60)))
        async with asyncio.timeout(20):
            while not site.requests:
                await asyncio.sleep(0.01)
        reached = await form.probe(channel(site.page("/contact", FORM)), timeout=0.3, browser=one)
        assert (reached.up, reached.reason) == (None, "the browser was busy for 0.3 seconds")
        busy.cancel()
        await asyncio.wait([busy])
    finally:
        await one.aclose()
