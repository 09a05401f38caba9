"""CPU seconds of a form visit, beside a bare Playwright script that does the same on the same page.

Both share one browser over all visits and take a context and a screenshot for each. Counted is the CPU time of the
whole tree of processes (bot, driver, browser and its children) from /proc. The two take turns in rounds, so that a busy
machine disturbs both alike, and the median of the rounds is told.
"""

import asyncio
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from probes.form.browser import Browser
from probes.form.channel import FormChannel
from probes.form.find import find_browser
from probes.form.settings import BrowserSettings

ROUNDS, VISITS, WARM_UP = 9, 4, 3

TICKS = os.sysconf("SC_CLK_TCK")
VALUES = {
    "Name": "Anna Keller",
    "E-mail": "anna@example.net",
    "Subject": "Where is my parcel?",
    "Message": "I ordered a lamp.\nWhen will it come?\n" * 5,
}
PAGE = (
    "<!doctype html><title>Contact</title><style>body{font:16px sans-serif;max-width:40em;margin:auto}</style>"
    "<h1>Contact us</h1><p>"
    + "We are happy to help. " * 100
    + "<form method=post>"
    + "".join(f"<p><label>{name} <input name={name} required></label>" for name in ("Name", "E-mail", "Subject"))
    + "<p><label>Topic <select><option>Order<option>Other</select></label>"
    "<p><label>Message <textarea name=Message required></textarea></label><p><button>Send</button></form>"
)
THANKS = "<!doctype html><title>Thanks</title><h1>Thank you</h1><p>" + "We answer within one day. " * 100


def measure() -> dict[str, float]:
    """CPU seconds a visit: `visit_cpu_seconds`, `bare_cpu_seconds`, and their `ratio`. Takes about 20 seconds."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, float]:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with tempfile.TemporaryDirectory() as folder:
        visit, close_visit = _visit(url, Path(folder))
        bare, close_bare = await _bare(url, Path(folder))
        try:
            for _ in range(WARM_UP):
                await visit()
                await bare()
            rounds = [(await _cost(visit), await _cost(bare)) for _ in range(ROUNDS)]
        finally:
            await close_visit()
            await close_bare()
            server.close()
    visits, bares = zip(*rounds, strict=True)
    return {
        "visit_cpu_seconds": statistics.median(visits),
        "bare_cpu_seconds": statistics.median(bares),
        "ratio": statistics.median(visits) / statistics.median(bares),
    }


async def _cost(act: Callable[[], Awaitable[None]]) -> float:
    before = _cpu_seconds()
    for _ in range(VISITS):
        await act()
    return (_cpu_seconds() - before) / VISITS


def _visit(url: str, folder: Path) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    browser = Browser(BrowserSettings(concurrency=1), now=lambda: datetime.now(UTC))
    channel = FormChannel(form=url, fields=dict.fromkeys(VALUES, ""), submit="Send", success="Thank you")

    async def go_on() -> None:
        return

    async def visit() -> None:
        await browser.submit(channel, VALUES, evidence=folder / "visit", point_of_no_return=go_on)

    return visit, browser.aclose


async def _bare(url: str, folder: Path) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    from playwright.async_api import async_playwright

    playwright = await async_playwright().start()
    executable = find_browser(BrowserSettings(), os.environ).executable
    browser = await playwright.chromium.launch(executable_path=executable, chromium_sandbox=os.geteuid() != 0)

    async def bare() -> None:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(url)
        for label, value in VALUES.items():
            await page.get_by_label(label).fill(value)
        await page.get_by_role("button", name="Send").click()
        await page.get_by_text("Thank you").wait_for()
        await page.screenshot(path=folder / "bare.png")
        await context.close()

    async def close() -> None:
        await browser.close()
        await playwright.stop()

    return bare, close


def _cpu_seconds() -> float:
    """CPU time of this process and all below it, also of children that ended."""
    parents, ticks = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            numbers = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(numbers[1])
        ticks[int(entry.name)] = sum(int(number) for number in numbers[11:15])
    tree = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(ticks.get(process, 0) for process in tree) / TICKS


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"POST"):
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
    page = (THANKS if head.startswith(b"POST") else PAGE).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(page)
    )
    writer.write(page)
    await writer.drain()
    writer.close()


if __name__ == "__main__":
    for name, figure in measure().items():
        print(f"{name:20} {figure:.3f}")
