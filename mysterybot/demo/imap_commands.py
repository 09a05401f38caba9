"""The IMAP commands that concern the session and its folders (RFC 3501 §6.1–6.3, IDLE: RFC 2177).

Each takes the session and its arguments, tells untagged answers, and returns the tagged one. `RefusedError` is a NO,
`BadSyntaxError` a BAD. The commands on mails are in `imap_mails`.
"""

import asyncio
import base64
import binascii
import re
from datetime import UTC, datetime

from mysterybot.demo.imap_session import Session
from mysterybot.demo.imap_syntax import Arguments, BadSyntaxError, String, astring, atom, quote, words
from mysterybot.demo.post import SPECIAL_USE, Folder

MAX_LINE = 64 * 1024
MAX_WILDCARDS = 3
AUTOLOGOUT = 30 * 60.0  # seconds, RFC 3501 §5.4

_CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE SPECIAL-USE NAMESPACE ID LITERAL+ SASL-IR UNSELECT ENABLE AUTH=PLAIN"


class RefusedError(Exception):
    """The command is understood and cannot be done; the text is the whole tagged answer."""


def capabilities(session: Session) -> bytes:
    """What the server offers to this session now."""
    extra = (" IDLE" if session.faults.idle else "") + (" STARTTLS" if session.tls_offered else "")
    return (_CAPABILITIES + extra).encode()


def want(arguments: Arguments, least: int, most: int) -> None:
    """Raise unless there are as many arguments as the command takes."""
    if not least <= len(arguments) <= most:
        raise BadSyntaxError("wrong number of arguments")


def find_folder(session: Session, name: str) -> Folder:
    """The folder of that name; INBOX is the same in any case."""
    folder = session.folders.get(_canonical(name))
    if folder is None:
        raise RefusedError("NO [NONEXISTENT] there is no such folder")
    return folder


def _canonical(name: str) -> str:
    return "INBOX" if name.upper() == "INBOX" else name


async def capability(session: Session, _arguments: Arguments) -> str:
    """Say what is offered."""
    session.tell(b"* CAPABILITY " + capabilities(session))
    return "OK done"


async def login(session: Session, arguments: Arguments) -> str:
    """Log in with user name and password."""
    want(arguments, 2, 2)
    return _enter(session, astring(arguments[0]), astring(arguments[1]))


async def authenticate(session: Session, arguments: Arguments) -> str:
    """Log in by SASL PLAIN (RFC 4616), with or without an initial response (RFC 4959)."""
    want(arguments, 1, 2)
    if atom(arguments[0]) != "PLAIN":
        raise RefusedError("NO [CANNOT] only PLAIN is offered")
    if len(arguments) == 2:
        response = astring(arguments[1]).encode()
    else:
        session.tell(b"+ ")
        response = (await session.reader.readuntil(b"\n")).strip()
    if response == b"*":
        raise BadSyntaxError("given up")
    try:
        _, user, password = base64.b64decode(response, validate=True).decode().split("\0")
    except (binascii.Error, ValueError) as error:
        raise BadSyntaxError("not a PLAIN response") from error
    return _enter(session, user, password)


def _enter(session: Session, user: str, password: str) -> str:
    if session.user is not None:
        raise BadSyntaxError("already logged in")
    if session.faults.refuse_login:
        raise RefusedError(session.faults.login_answer)
    if not session.post.login(user, password):
        raise RefusedError("NO [AUTHENTICATIONFAILED] wrong user name or password")
    session.user = user.lower()
    return f"OK [CAPABILITY {capabilities(session).decode()}] logged in"


async def starttls(session: Session, _arguments: Arguments) -> str:
    """Begin TLS right after this answer."""
    if not session.tls_offered:
        raise BadSyntaxError("TLS is not offered now")
    session.starts_tls = True
    return "OK begin TLS now"


async def noop(_session: Session, _arguments: Arguments) -> str:
    """Nothing, but the client is told what is new."""
    return "OK done"


async def enable(session: Session, _arguments: Arguments) -> str:
    """Nothing can be enabled (RFC 5161)."""
    session.tell(b"* ENABLED")
    return "OK done"


async def identify(session: Session, _arguments: Arguments) -> str:
    """Say who we are (RFC 2971)."""
    session.tell(b'* ID ("name" "Acme Hosting demo")')
    return "OK done"


async def logout(session: Session, _arguments: Arguments) -> str:
    """Say goodbye."""
    session.tell(b"* BYE see you")
    session.logged_out = True
    return "OK done"


async def namespace(session: Session, _arguments: Arguments) -> str:
    """One personal namespace without a prefix (RFC 2342)."""
    session.tell(b'* NAMESPACE (("" "/")) NIL NIL')
    return "OK done"


async def list_folders(session: Session, arguments: Arguments) -> str:
    """List folders that match a pattern, with their special use (RFC 6154)."""
    only_special = bool(arguments) and isinstance(arguments[0], tuple)
    if only_special:
        arguments = arguments[1:]
    want(arguments, 2, 4)
    reference, pattern = astring(arguments[0]), astring(arguments[1])
    if not pattern:
        session.tell(b'* LIST (\\Noselect) "/" ""')
        return "OK done"
    matches = _pattern(reference + pattern)
    for name in session.folders:
        special = SPECIAL_USE.get(name, "")
        if matches.fullmatch(name) and (special or not only_special):
            attributes = f"\\HasNoChildren {special}".strip().encode()
            session.tell(b'* LIST (%s) "/" %s' % (attributes, quote(name)))
    return "OK done"


def _pattern(text: str) -> re.Pattern[str]:
    # The time of such a match grows with the power of the wildcards: few are needed.
    if sum(map(text.count, "*%")) > MAX_WILDCARDS or len(text) > 200:
        raise BadSyntaxError("too many wildcards")
    text = "INBOX" if text.upper() == "INBOX" else text
    return re.compile(re.escape(text).replace(r"\*", ".*").replace("%", "[^/]*"))


async def create(session: Session, arguments: Arguments) -> str:
    """Make a folder."""
    want(arguments, 1, 2)
    try:
        session.post.create_folder(session.user or "", _canonical(astring(arguments[0])))
    except ValueError as error:
        raise RefusedError("NO [CANNOT] it exists, or there are too many, or it is no name for a folder") from error
    return "OK done"


async def status(session: Session, arguments: Arguments) -> str:
    """Tell numbers about a folder without selecting it."""
    want(arguments, 2, 2)
    folder = find_folder(session, astring(arguments[0]))
    numbers = {
        "MESSAGES": len(folder.mails),
        "RECENT": 0,
        "UIDNEXT": folder.uid_next,
        "UIDVALIDITY": folder.uidvalidity,
        "UNSEEN": sum("\\Seen" not in mail.flags for mail in folder.mails),
    }
    items = [item.upper() for item in words(arguments[1])]
    if unknown := set(items) - set(numbers):
        raise BadSyntaxError(f"unknown status item {min(unknown)[:40]}")
    told = " ".join(f"{item} {numbers[item]}" for item in items)
    session.tell(b"* STATUS %s (%s)" % (quote(folder.name), told.encode()))
    return "OK done"


async def select(session: Session, arguments: Arguments) -> str:
    """Open a folder."""
    return _open(session, arguments, read_only=False)


async def examine(session: Session, arguments: Arguments) -> str:
    """Open a folder to read only."""
    return _open(session, arguments, read_only=True)


def _open(session: Session, arguments: Arguments, *, read_only: bool) -> str:
    want(arguments, 1, 2)
    session.close()  # a failed SELECT leaves none selected (RFC 3501 §6.3.1)
    folder = find_folder(session, astring(arguments[0]))
    session.open(folder, read_only=read_only)
    session.tell(
        rb"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
        rb"* OK [PERMANENTFLAGS ()] read only"
        if read_only
        else rb"* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] kept",
        b"* %d EXISTS" % len(session.view),
        b"* 0 RECENT",
        b"* OK [UIDVALIDITY %d] valid" % folder.uidvalidity,
        b"* OK [UIDNEXT %d] next" % folder.uid_next,
    )
    return "OK [READ-ONLY] opened" if read_only else "OK [READ-WRITE] opened"


async def unselect(session: Session, _arguments: Arguments) -> str:
    """Leave the folder as it is (RFC 3691)."""
    session.close()
    return "OK done"


async def append(session: Session, arguments: Arguments) -> str:
    """Put a mail into a folder: name, flags, date-time, literal."""
    want(arguments, 2, 4)
    folder = session.folders.get(_canonical(astring(arguments[0])))
    if folder is None:
        raise RefusedError("NO [TRYCREATE] there is no such folder")
    *options, raw = arguments[1:]
    flags: tuple[str, ...] = ()
    at = session.post.now()
    for option in options:
        if isinstance(option, tuple):
            flags = words(option)
        else:
            at = _date_time(astring(option))
    if not isinstance(raw, String):
        raise BadSyntaxError("the mail has to be a literal")
    mail = folder.append(raw.value, at, flags)
    return f"OK [APPENDUID {folder.uidvalidity} {mail.uid}] kept"


def _date_time(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadSyntaxError("a date-time is wanted") from error


async def idle(session: Session, _arguments: Arguments) -> str:
    """Push what happens in the selected folder, at once, until the client says DONE."""
    if not session.faults.idle:
        raise BadSyntaxError("unknown command")
    session.tell(b"+ idling")
    session.idling = True
    try:
        if not session.faults.deaf_idle:
            session.sync()
        async with asyncio.timeout(AUTOLOGOUT):
            line = await session.reader.readuntil(b"\n")
    finally:
        session.idling = False
    if line.strip().upper() != b"DONE":
        raise BadSyntaxError("DONE is wanted")
    return "OK idled"
