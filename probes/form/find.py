"""Where the browser is, or what to install."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from probes.errors import BrowserMissing
from probes.form.launch import Engine
from probes.form.settings import BrowserSettings

CURE = (
    "run `playwright install --with-deps --only-shell chromium`, or `apt install chromium-headless-shell` on Debian, "
    "or name a browser with `browser: {executable: PATH}`"
)

# The shell comes first: a visit costs it a third of the CPU time. Debian's /usr/bin/chromium is a wrapper script that
# leaves the browser orphaned when it is killed, so the programs behind it stand before it.
SYSTEM = (
    Path("/usr/lib/chromium/chromium-headless-shell"),
    Path("/usr/lib/chromium/chromium"),
    Path("/opt/google/chrome/chrome"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
NAMES = ("chromium-headless-shell", "google-chrome-stable", "google-chrome", "chromium", "chromium-browser")

_DOWNLOADED = (
    "chromium_headless_shell-*/chrome-headless-shell-*/chrome-headless-shell",
    "chromium_headless_shell-*/chrome-*/headless_shell",
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A browser: its program (none for a remote one), and how it was found, for a person."""

    executable: Path | None
    source: str


def find_browser(settings: BrowserSettings, environ: Mapping[str, str]) -> Found:
    """The browser to use: the configured one, Playwright's own, the system's headless shell, any Chromium or Chrome.

    Raises BrowserMissing, which says what to install. Nothing is started.
    """
    if settings.mode != "launch":
        return Found(None, f"a remote browser (browser.{settings.mode})")
    if settings.executable:
        if not _runs(settings.executable):
            raise BrowserMissing(f"browser.executable: there is no program at {settings.executable}")
        return Found(settings.executable, "browser.executable in the config")
    for executable, source in _candidates(environ):
        if _runs(executable):
            return Found(executable, source)
    raise BrowserMissing(f"no browser was found: {CURE}")


async def try_launch(settings: BrowserSettings, environ: Mapping[str, str]) -> str:
    """Start (or connect to) the browser and stop it again; returns its version.

    Raises BrowserMissing when there is none or it does not start, Unreachable when a remote one does not answer.
    """
    found = find_browser(settings, environ)
    engine = await Engine.start(settings, found.executable, environ)
    try:
        return engine.browser.version
    finally:
        await engine.close()


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for folder in _download_folders(environ):
        for pattern in _DOWNLOADED:
            for executable in sorted(folder.glob(pattern), key=_revision, reverse=True):
                yield executable, "Playwright's own download"
    for executable in SYSTEM:
        yield executable, "installed on this system"
    for name in NAMES:
        if program := shutil.which(name, path=environ.get("PATH", "")):
            yield Path(program), f"{name} on the PATH"


def _download_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if named := environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        if named != "0":
            yield Path(named)
        return
    if home := environ.get("HOME"):
        yield Path(environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "ms-playwright"
        yield Path(home, "Library", "Caches", "ms-playwright")


def _revision(executable: Path) -> int:
    numbers = re.findall(r"chromium(?:_headless_shell)?-(\d{1,9})/", executable.as_posix())
    return int(numbers[-1]) if numbers else 0


def _runs(path: Path) -> bool:
    return path.is_file() and shutil.which(path) is not None
