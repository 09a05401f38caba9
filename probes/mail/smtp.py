"""Mail goes out: submission over SMTP (RFC 6409), with the point of no return exactly before the mail is written."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import aiosmtplib
from aiosmtplib.protocol import normalize_message_line_endings

from probes.contact import PointOfNoReturn
from probes.errors import SendUncertain, Unreachable
from probes.mail.account import Account
from probes.mail.addresses import ascii_domain
from probes.mail.connecting import one_line, tls_context, unreachable
from probes.mail.envelope import Envelope
from probes.mail.oauth import AccessTokens
from probes.mail.refusals import message_refusal, recipient_refusal, sender_refusal
from probes.mail.smtp_login import log_in

IDLE_SECONDS = 60.0  # servers hang up on idle clients after a few minutes; we are the first to go
SENDS_PER_CONNECTION = 50  # some providers answer 421 after a hundred
DATA_PATIENCE = 10  # times the timeout: RFC 5321 section 4.5.3.2.6 wants ten minutes for the answer to the final dot

# The connection's end, in all its forms.
_BROKEN = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server's 250 after DATA: from here on the mail is theirs."""

    at: datetime
    """When it came, by our clock."""
    reply: str
    """Its text, one bounded line."""
    server_message_id: str | None = None
    """The id that the server gave the mail instead of ours, when it told one (Amazon SES, Outlook)."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Recipients that were refused while others were accepted, with the server's words. Never sent to them again."""


@dataclass(slots=True)
class _Line:
    """One warm connection."""

    smtp: aiosmtplib.SMTP
    sends: int = 0
    expiry: asyncio.TimerHandle | None = None


class Outbox:
    """Sends the mail of one account over at most `connections` warm connections; belongs to one event loop.

    `timeout` (seconds) bounds connecting and every answer; the answer after DATA may take ten times as long. TLS is
    demanded as the account says, never opportunistic. A connection on which anything went wrong is closed. `tokens` are
    those of the account, for all its connections.
    """

    def __init__(
        self,
        account: Account,
        *,
        now: Callable[[], datetime],
        timeout: float = 60,
        connections: int = 2,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._account = account
        self._tokens = (tokens or AccessTokens.of(account)) if account.smtp.login != "none" else None
        self._now = now
        self._timeout = timeout
        self._places = asyncio.Semaphore(connections)
        self._idle: list[_Line] = []
        self._closed = False

    async def send(
        self, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        """Send `mail` once; `point_of_no_return` is awaited when the server has asked for it (354), just before it is written.

        Before it: Unreachable, NameNotResolved, Deferred (all may be retried), LoginRefused, AddressRefused,
        SendRefused. After it: Deferred, AddressRefused and SendRefused when the server said no; SendUncertain when the
        line was lost, at a timeout, and also at a cancellation (`asyncio.current_task().cancelling()` stays true then,
        for a caller that wants to go down). Raises ValueError for addresses that are none.
        """
        envelope = Envelope.of(mail, sender, recipients)
        async with self._line() as line:
            try:
                refused = await self._offer(line.smtp, envelope)
            except _BROKEN as error:
                raise unreachable(self._account.smtp, error) from error
            answer = await self._commit(line.smtp, mail, point_of_no_return)
            at = self._now()
        reply = one_line(answer.message)
        return Accepted(at, reply, server_message_id(reply, self._account.smtp.host), refused)

    async def check(self) -> None:
        """Connect, greet, secure, log in and quit; raises as `send` would, and sends nothing."""
        smtp = await self._connect()
        try:
            async with asyncio.timeout(self._timeout):
                await smtp.quit()
        except (aiosmtplib.SMTPException, *_BROKEN):
            pass  # we are in, which is all that was asked
        finally:
            _hang_up(smtp)

    async def aclose(self) -> None:
        """Close the idle connections; one that is sending closes when it is done."""
        self._closed = True
        while self._idle:
            self._retire(self._idle.pop())

    async def _offer(self, smtp: aiosmtplib.SMTP, envelope: Envelope) -> dict[str, str]:
        """MAIL and RCPT; gives the recipients that were refused while others were not."""
        options = envelope.options(smtp)
        encoding = "utf-8" if envelope.utf8 else "ascii"
        try:
            await smtp.mail(envelope.sender, options=options, encoding=encoding)
        except aiosmtplib.SMTPResponseException as error:
            raise sender_refusal(error.code, error.message) from error
        refusals: dict[str, aiosmtplib.SMTPResponseException] = {}
        for recipient, address in envelope.recipients.items():
            try:
                await smtp.rcpt(address, encoding=encoding)
            except aiosmtplib.SMTPResponseException as error:
                refusals[recipient] = error
        if len(refusals) == len(envelope.recipients):
            # One that may be accepted later makes the whole mail worth a retry.
            recipient, first = min(refusals.items(), key=lambda refusal: refusal[1].code >= 500)
            raise recipient_refusal(first.code, first.message, recipient) from first
        return {recipient: one_line(f"{error.code} {error.message}") for recipient, error in refusals.items()}

    async def _commit(
        self, smtp: aiosmtplib.SMTP, mail: bytes, point_of_no_return: PointOfNoReturn
    ) -> aiosmtplib.SMTPResponse:
        """DATA: the answer is yes, no, or the uncertainty that this class is built around.

        Nothing of the mail is written before the server asks for it, so until then a lost line is no uncertainty.
        """
        host = self._account.smtp.host
        try:
            answer = await smtp.execute_command(b"DATA", timeout=self._timeout)
        except (aiosmtplib.SMTPException, *_BROKEN) as error:
            raise unreachable(self._account.smtp, error) from error
        asked = answer.code == aiosmtplib.SMTPStatus.start_input
        if asked:
            await point_of_no_return()
            try:
                answer = await _written(smtp, mail, self._timeout * DATA_PATIENCE)
            except asyncio.CancelledError as error:
                raise SendUncertain(f"cancelled while {host} was taking the mail: it may have gone out") from error
            except (aiosmtplib.SMTPException, *_BROKEN) as error:
                why = "no answer in time" if isinstance(error, TimeoutError) else one_line(error)
                raise SendUncertain(f"{host} did not confirm the mail, it may have gone out: {why}") from error
        if asked and answer.code == aiosmtplib.SMTPStatus.completed:
            return answer
        if not 400 <= answer.code < 600:
            raise SendUncertain(f"{host} answers the mail out of protocol: {answer.code}")
        raise message_refusal(answer.code, answer.message)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        """A connection that is ready for MAIL; back into the pool when all went well, else closed."""
        async with self._places:
            line = await self._warm() or _Line(await self._connect())
            try:
                yield line
            except BaseException:
                _hang_up(line.smtp)
                raise
            line.sends += 1
            if self._closed or line.sends >= SENDS_PER_CONNECTION:
                _hang_up(line.smtp)
            elif line.smtp.is_connected:
                line.expiry = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire, line)
                self._idle.append(line)

    async def _warm(self) -> _Line | None:
        """An idle connection that proves to be alive."""
        while self._idle:
            line = self._idle.pop()
            if line.expiry:
                line.expiry.cancel()
            try:
                async with asyncio.timeout(min(10, self._timeout)):
                    await line.smtp.rset()
            except (aiosmtplib.SMTPException, *_BROKEN):
                _hang_up(line.smtp)
            except BaseException:
                _hang_up(line.smtp)
                raise
            else:
                return line
        return None

    def _expire(self, line: _Line) -> None:
        if line in self._idle:
            self._idle.remove(line)
            self._retire(line)

    @staticmethod
    def _retire(line: _Line) -> None:
        if line.expiry:
            line.expiry.cancel()
        _hang_up(line.smtp)

    async def _connect(self) -> aiosmtplib.SMTP:
        """Connected, greeted, secured as configured, and logged in; nothing less."""
        server = self._account.smtp
        if self._tokens is not None:
            await self._tokens.ready()
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=self._timeout,
            # getfqdn may block for seconds and tells the machine's name; the account's own domain says enough.
            local_hostname=ascii_domain(self._account.address.rpartition("@")[2]),
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=await asyncio.to_thread(tls_context, server),
        )
        try:
            async with asyncio.timeout(self._timeout):
                await smtp.connect()
                await smtp.ehlo()
                await log_in(smtp, self._account, self._tokens)
        except BaseException as error:
            _hang_up(smtp)
            match error:
                case aiosmtplib.SMTPResponseException():
                    said = one_line(f"{error.code} {error.message}")
                    raise Unreachable(f"{server.host} port {server.port} does not serve us: {said}") from error
                case aiosmtplib.SMTPException() | OSError() | TimeoutError():
                    raise unreachable(server, error) from error
            raise
        return smtp


async def _written(smtp: aiosmtplib.SMTP, mail: bytes, patience: float) -> aiosmtplib.SMTPResponse:
    """Write the mail that the server has asked for, dots stuffed (RFC 5321 section 4.5.2), and read what comes of it."""
    if smtp.protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("connection lost")
    lines = normalize_message_line_endings(mail)
    smtp.protocol.write(re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n")
    return await smtp.protocol.read_response(timeout=patience)


def _hang_up(smtp: aiosmtplib.SMTP) -> None:
    """At once: `close()` alone would go on writing what is buffered, the rest of a cancelled mail among it."""
    if isinstance(smtp.transport, asyncio.WriteTransport):
        smtp.transport.abort()
    smtp.close()


def server_message_id(reply: str, host: str) -> str | None:
    """The id told in a 250: `<…@…>` by Outlook, `Ok ID` by Amazon SES, whose domain depends on the region."""
    if told := re.search(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>", reply):
        return told[0]
    region = re.fullmatch(r"email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com", host.lower())
    told = re.search(r"\bOk ([0-9a-f]{10,40}-[0-9a-f-]{10,60})$", reply)
    if region and told:
        domain = "email" if region[1] == "us-east-1" else region[1]
        return f"<{told[1]}@{domain}.amazonses.com>"
    return None
