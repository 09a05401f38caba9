"""Spans of time as people write them: "within 1–2 business days", "binnen één werkdag", "sous 48 heures ouvrées"."""

import re
from dataclasses import dataclass
from typing import Literal

from replies.phrases import alternatives, entries, table

Unit = Literal["hours", "business_hours", "business_days", "days", "date", "vague"]

HOUR = 3_600
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. Business hours and days are nominal seconds (3,600 and 86,400 each), counted in `unit`.

    A `date` has no length of its own: `when` names it (tomorrow, eod, today, a weekday in English).
    """

    seconds: float | None
    unit: Unit
    text: str
    when: str = ""


_VALUES = {word: float(value) for value, words in entries("numbers").items() for word in words.split("|")}
_WORD = "|".join(sorted(map(re.escape, _VALUES), key=len, reverse=True))
_NUMBER = rf"(?:\d{{1,3}}(?:[.,]\d)?|(?<!\w)(?:{_WORD})(?!\w))"
_TO = r"(?: ?(?:-|to|bis|à|a|ou|or|oder|o|tot|till|til|do|až|до|and|und|et|y|e|～|~|至|から|with|od) ?)"

_BUSINESS = alternatives("span_business")
_MINUTE, _HOUR, _DAY, _WEEK = (alternatives(f"span_{unit}") for unit in ("minute", "hour", "day", "week"))
_BUSINESS_HOUR, _BUSINESS_DAY = alternatives("span_business_hour"), alternatives("span_business_day")

_SPAN = re.compile(
    rf"(?P<low>{_NUMBER})(?:{_TO}(?P<high>{_NUMBER}))?(?: ?个| de)?[ -]?(?:full |volle |complete )?"
    rf"(?:(?P<bday>{_BUSINESS_DAY})|(?P<bhour>{_BUSINESS_HOUR})|(?P<before>(?:{_BUSINESS})[ -])?"
    rf"(?:(?P<minute>{_MINUTE})|(?P<hour>{_HOUR})|(?P<week>{_WEEK})|(?P<day>{_DAY}))"
    rf"(?P<after> (?:calendari?o?s? )?(?:{_BUSINESS})\b)?)"
)
_NEXT_BUSINESS_DAY = table("next_business_day")
_TOMORROW = table("tomorrow")
_END_OF_DAY = table("end_of_day")
_BY = (
    r"(?:by|until|before|on|bis|am|spätestens am|avant|d'ici|el|para el|antes del|entro|até|tegen|voor|senast|do"
    r"|by next|no later than|до|к)"
)
_WEEKDAY = {
    name: re.compile(rf"(?<!\w){_BY} (?:(?:next|this|coming|kommenden|nächsten) )?(?:{words})(?!\w)")
    for name, words in entries("weekdays").items()
}
_DATE = re.compile(
    rf"(?<!\w){_BY} (?:the |zum |le |il |den )?(?:\d{{1,2}}[./-]\d{{1,2}}(?:[./-]\d{{2,4}})?"
    r"|\d{1,2}(?:st|nd|rd|th|\.)? (?:of )?[^\W\d]{3,12}|[^\W\d]{3,12} \d{1,2}(?:st|nd|rd|th)?)\b"
)


def span(text: str) -> Span | None:
    """The first span of time in `text` (in plain form, see `replies.phrases.plain`), or None.

    Of a range the longer end counts: who says 24–48 hours has promised 48.
    """
    if found := _NEXT_BUSINESS_DAY.search(text):
        return Span(DAY, "business_days", found[0])
    if found := _SPAN.search(text):
        return _measured(found)
    for pattern, when in ((_TOMORROW, "tomorrow"), (_END_OF_DAY, "eod")):
        if found := pattern.search(text):
            return Span(None, "date", found[0], when)
    for name, pattern in _WEEKDAY.items():
        if found := pattern.search(text):
            return Span(None, "date", found[0], name)
    if found := _DATE.search(text):
        return Span(None, "date", found[0], found[0])
    return None


def _measured(found: re.Match[str]) -> Span:
    number = _value(found["high"] or found["low"])
    business = bool(found["before"] or found["after"])
    if found["bday"] or (business and found["day"]):
        return Span(number * DAY, "business_days", found[0])
    if found["bhour"] or (business and found["hour"]):
        return Span(number * HOUR, "business_hours", found[0])
    if found["minute"]:
        return Span(number * 60, "hours", found[0])
    if found["hour"]:
        return Span(number * HOUR, "hours", found[0])
    if found["week"]:
        return Span(number * 7 * DAY, "days", found[0])
    return Span(number * DAY, "days", found[0])


def _value(text: str) -> float:
    return _VALUES[text] if text in _VALUES else float(text.replace(",", "."))
