"""Can one answer, and is it over? What a message says about itself: no-reply, login wall, form only, closed, survey.

Only what is there is reported: an empty answer means that nothing of the kind was said.
"""

import re
from collections.abc import Iterator

from replies.clauses import clauses
from replies.finding import Finding, quoted
from replies.message import Message
from replies.phrases import plain, table
from replies.sentences import sentences

MAX_TEXT = 8_000
MOST_SAID = 600

_NO_REPLY = table("notice_no_reply")
_NEED_NOT_REPLY = table("need_not_reply")
_LOGIN = table("login")
_CORRESPONDENCE = table("correspondence")
# "You can only answer if you are signed in": a condition that is a statement
_ONLY = re.compile(
    r"\b(?:only|nur|ausschließlich|alleen|uitsluitend|seulement|uniquement|qu'(?:en|après)|s[oó]lo|únicamente|soltanto|apenas|somente"
    r"|endast|bara|kun|vain|tylko|dopiero|jen|pouze|len|iba|только|лише|csak|doar|yalnızca|sadece|μόνο)\b"
)
_PORTAL_ONLY = table("portal_only")
_NO_LOGIN_WALL = table("no_login_wall")
_FORM_ONLY = table("notice_form_only")
_NO_FORM_ONLY = table("no_form_only")
_CLOSING = table("notice_closing")
_CLOSED = table("notice_closed")
_ANNOUNCES = table("notice_announces")
_NOT_CLOSED = table("notice_not_closed")
_MATTER = table("notice_matter")
_SURVEY = table("notice_survey")
_HANDOFF = table("notice_handoff")
_NO_HANDOFF = table("no_handoff")
_NO_REPLY_ADDRESS = re.compile(
    r"(?:no-?_?\.?reply|do-?_?not-?_?reply|dont-?reply|nicht-?antworten|ne-?pas-?repondre|noresponder|non-?rispondere"
    r"|nao-?responda|unmonitored)(?:[-+_.].{0,60})?@|[-_.+]no-?reply@"
)
# Where a mail offers to answer it, signing in is a choice and no wall.
_MAY_REPLY = table("may_reply")
_OPTIONAL = re.compile(
    r"\b(?:or|alternatively|also|if you (?:wish|want|like|prefer)|oder|alternativ|ou|o|oppure|of|eller)\b"
)


def notices(message: Message, new_text: str) -> tuple[Finding, ...]:
    """What the message says about answering it and about its end, each check at most once.

    Results: `problem` for no_reply, login_wall, form_only and closed (nobody asked the customer first), `ok` for an
    announcement that it will close unless the customer answers (check `closed`, value `announced`) and for a survey.
    """
    found: dict[str, Finding] = {}
    for finding in (*_address(message), *_said(new_text[:MAX_TEXT])):
        known = found.get(finding.check)
        if known is None or (known.result == "ok" and finding.result == "problem"):
            found[finding.check] = finding
    return tuple(found.values())


def handoff(new_text: str) -> Finding | None:
    """That the desk passes the customer on, or None; `problem` since somebody else now has to be told again."""
    for sentence in sentences(new_text[:MAX_TEXT]):
        said = ", ".join(clauses(plain(sentence)[:MOST_SAID]))
        if _HANDOFF.search(said) and not _NO_HANDOFF.search(said):
            return Finding("handoff", "problem", "handoff.phrase", quoted(sentence))
    return None


def _address(message: Message) -> Iterator[Finding]:
    """An answer goes to Reply-To if there is one (RFC 5322 3.6.2), so that is looked at before From."""
    targets = message.reply_to or ((message.sender,) if message.sender else ())
    if targets and all(_NO_REPLY_ADDRESS.search(address) for address in targets):
        yield Finding("no_reply", "problem", "no_reply.address", targets[0])


def _said(text: str) -> Iterator[Finding]:
    whole = plain(text)
    for sentence in sentences(text):
        said = plain(sentence)[:MOST_SAID]
        stated = ", ".join(clauses(said))
        evidence = quoted(sentence)
        if _NO_REPLY.search(stated) and not _NEED_NOT_REPLY.search(said):
            yield Finding("no_reply", "problem", "no_reply.phrase", evidence)
        if _is_login_wall(said if _ONLY.search(said) else stated, whole):
            yield Finding("login_wall", "problem", "login_wall.phrase", evidence)
        if _FORM_ONLY.search(said) and not _NO_FORM_ONLY.search(said) and not _MAY_REPLY.search(said):
            yield Finding("form_only", "problem", "form_only.phrase", evidence)
        yield from _end(said, stated, evidence)
        if _SURVEY.search(said):
            yield Finding("survey", "ok", "survey.phrase", evidence)


def _is_login_wall(said: str, whole: str) -> bool:
    """Whether one has to sign in to read or to answer; where the mail offers to answer it, that is a choice."""
    wall = _PORTAL_ONLY.search(said) or (_LOGIN.search(said) and _CORRESPONDENCE.search(said))
    if not wall or _NO_LOGIN_WALL.search(said) or _MAY_REPLY.search(said):
        return False
    return not (_MAY_REPLY.search(whole) and _OPTIONAL.search(said))


def _end(said: str, stated: str, evidence: str) -> Iterator[Finding]:
    """Closed already, or to be closed unless the customer speaks."""
    if not _CLOSING.search(said) or not _MATTER.search(said) or _NOT_CLOSED.search(said):
        return
    if _CLOSED.search(stated) and not said.rstrip(" \"')").endswith("?"):
        yield Finding("closed", "problem", "closed.phrase", evidence)
    elif _ANNOUNCES.search(said):
        yield Finding("closed", "ok", "closed.announced", evidence, "announced")
