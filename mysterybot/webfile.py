"""The web config file, and whether it has changed since it was read."""

from collections.abc import Mapping
from pathlib import Path

from mysterybot.webconfig import Web, load_web

Signature = tuple[tuple[str, int, int, int] | None, ...]


class WebFile:
    """Reads it anew as often as it is asked; without a path there is none. `good`: whether it was, the last time."""

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path, self._environ = path, environ
        self._files: tuple[Path, ...] = () if path is None else (path,)
        self._seen: Signature = ()
        self.good = False

    def read(self) -> Web:
        """As it is now; raises ConfigErrors."""
        self._seen = self._signature()  # before it is read: what changes meanwhile is a change
        self.good = False
        web = load_web(self._path, self._environ)
        self.good = True
        if web.files != self._files:
            self._files = web.files
            self._seen = self._signature()
        return web

    def changed(self) -> bool:
        """Whether it, or a file that it names, is another than at the last `read`, right or wrong."""
        return self._signature() != self._seen

    def _signature(self) -> Signature:
        return tuple(map(_state, self._files))


def _state(path: Path) -> tuple[str, int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns
