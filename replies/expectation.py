"""What a customer is told to expect who writes when nobody is there: a time for the answer, or the hours of the desk."""

import re

from replies.finding import Finding, quoted
from replies.phrases import entries, plain, table
from replies.promise import promise
from replies.sentences import sentences

MAX_TEXT = 8_000

_HOURS = table("opening_hours")
_DAY = re.compile(rf"(?<!\w)(?:{'|'.join(entries('weekdays').values())})(?!\w)")
_CLOCK = re.compile(r"(?<![\d:.])(?:[01]?\d|2[0-4])(?:[:.h]\d\d| ?(?:am|pm|a\.m\.|p\.m\.|uhr|h|heures|godz))(?!\w)")


def expectation(text: str | None) -> Finding:
    """`ok` where a time for the answer or the desk's hours are named; `text` is None when nothing was acknowledged."""
    if text is None:
        return Finding("expectation", "problem", "expectation.no_acknowledgement", "")
    promised = promise(text)
    if promised is not None and promised.unit != "vague":
        return Finding("expectation", "ok", "expectation.promise", promised.evidence)
    for sentence in sentences(text[:MAX_TEXT]):
        said = plain(sentence)[:600]
        if _HOURS.search(said) or (_DAY.search(said) and _CLOCK.search(said)):
            return Finding("expectation", "ok", "expectation.hours", quoted(sentence))
    return Finding("expectation", "problem", "expectation.none", quoted(text))
