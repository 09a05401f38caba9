"""A whole mail server for the demo and for tests: one post with SMTP and IMAP in front of it."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mysterybot.demo.faults import Faults
from mysterybot.demo.imap import ImapServer
from mysterybot.demo.post import Post
from mysterybot.demo.smtp import SmtpServer


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens."""

    imap: int
    smtp: int


class MailServer:
    """Mailboxes that real mail programs can use. Everything runs in the event loop that started it.

    `users` maps addresses to passwords; the user name of a login is the address. `faults` is read at every step: set
    its fields to have things go wrong. Further keyword arguments go to `Post`.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        *,
        now: Callable[[], datetime] | None = None,
        login_required: bool = True,
        **post: Any,
    ) -> None:
        true_now = now or (lambda: datetime.now(UTC))
        self.faults = Faults()
        self.post = Post(users, now=lambda: true_now() + self.faults.skew, **post)
        self.imap = ImapServer(self.post, self.faults.imap)
        self.smtp = SmtpServer(self.post, self.faults.smtp, login_required=login_required)
        self.host = ""

    async def start(
        self,
        host: str = "127.0.0.1",
        imap_port: int = 0,
        smtp_port: int = 0,
        tls: ssl.SSLContext | None = None,
        *,
        starttls: bool = False,
    ) -> None:
        """Listen on both ports; 0 is any free one. `tls` from the first byte on, or by STARTTLS if that is set."""
        self.host = host
        await self.imap.start(host, imap_port, tls, starttls=starttls)
        try:
            await self.smtp.start(host, smtp_port, tls, starttls=starttls)
        except OSError:
            await self.imap.stop()
            raise

    @property
    def ports(self) -> Ports:
        """The ports that it listens on."""
        return Ports(self.imap.port, self.smtp.port)

    def cut_all(self) -> None:
        """Break every open connection, of both kinds."""
        self.imap.cut_all()
        self.smtp.cut_all()

    async def stop(self) -> None:
        """Close ports and connections."""
        await self.imap.stop()
        await self.smtp.stop()
        await asyncio.sleep(0)  # lets the connections see that they were closed
