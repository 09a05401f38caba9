"""The time in which a desk says it will answer.

By the grammar of one sentence: the desk speaks of answering, and a span of time stands with it. Conditions ("if you
have not heard from us within two days"), what the customer is to do, deliveries, refunds and validity are no promises.
"As soon as possible" is one without a time: vague, never missed.
"""

import re
from dataclasses import dataclass

from replies.finding import quoted
from replies.phrases import plain, table
from replies.sentences import sentences
from replies.spans import Unit, span

MAX_TEXT = 8_000

_RESPONSE = table("response")
_NO_PROMISE = table("no_promise")
_VAGUE = table("vague")
_BOUND = re.compile(
    r"\b(?:within|in|inside|under|after|up to|less than|by|usually|about|maximum|max\.?|innerhalb|innert|binnen|in"
    r"|nach|bis(?: zu)?|sous|dans"
    r"|d'ici|en|de|entro|em|até|inom|inden|innen|senast|w ciągu|do|během|do|în|içinde|в течение|протягом|εντός"
    r"|u roku)\b[^.!?]{0,30}$"
)


@dataclass(frozen=True, slots=True)
class Promise:
    """`seconds` is None for `vague` and for a `date`, which `when` names (tomorrow, eod, friday, by 3 may).

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
        said = plain(sentence)[:600]
        if not _RESPONSE.search(said):
            continue
        found, idle = span(said), _VAGUE.search(said)
        if found and idle and not _BOUND.search(said[: said.find(found.text)]):
            found = None  # "open 24 hours a day, we answer as soon as possible"
        if _NO_PROMISE.search(said):
            continue
        if found:
            return Promise(found.seconds, found.unit, quoted(sentence), found.when)
        if vague is None and idle:
            vague = Promise(None, "vague", quoted(sentence))
    return vague
