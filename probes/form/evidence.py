"""What is kept of a visit: a screenshot always, a trace when it failed."""

import asyncio
import contextlib
import json
import logging
import re
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

log = logging.getLogger(__name__)

SCREENSHOT = "screenshot.jpg"
TRACE = "trace.zip"

SECONDS = 10
MAX_TRACE_BYTES = 50_000_000

_CREDENTIALS = re.compile(r"cookie|set-cookie|authorization|proxy-authorization", re.IGNORECASE)


class Evidence:
    """The evidence of one visit, below `folder`: `screenshot.jpg`, and `trace.zip` of a failure.

    The trace (for `playwright show-trace`) holds what was typed and what the pages said; cookies and authorization
    headers are taken out of it. Recording costs a quarter of a visit, so only a visit with `record`, to a form that
    failed last time, has a trace of all its steps; the first failure has one of the page as it stood at the end.
    Trouble with evidence never decides a visit: it is logged. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, *, record: bool = False) -> None:
        self.folder = folder
        self._record = record
        self._recording = False

    async def begin(self, context: "BrowserContext") -> None:
        """Record from now on, if this visit is to be recorded."""
        if self.folder and self._record:
            await self._start(context)

    async def _start(self, context: "BrowserContext") -> None:
        await context.tracing.start(snapshots=True, screenshots=False)
        self._recording = True

    async def keep(self, page: "Page") -> None:
        """Keep all there is of a visit that failed."""
        if self.folder and not self._recording:
            with contextlib.suppress(Exception):  # as in the others
                async with asyncio.timeout(SECONDS):
                    await self._start(page.context)
        await self.photograph(page)
        await self._keep_trace(page.context)

    async def photograph(self, page: "Page") -> Path | None:
        """Keep what the page looks like now: the window's part of it, since a page may be endless."""
        if not self.folder:
            return None
        try:
            async with asyncio.timeout(SECONDS):
                self.folder.mkdir(parents=True, exist_ok=True)
                path = self.folder / SCREENSHOT
                await page.screenshot(path=path, type="jpeg", quality=80, timeout=SECONDS * 1000)
        except Exception as error:
            log.info("no screenshot: %s", _line(error))
            return None
        return path

    async def _keep_trace(self, context: "BrowserContext") -> None:
        if not self.folder or not self._recording:
            return
        path = self.folder / TRACE
        raw = self.folder / f".{TRACE}.raw"
        try:
            async with asyncio.timeout(SECONDS):
                self.folder.mkdir(parents=True, exist_ok=True)
                await context.tracing.stop(path=raw)
                await asyncio.to_thread(redact, raw, path)
        except Exception as error:
            log.info("no trace: %s", _line(error))
        finally:
            raw.unlink(missing_ok=True)


def redact(raw: Path, path: Path) -> None:
    """Copy the trace `raw` to `path` without cookies and authorization headers. ValueError: too large."""
    with zipfile.ZipFile(raw) as before:
        if sum(entry.file_size for entry in before.infolist()) > MAX_TRACE_BYTES:
            raise ValueError(f"the trace is larger than {MAX_TRACE_BYTES} bytes")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
            for entry in before.infolist():
                with before.open(entry) as source, after.open(entry.filename, "w") as target:
                    if entry.filename.endswith((".network", ".trace")):
                        _redact_lines(source, target)
                    else:
                        target.write(source.read())


def _redact_lines(source: IO[bytes], target: IO[bytes]) -> None:
    for line in source:
        target.write(json.dumps(without_credentials(json.loads(line))).encode() + b"\n")


def without_credentials(value: Any) -> Any:
    """A copy of a HAR-like value with cookies and credential headers masked."""
    match value:
        case {"name": str(name), "value": str(), **rest} if _CREDENTIALS.fullmatch(name):
            return {**rest, "name": name, "value": "**********"}
        case dict():
            return {key: [] if key == "cookies" else without_credentials(item) for key, item in value.items()}
        case list():
            return [without_credentials(item) for item in value]
    return value


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
