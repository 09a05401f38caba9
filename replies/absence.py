"""Whether the sender is away and a program says so: out-of-office replies, and firms that are closed for days."""

import re
from dataclasses import dataclass

from replies import phrases, programs
from replies.evidence import Evidence
from replies.origin import AUTOMATIC_SUBJECT
from replies.phrases import table
from replies.promise import promise

MOST_WORDS = 30
"""Words beside an absence that nothing but the text tells."""

_ABSENT_OR_AUTOMATIC = table("subject_out_of_office")
_AWAY_SUBJECT = re.compile(rf"(?:{phrases.alternatives('subject_away')}) ?[:：-]")
_ABSENT = table("subject_absent")
_WAS = re.compile(rf"\b(?:{phrases.alternatives('was')})\b[^.!?]{{0,40}}$")
_OTHERS = re.compile(r"^(?:is|he|she|ist|est|está|è|är|er|on|jest|je) ")

_PLANNED, _UNTIL, _ONCE, _SHUT = (table(name) for name in ("planned", "until", "once", "subject_shut"))
_REACHABLE, _COMING = table("reachable"), table("coming")
_YOU = re.compile(r"\b(?:you|sie|du|vous|tu|usted|lei|você|jij|вы|ви)\b.{0,12}$")


@dataclass(frozen=True, slots=True)
class Away:
    """By which rule, and the words that say it."""

    rule: str
    evidence: str


def away(told: Evidence) -> Away | None:
    """That the sender is away, or None."""
    origin, subject = told.origin, told.message.subject
    found = phrases.OUT_OF_OFFICE.search(told.text)
    if not found and (origin.strong or not origin.person):
        found = phrases.CLOSED_SHOP.search(told.text)
    shut = not told.replied and _SHUT.search(told.subject)
    if shut and origin.strong:
        return Away("subject", subject)
    if _confirms(told) and not (found and shut) and not (found and _ABSENT.search(found[0]) and not origin.desk):
        return None
    titled = None if told.replied else _ABSENT_OR_AUTOMATIC.search(told.subject)
    marked = origin.strong or titled or origin.vacation
    if found and (marked or (found.start() < 250 and origin.weak and not origin.desk)):
        return Away("phrase", found[0])
    # Desks acknowledge with the vacation responder of their mail server, too.
    if origin.vacation and not told.receipt and not phrases.COURTESY.search(told.text):
        return Away("header", subject)
    if found and found.start() < 200 and told.words <= MOST_WORDS and _is_now(told, found):
        return Away("text", found[0])
    if not told.replied and _AWAY_SUBJECT.match(told.subject) and told.words <= MOST_WORDS:
        return Away("subject", subject)
    absent = (origin.strong or origin.weak) and not origin.desk and _ABSENT.search(told.subject)
    if absent and _ABSENT_OR_AUTOMATIC.search(told.subject) and not told.receipt:
        return Away("subject", subject)
    return _responder(told)


def _confirms(told: Evidence) -> bool:
    """Whether it is a desk that confirms a receipt and tells its hours beside."""
    return not told.origin.person and bool(told.receipt or programs.receipt(told.subject))


def _is_now(told: Evidence, found: re.Match[str]) -> bool:
    """Whether `found` speaks of the sender, and of now: "I was away", "Tom is away, so I looked" do not."""
    before = told.text[max(0, found.start() - 45) : found.start()]
    around = told.text[max(0, found.start() - 25) : found.end() + 30]
    planned = _COMING.search(told.text[max(0, found.start() - 25) : found.end() + 20]) or (
        _PLANNED.search(around) and not _UNTIL.search(told.text)
    )
    if planned or _ONCE.search(before.rstrip()):
        return False  # "as soon as I am off the phone"; "the 14th suits me, I am away from the 20th"
    if _WAS.search(before + found[0][:6]) or _OTHERS.match(found[0]) or _YOU.search(before):
        return False
    about = next((sentence for sentence in told.said if found[0] in sentence), "")
    return not any(phrases.DID.search(sentence) for sentence in (about, *told.rest))


def _responder(told: Evidence) -> Away | None:
    """A person's own responder, whose words nobody foresaw: it says when or whom to ask instead, or speaks of itself."""
    origin = told.origin
    if not origin.strong or origin.desk or told.receipt or not origin.person or " " not in told.message.sender_name:
        return None
    if phrases.COURTESY.search(told.text) and (phrases.PROMISE.search(told.text) or promise(told.new)):
        return None  # "thanks for writing, I will be back to you by tomorrow"
    if AUTOMATIC_SUBJECT.match(told.subject):
        return Away("responder", told.message.subject)
    speaks_of_it = not told.specific and _REACHABLE.search(told.text)
    for known in (phrases.URGENT, phrases.RETURN, *([phrases.PERSON] if speaks_of_it else [])):
        if found := known.search(told.text):
            return Away("responder", found[0])
    return None
