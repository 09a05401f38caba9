"""A mail server for tests: real SMTP and IMAP sockets on loopback, in the test's own event loop."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mysterybot.demo.mailserver import MailServer

USERS = {
    "anna@inbox.example": "annas password",
    "ben@inbox.example": "bens password",
    "support@acme.example": "the desk's password",
}


@asynccontextmanager
async def mail_world(
    users: Mapping[str, str] = USERS,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: bool = False,
    **options: Any,
) -> AsyncIterator[MailServer]:
    """A started server with these mailboxes; `server.ports`, `server.post` and `server.faults` are the handles.

    Blocking clients (imaplib, smtplib) have to run in a thread: `await asyncio.to_thread(…)`.
    """
    server = MailServer(users, **options)
    await server.start(tls=tls, starttls=starttls)
    try:
        yield server
    finally:
        await server.stop()
