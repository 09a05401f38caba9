"""The mail store of the demo: mailboxes, folders, deliveries. SMTP writes to it and IMAP reads from it.

Everything is kept in memory, belongs to one event loop, and is bounded: a mail in size, a folder in number (the oldest
mail goes when a folder is full). Times are what `now` tells.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

SPECIAL_USE = {"Sent": "\\Sent", "Drafts": "\\Drafts", "Junk": "\\Junk", "Trash": "\\Trash", "Archive": "\\Archive"}
"""The folders that every mailbox has beside INBOX, with their attributes (RFC 6154)."""

MAX_FOLDERS = 100
MAX_FOLDER_NAME = 100


class NoSuchUserError(LookupError):
    """The address belongs to nobody here."""


class TooLargeError(ValueError):
    """The mail is larger than the store takes."""


@dataclass(slots=True, eq=False)
class Mail:
    """One mail in one folder; `raw` has CRLF line ends."""

    uid: int
    raw: bytes
    internal_date: datetime
    flags: set[str] = field(default_factory=set)

    @property
    def header(self) -> bytes:
        """The header with the empty line that ends it."""
        head, separator, _ = self.raw.partition(b"\r\n\r\n")
        return head + (separator or b"\r\n\r\n")

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.raw.partition(b"\r\n\r\n")[2]


class Folder:
    """Mails in the order of their UIDs, and those who want to be told when something comes or goes.

    `mails` is never changed in place except by appending, and `removals` counts the times that mails went: a reader
    with the same count as before has missed nothing but arrivals.
    """

    def __init__(self, name: str, uidvalidity: int, capacity: int) -> None:
        self.name = name
        self.uidvalidity = uidvalidity
        self.uid_next = 1
        self.mails: list[Mail] = []
        self.removals = 0
        self.watchers: set[Callable[[], None]] = set()
        self._capacity = capacity

    def append(self, raw: bytes, internal_date: datetime, flags: Iterable[str] = ()) -> Mail:
        """Store a mail and tell the watchers at once."""
        mail = Mail(self.uid_next, raw, internal_date, set(flags))
        self.uid_next += 1
        self.mails.append(mail)
        if len(self.mails) > self._capacity:
            self.mails = self.mails[-self._capacity :]
            self.removals += 1
        self._tell()
        return mail

    def remove(self, gone: Iterable[Mail]) -> None:
        """Take these mails out for good."""
        ids = {id(mail) for mail in gone}
        kept = [mail for mail in self.mails if id(mail) not in ids]
        if len(kept) < len(self.mails):
            self.mails = kept
            self.removals += 1
            self._tell()

    def renumber(self) -> None:
        """New UIDs under a new UIDVALIDITY, as by a server that has lost its index (RFC 3501 §2.3.1.1)."""
        self.uidvalidity += 1
        self.mails = [Mail(uid, mail.raw, mail.internal_date, mail.flags) for uid, mail in enumerate(self.mails, 1)]
        self.uid_next = len(self.mails) + 1
        self.removals += 1
        self._tell()

    def _tell(self) -> None:
        for watcher in list(self.watchers):
            watcher()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail that has just been put into a mailbox: its envelope, and what is stored."""

    sender: str
    recipient: str
    mail: Mail


DeliveryHook = Callable[[Delivery], None]


class Post:
    """All mailboxes of one mail server.

    `users` maps the address of each mailbox to its password. Addresses are compared without regard to case, and
    `anna+anything@…` is anna's (`plus` is the separator, None for none).
    """

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        now: Callable[[], datetime],
        plus: str | None = "+",
        size_limit: int = 40 * 1024 * 1024,
        capacity: int = 200_000,
        hostname: str = "mail.demo.example",
    ) -> None:
        self.now = now
        self.size_limit = size_limit
        self.hostname = hostname
        self._plus = plus
        self._capacity = capacity
        self._passwords: dict[str, str] = {}
        self._mailboxes: dict[str, dict[str, Folder]] = {}
        self._hooks: defaultdict[str, list[DeliveryHook]] = defaultdict(list)
        for address, password in users.items():
            self.add_user(address, password)

    def add_user(self, address: str, password: str) -> None:
        """Open a mailbox with its usual folders."""
        self._passwords[address.lower()] = password
        folders = self._mailboxes[address.lower()] = {}
        for name in ("INBOX", *SPECIAL_USE):
            folders[name] = self._new_folder(name)

    def login(self, user: str, password: str) -> bool:
        """Whether this user has this password."""
        return self._passwords.get(user.lower()) == password

    def hosts(self, domain: str) -> bool:
        """Whether any mailbox here is in this mail domain."""
        return any(address.rpartition("@")[2] == domain.lower() for address in self._mailboxes)

    def owner(self, address: str) -> str | None:
        """The mailbox that mail for this address goes to; None when nobody has it."""
        local, _, domain = address.lower().rpartition("@")
        for candidate in (local, local.partition(self._plus)[0] if self._plus else local):
            if f"{candidate}@{domain}" in self._mailboxes:
                return f"{candidate}@{domain}"
        return None

    def folders(self, user: str) -> dict[str, Folder]:
        """The folders of a mailbox by name, as IMAP names them (modified UTF-7, INBOX in capitals)."""
        return self._mailboxes[user.lower()]

    def folder(self, user: str, name: str = "INBOX") -> Folder:
        """One folder; KeyError when there is none."""
        return self._mailboxes[user.lower()][name]

    def create_folder(self, user: str, name: str) -> Folder:
        """Open one more folder; ValueError when it exists, is named badly, or there are too many."""
        folders = self.folders(user)
        if name in folders or not 0 < len(name) <= MAX_FOLDER_NAME or len(folders) >= MAX_FOLDERS:
            raise ValueError(name)
        folders[name] = self._new_folder(name)
        return folders[name]

    def on_delivery(self, address: str, hook: DeliveryHook) -> None:
        """Call `hook` right after each delivery to this mailbox."""
        self._hooks[address.lower()].append(hook)

    def deliver(self, recipient: str, sender: str, raw: bytes, *, folder: str = "INBOX") -> Mail:
        """Put a mail into the recipient's mailbox, with the trace headers of a final delivery (RFC 5321 §4.4).

        An empty `sender` is the null return path. Raises NoSuchUserError, TooLargeError, or ValueError for an address
        that would break the header.
        """
        owner = self.owner(recipient)
        if owner is None:
            raise NoSuchUserError(recipient)
        if len(raw) > self.size_limit:
            raise TooLargeError(f"{len(raw)} bytes")
        if re.search(r"[\x00-\x1f\x7f]", recipient + sender):
            raise ValueError("control character in an address")
        at = self.now()
        trace = (
            f"Return-Path: <{sender}>\r\n"
            f"Delivered-To: {recipient}\r\n"
            f"Received: by {self.hostname} with LMTP for <{recipient}>; {format_datetime(at)}\r\n"
        )
        mail = self.folder(owner, folder).append(trace.encode() + crlf(raw), at)
        for hook in self._hooks[owner]:
            hook(Delivery(sender, recipient, mail))
        return mail

    def _new_folder(self, name: str) -> Folder:
        # A folder made again must not get an old UIDVALIDITY: a time sees to that (RFC 3501 §2.3.1.1).
        return Folder(name, int(self.now().timestamp()), self._capacity)


def crlf(raw: bytes) -> bytes:
    """The same mail with CRLF at every line end."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
