"""SMTP for the demo, on aiosmtpd: mail submission with a login, and the incoming server (MX) of its domains.

Who sends as an address that lives here must log in as that address (RFC 6409 §6.1); mail from elsewhere is taken
without a login, but only for people who live here: nothing is ever relayed.
"""

import asyncio
import logging
import re
import ssl
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mysterybot.demo.faults import SmtpFaults
from mysterybot.demo.post import NoSuchUserError, Post, TooLargeError

log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own deprecations at every login

MAX_RECIPIENTS = 100
MAX_CONNECTIONS = 500
COMMAND_TIMEOUT = 300.0  # seconds without a command: RFC 5321 §4.5.3.2.7


class SmtpServer:
    """Listens on one port and delivers into the post. `login_required=False` lets anybody send as anybody."""

    def __init__(self, post: Post, faults: SmtpFaults, *, login_required: bool = True) -> None:
        self._post = post
        self._faults = faults
        self._login_required = login_required
        self._server: asyncio.Server | None = None
        self._connections: set[SMTP] = set()
        self.port = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None, *, starttls: bool) -> None:
        """Listen; with `tls` from the first byte on, or after STARTTLS when that is set."""

        def connection() -> SMTP:
            return _Connection(
                self,
                hostname=self._post.hostname,
                ident="ESMTP",
                data_size_limit=self._post.size_limit,
                enable_SMTPUTF8=True,
                timeout=COMMAND_TIMEOUT,
                authenticator=self._authenticate,
                auth_require_tls=starttls,
                tls_context=tls if starttls else None,
            )

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(connection, host, port, ssl=None if starttls else tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server:
            self._server.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Break every open connection, as a failing network does."""
        for connection in list(self._connections):
            _abort(connection)

    def opened(self, connection: "SMTP") -> bool:
        """Count a connection in; False when there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= MAX_CONNECTIONS

    def closed(self, connection: "SMTP") -> None:
        """Count a connection out."""
        self._connections.discard(connection)

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword) or self._faults.refuse_login:
            return AuthResult(success=False, handled=False)
        user = data.login.decode("utf-8", "replace")
        if not self._post.login(user, data.password.decode("utf-8", "replace")):
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=user.lower())

    # The hooks of aiosmtpd; a returned text is the answer, MISSING would be its default.

    async def handle_EHLO(  # noqa: N802 - aiosmtpd gives the name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet, or not."""
        if self._faults.stall_hello:
            await asyncio.Event().wait()
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802 - aiosmtpd gives the name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the sender, if it is allowed to be who it says it is."""
        owner = self._post.owner(address)
        if owner and self._login_required and session.auth_data != owner:
            if session.auth_data is None:
                return "530 5.7.0 log in to send as this address"
            return "553 5.7.1 this address is not yours"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd gives the name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient that lives here."""
        faults = self._faults
        if faults.refuse_rcpt:
            return faults.refuse_rcpt
        if faults.defer_rcpt > 0:
            faults.defer_rcpt -= 1
            return "451 4.7.1 greylisted, please come back later"
        if self._post.owner(address) is None:
            if self._post.hosts(address.rpartition("@")[2]):
                return "550 5.1.1 there is no such user here"
            return "554 5.7.1 relaying denied"
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - aiosmtpd gives the name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Deliver the mail, or have it go wrong in the way that was asked for."""
        faults = self._faults
        if faults.refuse_data:
            return faults.refuse_data
        if faults.defer_data > 0:
            faults.defer_data -= 1
            return "451 4.3.0 not now, please come back later"
        dropped = faults.drop_after_data > 0
        if not dropped or faults.dropped_are_delivered:
            refusal = self._deliver(envelope)
            if refusal:
                return refusal
        if dropped:
            faults.drop_after_data -= 1
            _abort(server)
            await asyncio.Event().wait()  # until aiosmtpd sees the loss and cancels us: no 250 may slip out
        if faults.stall_data > 0:
            faults.stall_data -= 1
            await asyncio.Event().wait()
        return faults.reply

    def _deliver(self, envelope: Envelope) -> str | None:
        raw = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            try:
                self._post.deliver(recipient, envelope.mail_from or "", raw, folder=self._faults.folder)
            except TooLargeError:
                return "552 5.3.4 the mail is too large"
            except (NoSuchUserError, ValueError):
                return "554 5.6.0 the mail cannot be delivered"
            log.info("delivered %d bytes to %s", len(raw), re.sub(r"\s", "?", recipient))
        return None


def _abort(connection: SMTP) -> None:
    if isinstance(connection.transport, asyncio.Transport):  # None once it is lost
        connection.transport.abort()


class _Connection(SMTP):
    """One connection; all it adds is that the server knows of it."""

    def __init__(self, server: SmtpServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._owner = server

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if not self._owner.opened(self):
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.closed(self)
        super().connection_lost(error)
