"""A folder for what a browser leaves behind, swept also after a crash."""

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = "mysterybot-browser-"


class Scratch:
    """A temporary folder with a lock that its process holds: one without a holder is a dead one's, and is swept."""

    def __init__(self) -> None:
        _sweep_the_dead()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sweep(self) -> None:
        """Remove the folder and all in it; safe to repeat."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _sweep_the_dead() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # no lock yet: it is being made; or it went away under our hands
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            log.info("sweeping %s, left by a process that died", folder)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
