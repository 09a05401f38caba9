import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from probes.errors import BrowserMissing
from probes.form.browser import Browser
from probes.form.find import find_browser
from probes.form.settings import BrowserSettings
from tests.probes.form.site import Site, running


@pytest.fixture(scope="session")
def installed() -> None:
    try:
        find_browser(BrowserSettings(), os.environ)
    except BrowserMissing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs a browser: {error}")
        pytest.skip(f"needs a browser: {error}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(installed: None) -> AsyncIterator[Browser]:
    """One browser for the tests of a module, as it is one for all visits of the bot."""
    browser = Browser(BrowserSettings(concurrency=2), now=lambda: datetime.now(UTC))
    yield browser
    await browser.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with running() as site:
        yield site
