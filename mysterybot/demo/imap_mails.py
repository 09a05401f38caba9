"""The IMAP commands on the mails of the selected folder (RFC 3501 §6.4, UIDPLUS: RFC 4315, MOVE: RFC 6851).

Each takes the session, its arguments, and whether it came as `UID …`.
"""

from mysterybot.demo.imap_commands import RefusedError, find_folder, want
from mysterybot.demo.imap_fetch import flags_of, parse_items, render
from mysterybot.demo.imap_search import UnknownCharsetError, parse_search
from mysterybot.demo.imap_session import Session
from mysterybot.demo.imap_syntax import Arguments, BadSyntaxError, NumberSet, astring, atom, parse_number_set, words
from mysterybot.demo.post import Folder, Mail

MAX_FLAGS = 50
_DELETED = "\\Deleted"


def _selected(session: Session, *, to_write: bool) -> Folder:
    if session.folder is None:
        raise BadSyntaxError("no folder is selected")
    if to_write and session.read_only:
        raise RefusedError("NO [READ-ONLY] the folder is open to read only")
    return session.folder


async def fetch(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Tell what is asked of each mail of the set."""
    want(arguments, 2, 2)
    items = parse_items(arguments[1], by_uid=by_uid)
    for number, mail in session.select(parse_number_set(arguments[0]), by_uid=by_uid):
        session.writer.write(render(items, number, mail))
        await session.writer.drain()
    return "OK fetched"


async def search(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Tell the numbers of the mails that pass every key."""

    def chosen(numbers: NumberSet, uids: bool) -> set[int]:
        return {id(mail) for _, mail in session.select(numbers, by_uid=uids)}

    try:
        test = parse_search(arguments, chosen)
    except UnknownCharsetError as error:
        raise RefusedError("NO [BADCHARSET (US-ASCII UTF-8)] unknown character set") from error
    found = [mail.uid if by_uid else number for number, mail in enumerate(session.view, 1) if test(mail)]
    session.tell(b"* SEARCH" + b"".join(b" %d" % number for number in found))
    return "OK searched"


async def store(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Set, add or take away flags."""
    want(arguments, 3, 2 + MAX_FLAGS)
    _selected(session, to_write=True)
    how = atom(arguments[1])
    if how.removesuffix(".SILENT") not in {"FLAGS", "+FLAGS", "-FLAGS"}:
        raise BadSyntaxError("FLAGS, +FLAGS or -FLAGS is wanted")
    flags = {_flag(word) for argument in arguments[2:] for word in words(argument)[:MAX_FLAGS]}
    for number, mail in session.select(parse_number_set(arguments[0]), by_uid=by_uid):
        mail.flags = mail.flags | flags if how[0] == "+" else mail.flags - flags if how[0] == "-" else set(flags)
        if not how.endswith(".SILENT"):
            uid = b"UID %d " % mail.uid if by_uid else b""
            session.tell(b"* %d FETCH (%sFLAGS %s)" % (number, uid, flags_of(mail)))
    return "OK stored"


def _flag(word: str) -> str:
    if not word.isascii() or not word.isprintable() or len(word) > 60 or set(word) & set('() "'):
        raise BadSyntaxError("not a flag")
    return "\\" + word[1:].capitalize() if word.startswith("\\") else word  # system flags are the same in any case


async def copy(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Copy mails to another folder and tell their new UIDs."""
    mails, code = _copy(session, arguments, by_uid=by_uid)
    return f"OK {code} copied" if mails else "OK nothing to copy"


async def move(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Copy mails to another folder and take them out of this one, in one go."""
    source = _selected(session, to_write=True)
    mails, code = _copy(session, arguments, by_uid=by_uid)
    if mails:
        session.tell(b"* OK " + code.encode() + b" moved")
        source.remove(mails)
    return "OK moved"


def _copy(session: Session, arguments: Arguments, *, by_uid: bool) -> tuple[list[Mail], str]:
    want(arguments, 2, 2)
    numbers = parse_number_set(arguments[0])
    try:
        target = find_folder(session, astring(arguments[1]))
    except RefusedError as error:
        raise RefusedError("NO [TRYCREATE] there is no such folder") from error
    mails = [mail for _, mail in session.select(numbers, by_uid=by_uid)]
    copies = [target.append(mail.raw, mail.internal_date, mail.flags) for mail in mails]
    old, new = (",".join(str(mail.uid) for mail in some) for some in (mails, copies))
    return mails, f"[COPYUID {target.uidvalidity} {old} {new}]"


async def expunge(session: Session, arguments: Arguments, by_uid: bool) -> str:
    """Take out the mails with \\Deleted, or those of them that are in the set (UID EXPUNGE)."""
    want(arguments, int(by_uid), int(by_uid))
    folder = _selected(session, to_write=True)
    some = [mail for _, mail in session.select(parse_number_set(arguments[0]), by_uid=True)] if by_uid else session.view
    folder.remove(mail for mail in some if _DELETED in mail.flags)
    return "OK expunged"


async def close(session: Session, _arguments: Arguments, _by_uid: bool) -> str:
    """Take out the mails with \\Deleted without a word, and leave the folder."""
    folder = _selected(session, to_write=False)
    read_only = session.read_only
    view = session.view
    session.close()
    if not read_only:
        folder.remove(mail for mail in view if _DELETED in mail.flags)
    return "OK closed"
