"""The time in which a desk says it will answer.

By the grammar of one sentence. Its clauses are looked at one by one: conditions ("if you have not heard from us within
two days") fall away; a span of time is a promise where the clause that holds it speaks of answering, or stands beside
one that does ("Within two days, our team will …"), unless the clause is about what the customer is to do, about what
has been, or about things that take time without being answers: deliveries, refunds, validity, what a bank does. "As
soon as possible" is a promise without a time: vague, never missed.
"""

import re
from dataclasses import dataclass

from replies.clauses import clauses
from replies.finding import quoted
from replies.phrases import plain, table
from replies.sentences import sentences
from replies.spans import Span, Unit, spans

MAX_TEXT = 8_000
SHORT_CLAUSE = 9
"""Words of a clause that may lean on its neighbour: "usually within two business days at the latest"."""

_RESPONSE = table("response")
_PROCESSING = table("processing")
_SPEAKER = table("speaker")
_MATTER = table("notice_matter")
_DUTY = table("duty")
_PAST = table("past")
_OTHER_TIMES = table("other_times")
_THIRD_PARTY = table("third_party")
_VAGUE = table("vague")
_BOUND = re.compile(
    r"\b(?:within|in|inside|under|after|up to|less than|by|usually|about|around|maximum|max\.?|innerhalb|innert|binnen"
    r"|nach|bis|bis zu|sous|dans|d'ici|moins de|menos de|meno di|en|de|entro|em|até|inom|inden|innen|senast|ciągu|do"
    r"|během|do|în|içinde|течение|протягом|εντός|roku|next|nächsten|prochaines|próximas|prossime|least|latest|takes?)"
    r"[^.!?]{0,24}$"
)


@dataclass(frozen=True, slots=True)
class Promise:
    """`seconds` is None for `vague` and for a `date`, which `when` names (see `replies.spans.Span`).

    Business hours and days are nominal (3,600 and 86,400 seconds): the desk's business hours give the deadline.
    """

    seconds: float | None
    unit: Unit
    evidence: str
    when: str = ""


def promise(text: str) -> Promise | None:
    """The promise of an answer in `text`: the first that names a time, else a vague one, else None."""
    vague: Promise | None = None
    for sentence in sentences(text[:MAX_TEXT]):
        if sentence.rstrip(" \"'»”)").endswith(("?", "？")):
            continue  # "Has anybody called you within two days?"
        parts = clauses(plain(sentence)[:600])
        if not any(_speaks(clause) for clause in parts):
            continue
        if found := next(filter(None, (_promised(clause, parts) for clause in parts)), None):
            return Promise(found.seconds, found.unit, quoted(sentence), found.when)
        if vague is None and any(_idle(clause, parts) for clause in parts):
            vague = Promise(None, "vague", quoted(sentence))
    return vague


def _speaks(clause: str) -> bool:
    """Whether a clause speaks of answering, by the desk."""
    if _RESPONSE.search(clause):
        return True
    return bool(_PROCESSING.search(clause) and (_SPEAKER.search(clause) or _MATTER.search(clause)))


def _promised(clause: str, parts: list[str]) -> Span | None:
    if _DUTY.search(clause) or _PAST.search(clause) or _THIRD_PARTY.search(clause):
        return None
    idle = _VAGUE.search(clause)
    for span in spans(clause):
        if idle and not _BOUND.search(clause[: span.start]) and span.unit != "date":
            continue  # "a few hours", "24 hours and soon more"
        if _RESPONSE.search(clause):
            if not _is_other(clause, span):
                return span
        elif not _OTHER_TIMES.search(clause) and (_speaks(clause) or _leans(clause, parts)):
            return span
    return None


def _is_other(clause: str, span: Span) -> bool:
    """Whether the time belongs to something else than the answer: "with the reply your refund arrives in 5 days"."""
    about = _OTHER_TIMES.search(clause)
    if about is None:
        return False
    answering = [found.start() for found in _RESPONSE.finditer(clause)]
    between = [place for place in answering if abs(place - span.start) <= abs(about.start() - span.start)]
    return not between and not _SPEAKER.search(clause)


def _leans(clause: str, parts: list[str]) -> bool:
    """Whether a clause with a time belongs to a neighbour that speaks of answering and is no duty of the customer's."""
    place = parts.index(clause)
    near = parts[max(0, place - 1) : place] + parts[place + 1 : place + 2]
    return len(clause.split()) <= SHORT_CLAUSE and any(
        _speaks(each)
        and not _DUTY.search(each)
        and not _PAST.search(each)
        and not _OTHER_TIMES.search(each)
        and not _THIRD_PARTY.search(each)
        for each in near
    )


def _idle(clause: str, parts: list[str]) -> bool:
    """Whether an answer is promised without a time."""
    if _DUTY.search(clause) or _PAST.search(clause) or not _VAGUE.search(clause):
        return False
    return _speaks(clause) or _leans(clause, parts)
