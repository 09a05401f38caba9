"""One running browser with its driver. The only place where Playwright is imported."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from probes.errors import BotError, BrowserMissing, Unreachable
from probes.form.patience import error_class, reason
from probes.form.scratch import Scratch
from probes.form.settings import BrowserSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

log = logging.getLogger(__name__)

START_SECONDS = 30
STOP_SECONDS = 10

# Beyond what Playwright passes: nothing is fetched that no page asked for, and no window is opened.
SWITCHES = (
    "--block-new-web-contents",
    "--disable-client-side-phishing-detection",
    "--disable-domain-reliability",
    "--dns-prefetch-disable",
    "--no-pings",
    "--safebrowsing-disable-auto-update",
)

# The full browser renders its own address bar's menus as pages: half of what a visit costs. A switch of ours replaces
# Playwright's, so Playwright's entries are repeated (playwright-core, chromiumSwitches.ts).
DISABLED_IN_THE_FULL_BROWSER = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)

# The bot's own environment holds passwords: a browser, which runs what strangers write, gets only what it needs.
PASSED_ON = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE")


class Engine:
    """A browser and its driver, in a temporary folder of their own. Made by `start`, ended by `close`."""

    def __init__(self, driver: "Playwright", browser: "Browser", scratch: Scratch) -> None:
        self.browser = browser
        self.visits = 0
        self.guests = 0
        self.closing = False
        self._driver = driver
        self._scratch = scratch

    @classmethod
    async def start(cls, settings: BrowserSettings, executable: Path | None, environ: Mapping[str, str]) -> Self:
        """Launch the browser, or connect to the remote one.

        Raises BrowserMissing when it does not start, Unreachable when the remote one does not answer.
        """
        try:
            from playwright.async_api import Error, async_playwright  # noqa: PLC0415 - 110 ms that mail does not need
        except ImportError as error:
            raise BrowserMissing(f"Playwright is not installed: run `pip install playwright` ({error})") from None
        scratch = await asyncio.to_thread(Scratch)
        driver: Playwright | None = None
        try:
            async with asyncio.timeout(START_SECONDS):
                with _temporary_files_below(scratch.path):
                    driver = await async_playwright().start()
                browser = await _browser(driver, settings, executable, _passed_on(environ, scratch.path))
        except (Error, OSError, TimeoutError) as error:
            await _end(driver, scratch)
            raise _failure(settings, executable, error) from None
        except BaseException:
            await _end(driver, scratch)
            raise
        return cls(driver, browser, scratch)

    @property
    def alive(self) -> bool:
        """Whether the browser still answers, as far as is known."""
        return self.browser.is_connected()

    async def close(self) -> None:
        """Stop browser and driver and sweep their folder; never raises for trouble with them."""
        with contextlib.suppress(Exception):  # it may be dead already, in any way
            async with asyncio.timeout(STOP_SECONDS):
                await self.browser.close()
        await _end(self._driver, self._scratch)


async def _end(driver: "Playwright | None", scratch: Scratch) -> None:
    if driver:
        with contextlib.suppress(Exception):  # as above
            async with asyncio.timeout(STOP_SECONDS):
                await driver.stop()
    await asyncio.to_thread(scratch.sweep)


@contextlib.contextmanager
def _temporary_files_below(folder: Path) -> Iterator[None]:
    # The driver makes the browser's profile in its own TMPDIR, and Playwright gives it our environment and no say in
    # it. Our own use of temporary files is not touched: `tempfile` has settled on its folder when Scratch was made.
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def _passed_on(environ: Mapping[str, str], folder: Path) -> dict[str, str | float | bool]:
    kept = {name: value for name, value in environ.items() if name in PASSED_ON or name.startswith("LC_")}
    return {**kept, "TMPDIR": str(folder)}


async def _browser(
    driver: "Playwright", settings: BrowserSettings, executable: Path | None, environ: dict[str, str | float | bool]
) -> "Browser":
    chromium = driver.chromium
    if settings.ws:
        return await chromium.connect(settings.ws.reveal(), timeout=START_SECONDS * 1000)
    if settings.cdp:
        return await chromium.connect_over_cdp(settings.cdp.reveal(), timeout=START_SECONDS * 1000)
    switches = list(SWITCHES)
    if executable and "headless" not in executable.name and "chromium_headless_shell" not in str(executable):
        switches.append("--disable-features=" + ",".join(DISABLED_IN_THE_FULL_BROWSER))

    async def launch(*, sandbox: bool) -> "Browser":
        return await chromium.launch(
            executable_path=executable,
            args=switches,
            chromium_sandbox=sandbox,
            env=environ,
            # Ctrl-C is the bot's to handle: it ends its conversations first.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=START_SECONDS * 1000,
        )

    if os.geteuid() == 0:
        log.warning("the browser runs without its sandbox, as it must as root: run the bot as another user")
        return await launch(sandbox=False)
    try:
        return await launch(sandbox=True)
    except error_class() as error:
        browser = await launch(sandbox=False)
        log.warning("the browser runs without its sandbox, since with it it does not start: %s", reason(error))
        return browser


def _failure(settings: BrowserSettings, executable: Path | None, error: Exception) -> BotError:
    if settings.mode != "launch":
        # The address may hold a token, and the driver's messages hold the address.
        why = "it did not answer in time" if isinstance(error, TimeoutError) else "the connection failed"
        return Unreachable(f"the remote browser (browser.{settings.mode}) cannot be used: {why}")
    why = f"it took longer than {START_SECONDS} seconds" if isinstance(error, TimeoutError) else reason(error)
    return BrowserMissing(f"the browser at {executable} does not start: {why}")
