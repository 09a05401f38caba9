"""What programs say: that something has come in, that it is over, that no person writes.

Most of it is told by a frame: two kinds of words close to each other in one sentence, in whatever order and language,
such as "your request" and "received". So a wording that nobody listed is known by its parts. All functions take a
sentence in the form that `replies.phrases.plain` gives.
"""

import re
from functools import lru_cache

from replies import phrases
from replies.phrases import table

MAX_GAP = 80
MAX_FOUND = 20
KEPT = 128  # sentences of the mail that is being read: several rules ask the same of each

_MATTER, _TAKEN_IN, _NOT_TAKEN_IN, _ENDED = (table(name) for name in ("matter", "taken_in", "not_taken_in", "ended"))
_AUTOMATIC_WORD, _AUTOMATIC_MAIL = table("automatic_word"), table("automatic_mail")
_THREAT, _KEEPS, _PROVES, _PASSES = (table(name) for name in ("gate_threat", "gate_keeps", "proves", "gets_through"))
_SILENCE, _FROM_US, _ELSEWHERE = table("silence"), table("from_us"), table("answered_elsewhere")
_LOGIN, _PORTAL = table("login"), table("portal_only")
_PURPOSE = table("purpose")
_NO_REPLY, _NEGATION = table("notice_no_reply"), table("negation")
_SAID_BY_PROGRAMS = (phrases.OUT_OF_OFFICE, phrases.SURVEY, phrases.UPDATED, _NO_REPLY)
_SAID_BY_BOTH = (phrases.BOILERPLATE, phrases.CLOSED, phrases.CHALLENGE, phrases.PROMISE, phrases.COURTESY)
MONEY = re.compile(
    r"(?:[€$£¥₽₺]|\b(?:eur|usd|chf|gbp|kr|zł|kč|ft|lei|руб|грн))\.? ?\d"
    r"|\d ?(?:[€$£¥₽₺円元원]|(?:eur|euros?|usd|chf|gbp|kr|zł|kč|ft|lei|руб|грн)\b)"
)
_DIVIDES = re.compile(r"[:;?!。！？]")
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


@lru_cache(KEPT)
def receipt(sentence: str) -> str:
    """The words that say that a request has come in, or ""."""
    if found := phrases.RECEIPT.search(sentence):
        return found[0]
    together = "" if _NOT_TAKEN_IN.search(sentence) else _together(sentence, _MATTER, _TAKEN_IN)
    return "" if together and _PURPOSE.search(sentence[: sentence.find(together)]) else together


def ended(sentence: str) -> str:
    """The words that say that a request is solved or closed, or ""."""
    if found := phrases.CLOSED.search(sentence):
        return found[0]
    return _together(sentence, _MATTER, _ENDED)


def silence(sentence: str) -> str:
    """The words that say that the customer has not answered, or ""."""
    found = _SILENCE.search(sentence)
    return found[0] if found and not _FROM_US.search(sentence) else ""


def elsewhere(text: str) -> str:
    """The words that say that an answer is there, behind a door, or ""; `text` is all that is said."""
    found = _ELSEWHERE.search(text)
    return found[0] if found and (_LOGIN.search(text) or _PORTAL.search(text)) else ""


def guarded(sentence: str) -> str:
    """The words that say that a filter keeps unknown senders out, or ""."""
    return _together(sentence, _THREAT, _KEEPS)


def proves(sentence: str) -> str:
    """The words that ask a sender to prove something so that the mail goes on, or ""."""
    return _together(sentence, _PROVES, _PASSES)


@lru_cache(KEPT)
def automatic(sentence: str) -> str:
    """The words that say that a program writes, or ""."""
    return _together(sentence, _AUTOMATIC_MAIL, _AUTOMATIC_WORD)


def courtesy(sentence: str) -> str:
    """The words that thank for having been written to, or ""."""
    found = phrases.COURTESY.search(sentence)
    return found[0] if found else ""


def no_reply(sentence: str) -> str:
    """The words that ask not to answer, or ""."""
    found = _NO_REPLY.search(sentence)
    return found[0] if found else ""


def expected(sentence: str) -> bool:
    """Whether a program would say it: nothing that speaks for a person."""
    count = words(sentence)
    if count <= 3 or phrases.GREETING.match(sentence) or (count <= 8 and phrases.CLOSING.search(sentence)):
        return True
    if any(known.search(sentence) for known in _SAID_BY_PROGRAMS):
        return True
    if _ELSEWHERE.search(sentence) and not phrases.PERSON.search(sentence):
        return True
    if phrases.PERSON.search(sentence) or phrases.DID.search(sentence) or MONEY.search(sentence):
        return False
    return bool(receipt(sentence) or automatic(sentence)) or any(known.search(sentence) for known in _SAID_BY_BOTH)


def words(sentence: str) -> int:
    """Words, also where a script writes them without spaces between."""
    return len(_WORD.findall(sentence)) + len(_UNSPACED.findall(sentence)) // 3


def _together(sentence: str, one: re.Pattern[str], other: re.Pattern[str]) -> str:
    """What reaches from a match of `one` to a match of `other` beside it, or ""."""
    ones = [found.span() for found, _ in zip(one.finditer(sentence), range(MAX_FOUND), strict=False)]
    others = zip(other.finditer(sentence), range(MAX_FOUND), strict=False) if ones else ()
    for found, _ in others:
        for start, end in ones:
            if found.end() <= start:
                gap = sentence[found.end() : start]
            elif end <= found.start():
                gap = sentence[end : found.start()]
            else:
                gap = ""
            if len(gap) <= MAX_GAP and not _DIVIDES.search(gap) and not _NEGATION.search(gap):
                return sentence[min(start, found.start()) : max(end, found.end())]
    return ""
