"""One IMAP session: who is logged in, what folder is open, and what the client knows of it.

The client's view of the folder changes only when it is told so (RFC 3501 §7.4.1): `sync` tells it.
"""

import asyncio
from collections.abc import Sequence
from enum import IntEnum

from mysterybot.demo.faults import ImapFaults
from mysterybot.demo.imap_syntax import NumberSet
from mysterybot.demo.post import Folder, Mail, Post

MAX_UNREAD_OUTPUT = 64 * 1024 * 1024
"""Octets that may wait for a client that does not read; then it is cut off."""


class State(IntEnum):
    """How far a session has come (RFC 3501 §3)."""

    GREETED = 0
    LOGGED_IN = 1
    SELECTED = 2
    LOGGED_OUT = 3


class Session:
    """What the commands work on. They write untagged answers with `tell`."""

    def __init__(
        self, post: Post, faults: ImapFaults, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.post = post
        self.faults = faults
        self.reader = reader
        self.writer = writer
        self.user: str | None = None
        self.folder: Folder | None = None
        self.read_only = False
        self.logged_out = False
        self.idling = False
        self.tls_offered = False
        self.starts_tls = False
        self.view: list[Mail] = []
        self._removals = 0
        self._uidvalidity = 0

    @property
    def state(self) -> State:
        """How far it has come."""
        if self.logged_out:
            return State.LOGGED_OUT
        if self.user is None:
            return State.GREETED
        return State.LOGGED_IN if self.folder is None else State.SELECTED

    @property
    def folders(self) -> dict[str, Folder]:
        """The folders of whoever is logged in."""
        return self.post.folders(self.user) if self.user is not None else {}

    def tell(self, *lines: bytes) -> None:
        """Write lines to the client; one that does not read them is cut off."""
        self.writer.write(b"".join(line + b"\r\n" for line in lines))
        if self.writer.transport.get_write_buffer_size() > MAX_UNREAD_OUTPUT:
            self.writer.transport.abort()

    def open(self, folder: Folder, *, read_only: bool) -> None:
        """Select a folder and watch it."""
        self.close()
        self.folder, self.read_only = folder, read_only
        self.view = list(folder.mails)
        self._removals, self._uidvalidity = folder.removals, folder.uidvalidity
        folder.watchers.add(self._changed)

    def close(self) -> None:
        """Leave the selected folder, if any."""
        if self.folder:
            self.folder.watchers.discard(self._changed)
        self.folder, self.view = None, []

    def sync(self) -> None:
        """Tell what has come and gone since the client was last told, and move its view there."""
        folder = self.folder
        if folder is None:
            return
        if folder.uidvalidity != self._uidvalidity:
            # A session cannot survive a change of UIDVALIDITY: there is no way to tell the client.
            self.tell(b"* BYE [UNAVAILABLE] the folder was renumbered")
            self.logged_out = True
            self.writer.close()
            return
        if folder.removals != self._removals:
            alive = {id(mail) for mail in folder.mails}
            for position in range(len(self.view) - 1, -1, -1):
                if id(self.view[position]) not in alive:
                    self.tell(b"* %d EXPUNGE" % (position + 1))
                    del self.view[position]
            self._removals = folder.removals
        if len(folder.mails) > len(self.view):
            self.view += folder.mails[len(self.view) :]
            self.tell(b"* %d EXISTS" % len(self.view))

    def select(self, numbers: NumberSet, *, by_uid: bool) -> list[tuple[int, Mail]]:
        """The mails of the view that are in the set, each with its sequence number, ascending."""
        known: Sequence[int] = [mail.uid for mail in self.view] if by_uid else range(1, len(self.view) + 1)
        return [(position + 1, self.view[position]) for position in numbers.positions(known)]

    def _changed(self) -> None:
        if self.idling and not self.faults.deaf_idle:
            self.sync()
