"""IMAP4rev1 for the demo (RFC 3501), in asyncio: the port, the connections, and the reading of commands.

With IDLE, UIDPLUS, MOVE, SPECIAL-USE, NAMESPACE, ID, LITERAL+, SASL-IR, UNSELECT, ENABLE and STARTTLS. Left out,
because no client of a support mailbox needs them here: BODYSTRUCTURE, ENVELOPE, MIME parts, RENAME, DELETE, \\Recent.
A mail is pushed in the same turn of the event loop in which it is delivered.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mysterybot.demo import imap_commands as commands
from mysterybot.demo import imap_mails as mails
from mysterybot.demo.faults import ImapFaults
from mysterybot.demo.imap_commands import AUTOLOGOUT, MAX_LINE, RefusedError, capabilities
from mysterybot.demo.imap_session import Session, State
from mysterybot.demo.imap_syntax import LITERAL, Arguments, BadSyntaxError, parse_arguments
from mysterybot.demo.post import Post

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 500
MAX_LITERALS = 50
MAX_BEFORE_LOGIN = 8 * 1024  # octets of a command from somebody whom we do not know

_Plain = Callable[[Session, Arguments], Awaitable[str]]
_OnMails = Callable[[Session, Arguments, bool], Awaitable[str]]

COMMANDS: dict[str, tuple[State, _Plain]] = {
    "CAPABILITY": (State.GREETED, commands.capability),
    "NOOP": (State.GREETED, commands.noop),
    "ID": (State.GREETED, commands.identify),
    "LOGOUT": (State.GREETED, commands.logout),
    "STARTTLS": (State.GREETED, commands.starttls),
    "LOGIN": (State.GREETED, commands.login),
    "AUTHENTICATE": (State.GREETED, commands.authenticate),
    "ENABLE": (State.LOGGED_IN, commands.enable),
    "NAMESPACE": (State.LOGGED_IN, commands.namespace),
    "LIST": (State.LOGGED_IN, commands.list_folders),
    "CREATE": (State.LOGGED_IN, commands.create),
    "SUBSCRIBE": (State.LOGGED_IN, commands.noop),
    "STATUS": (State.LOGGED_IN, commands.status),
    "SELECT": (State.LOGGED_IN, commands.select),
    "EXAMINE": (State.LOGGED_IN, commands.examine),
    "APPEND": (State.LOGGED_IN, commands.append),
    "IDLE": (State.LOGGED_IN, commands.idle),
    "CHECK": (State.SELECTED, commands.noop),
    "UNSELECT": (State.SELECTED, commands.unselect),
}
"""The commands with the state that each needs."""

ON_MAILS: dict[str, _OnMails] = {
    "FETCH": mails.fetch,
    "SEARCH": mails.search,
    "STORE": mails.store,
    "COPY": mails.copy,
    "MOVE": mails.move,
    "EXPUNGE": mails.expunge,
    "CLOSE": mails.close,
}
"""The commands on the selected folder; all but CLOSE may follow `UID`."""

_NO_NEWS = {"FETCH", "SEARCH", "STORE"}
"""No EXPUNGE may be told during these, unless they come with `UID` (RFC 3501 §7.4.1)."""


class _HostileError(Exception):
    """The client exceeds a bound; it is told goodbye with this text."""


@dataclass(frozen=True, slots=True)
class _Command:
    tag: bytes
    name: str
    by_uid: bool
    arguments: bytes


class ImapServer:
    """Listens on one port and serves the post."""

    def __init__(self, post: Post, faults: ImapFaults) -> None:
        self._post = post
        self._faults = faults
        self._tls: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None
        self._sessions: dict[Session, asyncio.Task[None] | None] = {}
        self.port = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None, *, starttls: bool) -> None:
        """Listen; with `tls` from the first byte on, or after STARTTLS when that is set."""
        self._tls = tls if starttls else None
        self._server = await asyncio.start_server(
            self._serve, host, port, ssl=None if starttls else tls, limit=MAX_LINE
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server:
            self._server.close()
        self.cut_all()
        tasks = [task for task in self._sessions.values() if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut_all(self) -> None:
        """Break every open connection, as a failing network does."""
        for session in self._sessions:
            session.writer.transport.abort()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._sessions)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self._post, self._faults, reader, writer)
        session.tls_offered = self._tls is not None
        self._sessions[session] = asyncio.current_task()
        try:
            await self._converse(session)
        except _HostileError as error:
            session.tell(b"* BYE " + str(error).encode())
        except TimeoutError:
            session.tell(b"* BYE you have been silent for too long")
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError) as error:
            # Cancelled only by stop(): a stream server's task has nobody who waits for it.
            log.debug("connection ended: %r", error)
        finally:
            session.close()
            self._sessions.pop(session, None)
            writer.close()

    async def _converse(self, session: Session) -> None:
        if self._faults.bye is not None or len(self._sessions) > MAX_CONNECTIONS:
            session.tell(b"* BYE " + (self._faults.bye or "too many connections").encode("ascii", "replace"))
            return
        session.tell(b"* OK [CAPABILITY " + capabilities(session) + b"] Acme Hosting demo is ready")
        count = 0
        while session.state is not State.LOGGED_OUT:
            async with asyncio.timeout(AUTOLOGOUT):
                text = await self._read(session)
            if text is None:
                continue
            count += 1
            if await self._goes_wrong(session, count):
                return
            answer = await self._answer(session, text)
            session.tell(answer)
            await session.writer.drain()
            if session.starts_tls and self._tls:
                session.starts_tls = session.tls_offered = False
                await session.writer.start_tls(self._tls)

    async def _read(self, session: Session) -> bytes | None:
        """A whole command with its literals; None when one was refused, which the client has been told."""
        bound = self._post.size_limit + MAX_LINE if session.user else MAX_BEFORE_LOGIN
        text = await _read_line(session.reader)
        literals = 0
        while match := LITERAL.search(text):
            literals += 1
            size, unasked = int(match[1]), bool(match[2])
            if len(text) + size > bound or literals > MAX_LITERALS:
                if unasked:  # it is on its way already, and we will not swallow it
                    raise _HostileError("literal too large")
                session.tell(text.partition(b" ")[0][:100] + b" NO [TOOBIG] literal too large")
                return None
            if not unasked:
                session.tell(b"+ go on")
            text += await session.reader.readexactly(size) + await _read_line(session.reader)
        return text

    async def _goes_wrong(self, session: Session, count: int) -> bool:
        faults = self._faults
        if faults.slow:
            await asyncio.sleep(faults.slow)
        if faults.stall:
            await asyncio.Event().wait()
        if faults.cut_after is None or count <= faults.cut_after or faults.cuts == 0:
            return False
        if faults.cuts is not None:
            faults.cuts -= 1
        session.writer.transport.abort()
        return True

    async def _answer(self, session: Session, text: bytes) -> bytes:
        tag = text.split(maxsplit=1)[0][:100] if text.strip() else b"*"
        try:
            command = _split(text)
            answer = await _run(session, command)
        except BadSyntaxError as error:
            return tag + b" BAD " + str(error).encode("ascii", "replace")
        except RefusedError as error:
            answer = str(error)
            return tag + b" " + answer.encode("ascii", "replace")
        if command.by_uid or command.name not in _NO_NEWS:
            session.sync()
        return tag + b" " + answer.encode("ascii", "replace")


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise _HostileError("line too long") from error


def _split(text: bytes) -> _Command:
    tag, _, rest = text.partition(b" ")
    word, _, arguments = rest.partition(b" ")
    name = word.strip().upper().decode("ascii", "replace")
    by_uid = name == "UID"
    if by_uid:
        word, _, arguments = arguments.partition(b" ")
        name = word.strip().upper().decode("ascii", "replace")
        if name not in ON_MAILS or name == "CLOSE":
            raise BadSyntaxError("unknown command")
    return _Command(tag, name, by_uid, arguments)


async def _run(session: Session, command: _Command) -> str:
    arguments = parse_arguments(command.arguments)
    if on_mails := ON_MAILS.get(command.name):
        _need(session, State.SELECTED)
        return await on_mails(session, arguments, command.by_uid)
    if command.name not in COMMANDS:
        raise BadSyntaxError("unknown command")
    needed, run = COMMANDS[command.name]
    _need(session, needed)
    return await run(session, arguments)


def _need(session: Session, state: State) -> None:
    if session.state < state:
        raise BadSyntaxError("log in first" if session.state is State.GREETED else "select a folder first")
