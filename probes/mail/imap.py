"""One IMAP connection (RFC 3501), read-only, on aioimaplib, which keeps the states, the tags and the commands.

Every command has a deadline, and a connection that missed one, or was cancelled in one, is aborted: its answers would
come to the next command. NO and BAD are exceptions. STARTTLS, quoting and PLAIN are added.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self, TypeVar, cast

from aioimaplib import aioimaplib

from probes.errors import BotError, LoginRefused, Unreachable
from probes.mail import sasl
from probes.mail.account import Account, Login
from probes.mail.connecting import one_line, redacted, tls_context, unreachable, without
from probes.mail.folder_names import quoted
from probes.mail.imap_protocol import Protocol
from probes.mail.oauth import AccessTokens
from probes.mail.refusals import password_advice, passwords_are_off
from probes.mail.responses import Fetched, Listed, OutOfProtocol, Response, fetched, listed, searched

T = TypeVar("T")

MAX_MAIL_BYTES = 1024 * 1024
SLOWEST_BYTES_PER_SECOND = 64 * 1024

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CROWDED = re.compile(r"\[LIMIT\]|too many|simultaneous|maximum number|connection limit|rate limit", re.IGNORECASE)
_PASSING = re.compile(r"\[(UNAVAILABLE|SERVERBUG|INUSE)\]|temporar|try again", re.IGNORECASE)  # RFC 5530


class ConnectionLimit(Unreachable):
    """Too many connections to this mailbox, ours or others': wait long before the next one."""


class CommandRefused(Unreachable):
    """The server answered NO or BAD to a command."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the server tells of a folder when it is opened. UIDs are ascending as long as `uidvalidity` is the same."""

    uidvalidity: int
    next_uid: int | None


class Session:
    """A logged-in connection; commands are given one at a time. After any exception but CommandRefused it is dead."""

    def __init__(self, account: Account, protocol: Protocol, deadline: float) -> None:
        self._server = account.imap
        self._protocol = protocol
        self._deadline = deadline
        self.capabilities: frozenset[str] = frozenset()

    @classmethod
    async def open(
        cls,
        account: Account,
        *,
        now: Callable[[], datetime],
        deadline: float,
        tokens: AccessTokens | None = None,
    ) -> Self:
        """Connect, secure as configured and log in; each answer must come within `deadline` seconds.

        `tokens` are those of the account, for all its connections. Raises LoginRefused, ConnectionLimit,
        NameNotResolved or Unreachable.
        """
        server = account.imap
        tokens = tokens or AccessTokens.of(account)
        if tokens is not None:
            await tokens.ready()
        try:
            context = await asyncio.to_thread(tls_context, server)
            async with asyncio.timeout(deadline):
                _, protocol = await asyncio.get_running_loop().create_connection(
                    lambda: Protocol(now), server.host, server.port, ssl=context if server.security == "tls" else None
                )
        except (OSError, TimeoutError) as error:
            raise unreachable(server, error) from error
        session = cls(account, protocol, deadline)
        try:
            async with session._alive("greeting"):
                greeting = await protocol.greeting
            await session._greet(greeting)
            if server.security == "starttls":
                await session._start_tls()
            await session._learn_capabilities()
            if protocol.state == aioimaplib.NONAUTH:
                if tokens is not None:
                    await session._log_in_by_token(account.login, tokens)
                else:
                    await session._log_in(account.login)
                await session._learn_capabilities()
        except BaseException:
            session.abort()
            raise
        return session

    def abort(self) -> None:
        """Close the connection at once; what was under way on it fails."""
        self._protocol.fail(ConnectionAbortedError("given up"))

    def close(self) -> None:
        """Say goodbye and do not wait for the answer."""
        if self._protocol.lost is None:
            self._protocol.send("BYE0 LOGOUT")
            self._protocol.transport.close()

    async def folders(self) -> list[Listed]:
        """The folders that have a special use, or all of them where the server cannot tell only those (RFC 6154)."""
        if "SPECIAL-USE" in self.capabilities:
            try:
                answer = await self._do("LIST", "(SPECIAL-USE)", '""', '"*"')
            except CommandRefused:
                answer = await self._do("LIST", '""', '"*"')
        else:
            answer = await self._do("LIST", '""', '"*"')
        return [folder for folder in self._understood(listed, answer) if folder]

    async def examine(self, folder: str) -> Opened:
        """Open `folder` (its name as IMAP writes it) for reading only: nothing that we do can change a mail."""
        self._protocol.state = aioimaplib.AUTH
        answer = await self._do("EXAMINE", quoted(folder))
        self._protocol.state = aioimaplib.SELECTED
        told = {}
        for response in answer:
            if code := re.match(rb"\* OK \[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]", response[0], re.IGNORECASE):
                told[code[1].upper()] = int(code[2])
        if b"UIDVALIDITY" not in told:
            self.abort()
            raise Unreachable(f"{self._server.host} has no lasting message numbers (UIDVALIDITY)")
        return Opened(told[b"UIDVALIDITY"], told.get(b"UIDNEXT"))

    async def mails(self, uids: Sequence[int], *, first: int) -> list[Fetched]:
        """Those of `uids` that exist, ascending: UID, size, date and the first `first` bytes; a range is asked for as one."""
        items = f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{first}>)"
        answer = await self._do("FETCH", _uid_set(uids), items, uid=True, deadline=self._for(len(uids) * first))
        mails = {mail.uid: mail for mail in self._understood(fetched, answer) if mail and mail.size is not None}
        wanted = uids if isinstance(uids, range) else frozenset(uids)
        return [mails[uid] for uid in sorted(mails) if uid in wanted]

    async def bodies(self, uids: Sequence[int], *, expected: int) -> dict[int, bytes]:
        """The first MAX_MAIL_BYTES of each mail, about `expected` bytes in all; one that is gone is left out."""
        items = f"(UID BODY.PEEK[]<0.{MAX_MAIL_BYTES}>)"
        answer = await self._do("FETCH", _uid_set(uids), items, uid=True, deadline=self._for(expected))
        mails = self._understood(fetched, answer)
        return {mail.uid: mail.body for mail in mails if mail and mail.body is not None}

    async def uids_from(self, first: int) -> list[int]:
        """The UIDs that are at least `first`, ascending. `n:*` alone names the last mail even when it is below n."""
        answer = await self._do("SEARCH", "UID", f"{first}:*", uid=True)
        return sorted({uid for response in answer for uid in searched(response) if uid >= first})

    async def uids_since(self, day: date) -> list[int]:
        """The UIDs of mails whose date at the server is `day` or later, ascending."""
        # Without CHARSET, which Exchange and Yahoo refuse; strftime would write the month in the machine's language.
        answer = await self._do("SEARCH", "SINCE", f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}", uid=True)
        return sorted({uid for response in answer for uid in searched(response)})

    async def noop(self) -> None:
        """Ask for news: without it some servers do not look for new mail."""
        await self._do("NOOP")

    async def idle(self, seconds: float) -> None:
        """Wait until the server pushes something new, at most `seconds`; returns at once when it already has."""
        protocol = self._protocol
        if protocol.exists_at is not None:
            return
        protocol.stirred.clear()
        command = asyncio.create_task(protocol.execute(aioimaplib.Command("IDLE", protocol.new_tag())))
        command.add_done_callback(_seen)
        try:
            async with self._alive("IDLE"):
                await asyncio.sleep(0)  # the task clears `continued` before it waits
                await protocol.continued.wait()
            if not command.done() and protocol.lost is None:
                protocol.in_idle = True
                if protocol.exists_at is None:
                    await self._listen(seconds)
            async with self._alive("DONE"):
                protocol.end_idle()
                response = await command
        except BaseException:
            command.cancel()
            raise
        if response.result != "OK":
            raise CommandRefused(f"{self._server.host} refuses IDLE: {_last_words(response)}")

    async def _listen(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._protocol.stirred.wait()
        except TimeoutError:
            return
        except BaseException:
            self.abort()
            raise

    async def pause(self, seconds: float) -> None:
        """Wait `seconds` without IDLE; a lost connection ends it early and fails the next command."""
        self._protocol.stirred.clear()
        if self._protocol.lost is None:
            await self._listen(seconds)

    def stir(self) -> None:
        """End `idle` or `pause`, if one of them is under way."""
        self._protocol.stirred.set()

    def news(self) -> datetime | None:
        """When the server first told of new mail since the last call, by our clock."""
        at, self._protocol.exists_at = self._protocol.exists_at, None
        return at

    @asynccontextmanager
    async def _alive(self, what: str, deadline: float | None = None) -> AsyncIterator[None]:
        """Within the deadline, and the connection is aborted by whatever goes wrong."""
        deadline = self._deadline if deadline is None else deadline
        try:
            async with asyncio.timeout(deadline):
                yield
        except TimeoutError as error:
            self.abort()
            raise Unreachable(f"{self._server.host} did not answer {what} within {deadline:.0f} s") from error
        except (OSError, OutOfProtocol, aioimaplib.AioImapException) as error:
            lost = self._protocol.lost or error
            self.abort()
            if _CROWDED.search(str(lost)):
                raise ConnectionLimit(f"{self._server.host}: {one_line(lost)}") from lost
            raise unreachable(self._server, lost) from lost
        except BaseException:
            self.abort()
            raise

    def _for(self, size: int) -> float:
        """The deadline of an answer of so many bytes, seconds."""
        return self._deadline + size / SLOWEST_BYTES_PER_SECOND

    async def _do(self, name: str, *args: str, uid: bool = False, deadline: float | None = None) -> list[Response]:
        """Give a command; its untagged responses. Raises CommandRefused for NO and BAD, Unreachable when it is over."""
        protocol = self._protocol
        async with self._alive(name, deadline):
            command = aioimaplib.Command(name, protocol.new_tag(), *args, prefix="UID" if uid else None)
            response = await protocol.execute(command)
        if response.result != "OK":
            raise CommandRefused(f"{self._server.host} refuses {name}: {_last_words(response)}")
        return cast(list[Response], response.lines[:-1])  # the last one is the text of the tagged response

    def _understood(self, read: Callable[[Response], T], answer: Sequence[Response]) -> list[T]:
        """Each response as `read` takes it; one that cannot be read ends the connection."""
        try:
            return [read(response) for response in answer]
        except OutOfProtocol as error:
            self.abort()
            raise unreachable(self._server, error) from error

    async def _greet(self, greeting: bytes) -> None:
        match re.match(rb"\* (OK|PREAUTH|BYE)\b", greeting, re.IGNORECASE):
            case None:
                raise Unreachable(f"{self._server.host} is no IMAP server: {one_line(greeting)}")
            case word if word[1].upper() == b"OK":
                self._protocol.state = aioimaplib.NONAUTH
            case word if word[1].upper() == b"PREAUTH" and self._server.security != "starttls":
                self._protocol.state = aioimaplib.AUTH
            case word if word[1].upper() == b"PREAUTH":
                # Logged in before TLS, so STARTTLS is not to be had any more: what a man in the middle would say.
                raise Unreachable(f"{self._server.host} logs us in before TLS (PREAUTH), which is not safe")
            case _:
                kind = ConnectionLimit if _CROWDED.search(one_line(greeting)) else Unreachable
                raise kind(f"{self._server.host} does not serve us: {one_line(greeting)}")

    async def _start_tls(self) -> None:
        protocol = self._protocol
        try:
            await self._do("STARTTLS")
        except CommandRefused as error:
            raise Unreachable(f"{error}; nothing is sent without TLS") from error
        protocol.reader.clear()
        context = await asyncio.to_thread(tls_context, self._server)
        async with self._alive("the TLS handshake"):
            protocol.transport = await protocol.loop.start_tls(
                protocol.transport, protocol, context, server_hostname=self._server.host
            )

    async def _learn_capabilities(self) -> None:
        answer = await self._do("CAPABILITY")
        told = [line[0].split()[2:] for line in answer if line[0].upper().startswith(b"* CAPABILITY ")]
        self.capabilities = frozenset(word.decode("ascii", "replace").upper() for words in told for word in words)

    async def _log_in(self, login: Login) -> None:
        host = self._server.host
        if login.password is None:
            raise LoginRefused(f"there is no password for {login.user} at {host}")
        password = login.password.reveal()
        try:
            if "LOGINDISABLED" not in self.capabilities and (login.user + password).isascii():
                await self._do("LOGIN", quoted(login.user), quoted(password))
            elif "AUTH=PLAIN" in self.capabilities:  # RFC 4616: any password, in UTF-8
                self._protocol.reply = [base64.b64encode(f"\0{login.user}\0{password}".encode()), b"*"]
                await self._do("AUTHENTICATE", "PLAIN")
            else:
                advice = password_advice("", host, only_tokens=self._bearer() is not None)
                raise LoginRefused(f"{host} offers no login by password (LOGIN or AUTH=PLAIN){advice}")
        except ValueError:
            raise LoginRefused(f"{host} cannot be sent this user or password: it holds a line break") from None
        except CommandRefused as error:
            raise self._password_refusal(redacted(str(error), login)) from None
        except Unreachable as error:
            said = redacted(str(error), login)
            if passwords_are_off(said):
                raise self._password_refusal(said) from None
            raise type(error)(said) from None
        finally:
            self._protocol.reply = []
        self._protocol.state = aioimaplib.AUTH

    def _password_refusal(self, said: str) -> BotError:
        refusal = _login_refusal(said)
        if not isinstance(refusal, LoginRefused):
            return refusal
        advice = password_advice(said, self._server.host)
        return LoginRefused(f"{said}{advice}")

    def _bearer(self) -> str | None:
        """The SASL mechanism for access tokens, if the server has one."""
        return sasl.offered({word[5:] for word in self.capabilities if word.startswith("AUTH=")})

    async def _log_in_by_token(self, login: Login, tokens: AccessTokens) -> None:
        mechanism = self._bearer()
        if mechanism is None:
            raise LoginRefused(f"{self._server.host} offers no login by OAuth2 (OAUTHBEARER or XOAUTH2)")

        async def attempt(token: str) -> None:
            server = self._server
            words = sasl.exchange(mechanism, user=login.user, token=token, host=server.host, port=server.port)
            await self._exchange(words, token)

        await tokens.log_in(attempt)
        self._protocol.state = aioimaplib.AUTH

    async def _exchange(self, words: sasl.Exchange, token: str) -> None:
        protocol, initial = self._protocol, words.initial
        at_once = "SASL-IR" in self.capabilities  # RFC 4959
        protocol.reply = [words.to_challenge] if at_once else [initial, words.to_challenge]
        protocol.challenge = b""
        try:
            await self._do("AUTHENTICATE", words.mechanism, *([initial.decode()] if at_once else []))
        except (CommandRefused, Unreachable) as error:
            said = without(str(error), (token, initial.decode()))
            if not isinstance(error, CommandRefused):
                raise type(error)(said) from None
            status = without(sasl.error_status(protocol.challenge), (token,))
            raise _login_refusal(f"{said} ({status})" if status else said) from None
        finally:
            protocol.reply = []


def _login_refusal(said: str) -> BotError:
    """A refused LOGIN is final unless the server says that it is about something else than who we are."""
    if _CROWDED.search(said):
        return ConnectionLimit(said)
    if _PASSING.search(said):
        return Unreachable(said)
    return LoginRefused(said)


def _seen(command: "asyncio.Task[aioimaplib.Response]") -> None:
    """A failed IDLE that nobody awaits any more is no news: what ended the connection is told by `lost`."""
    if not command.cancelled():
        command.exception()


def _uid_set(uids: Sequence[int]) -> str:
    return f"{uids[0]}:{uids[-1]}" if isinstance(uids, range) else ",".join(map(str, uids))


def _last_words(response: aioimaplib.Response) -> str:
    return one_line(f"{response.result} {one_line(response.lines[-1] if response.lines else '')}")
