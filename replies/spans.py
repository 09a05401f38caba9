"""Spans of time as people write them: "within 1–2 business days", "binnen één werkdag", "sous 48 heures ouvrées"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from replies.phrases import alternatives, entries, table

Unit = Literal["hours", "business_hours", "business_days", "days", "date", "vague"]

MINUTE = 60
HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time. Business hours and days are nominal seconds (3,600 and 86,400 each), counted in `unit`.

    A `date` has no length of its own: `when` names it (tomorrow, eod for the end of the day, eow and next_week, a weekday in
    English, or the date as it is written). `start` is where it begins in the text.
    """

    seconds: float | None
    unit: Unit
    text: str
    when: str = ""
    start: int = 0


_VALUES = {word: float(value) for value, words in entries("numbers").items() for word in words.split("|")}
_WORD = "|".join(sorted(map(re.escape, _VALUES), key=len, reverse=True))
_NUMBER = rf"(?:\d{{1,3}}(?:[.,]\d)?|(?<![\w'])(?:{_WORD})(?!\w))"
_TO = (
    r"(?: ?(?:-|/|to|bis zu|bis|à|a|ou|or|oder|o|tot|till|til|do|až|alebo|nebo|lub|eller|tai|или|або|vagy|sau|veya"
    r"|al|до|and|und|et|e|y|en|och|og|～|~|至|から|with|od) ?)"
)
# What may stand between the number and the unit: "48 (business) hours", "the next 2 full days", "2 of our working days"
_BETWEEN = r"(?: ?个| ?個| de| d'| short| more| whole| full| volle[nr]?| complete| calend\w+| natural\w*| consecutive)?"

_BUSINESS = alternatives("span_business")
_MINUTE, _HOUR, _DAY, _WEEK = (alternatives(f"span_{unit}") for unit in ("minute", "hour", "day", "week"))
_BUSINESS_HOUR, _BUSINESS_DAY, _BUSINESS_WEEK = (
    alternatives(f"span_business_{unit}") for unit in ("hour", "day", "week")
)
_BEHIND = re.compile(
    rf"(?:{alternatives('span_behind')})(?: \w+)? ?$"
)  # "in the last 24 hours", "les trois derniers jours"
BUSINESS_WEEK = 5  # days

_SPAN = re.compile(
    rf"(?P<low>{_NUMBER})\+?(?:{_TO}(?P<high>{_NUMBER}))?(?: ?\(\d{{1,3}}\))?{_BETWEEN}[ -]?"
    rf"(?:(?P<bday>(?<!\w)(?:{_BUSINESS_DAY})|(?<=[\d个個])(?:{_BUSINESS_DAY}))"
    rf"|(?P<bweek>{_BUSINESS_WEEK})|(?P<bhour>{_BUSINESS_HOUR})|\(?(?P<before>(?:{_BUSINESS})\)?[ -])?"
    rf"(?:(?P<minute>{_MINUTE})|(?P<hour>{_HOUR})|(?P<week>{_WEEK})|(?P<day>{_DAY}))(?![a-zà-ÿ])"
    rf"(?P<after> (?:calendari?o?s? )?\(?(?:{_BUSINESS})\b)?)"
)
_NOMINAL = re.compile(r"영업일 기준 ?(?P<number>\d{1,2}) ?일")  # "2 days, counted in business days"
_WITHIN_THE = {
    unit: re.compile(alternatives(f"span_the_{unit}")) for unit in ("hour", "day", "week")
}  # "within the hour", "dans l'heure"
_SECONDS = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": WEEK}
_NEXT_BUSINESS_DAY = table("next_business_day")
_DATES = (
    (table("tomorrow"), "tomorrow"),
    (table("end_of_day"), "eod"),
    (table("end_of_week"), "eow"),
    (table("next_week"), "next_week"),
)
_ALWAYS = re.compile(
    r"\b24 ?(?:/|x|h ?/) ?7\b|\b7 (?:days|tage|jours|días|giorni|dias|dagen) (?:a|die|pro|per|par|a la|alla|à|por|in) ?"
    r"(?:the |la |de )?(?:week|woche|semaine|semana|settimana)\b|\b24 ?(?:hours?|hrs|h|stunden|heures|horas|ore|uur|timmar|timer)"
    r" (?:a|per|am|pro|täglich|al|por|par|rund|om|per|i) ?(?:the )?(?:day|tag|jour|día|giorno|dia|dag|dygnet|døgnet)\b"
)
_DAY_NAMES = "|".join(words for words in entries("weekdays").values())
_DAY_RANGE = re.compile(
    rf"(?<!\w)(?:{_DAY_NAMES}|mon|tue|wed|thu|fri|mo|do|fr|lun|ven|vie|seg|sex|ma|vr|mån|fre|man|pon|pá|pt|pn|пн|пт)s?\.?"
    rf" ?(?:-|to|through|thru|till|until|bis|à|au|a|al|tot|till|til|do|až|по|t/m|to the) ?(?:le )?"
    rf"(?:{_DAY_NAMES}|mon|tue|wed|thu|fri|sat|sun|fr|sa|so|ven|vie|sex|vr|za|zo|fre|pá|pt|пт|sáb|sab|dom)s?\.?(?!\w)"
)
_BEFORE_DAY = (
    r"(?:by|until|till|before|on|no later than|by next|bis|bis zum|am|zum|spätestens|spätestens am|avant|d'ici|dès|le|pour"
    r"|au plus tard|au plus tard le|jusqu'à|el|para el|antes del|hasta el|este|entro|per|non oltre|prima di|até|na|no"
    r"|antes de|tegen|voor|vóór|uiterlijk|op|senast|på|före|innan|do|na|w|we|ve|v|k|к|до|в|во|не позднее|не позже|inden"
    r"|senest|innen|viimeistään|legkésőbb|până|cel târziu|en geç|μέχρι|έως|την|najkasnije|čez|this|next|come|coming)"
)
_WEEKDAY = {
    name: re.compile(
        rf"(?<!\w){_BEFORE_DAY} (?:(?:the|le|el|o|a|next|this|coming|kommenden|nächsten|próximo|prossimo|prochain"
        rf"|volgende) )?(?:{words})(?!\w|s\b)"
        rf"|^(?:{words})(?=,| \w+ (?:we|i) )|(?<= )(?:{words})$|(?:{words})(?:まで|之前|前|까지)"
    )
    for name, words in entries("weekdays").items()
}
_MONTHS = alternatives("months")
_DATE = re.compile(
    rf"(?<!\w){_BEFORE_DAY} (?:the |zum |le |il |den |el |o |dem )?(?:\d{{1,2}}[./-]\d{{1,2}}(?:[./-](?:\d{{2,4}})?)?"
    rf"|\d{{4}}-\d\d-\d\d|\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?(?: of| de)? (?:{_MONTHS})"
    rf"|(?:{_MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?)(?!\w)"
)


def spans(text: str) -> Iterator[Span]:
    """The spans of time in `text` (in plain form, see `replies.phrases.plain`), in order of certainty.

    Of a range the longer end counts: who says 24–48 hours has promised 48. Opening hours are none.
    """
    text = _DAY_RANGE.sub(_blank, _ALWAYS.sub(_blank, text))
    for found in _NOMINAL.finditer(text):
        yield Span(float(found["number"]) * DAY, "business_days", found[0], start=found.start())
    for found in _NEXT_BUSINESS_DAY.finditer(text):
        yield Span(DAY, "business_days", found[0], start=found.start())
    for found in _SPAN.finditer(text):
        if not _BEHIND.search(text[max(0, found.start() - 30) : found.start()]):
            yield _measured(found)
    for unit, pattern in _WITHIN_THE.items():
        for found in pattern.finditer(text):
            yield Span(_SECONDS[unit], "days" if unit != "hour" else "hours", found[0], start=found.start())
    for pattern, when in _DATES:
        for found in pattern.finditer(text):
            yield Span(None, "date", found[0], when, found.start())
    for name, pattern in _WEEKDAY.items():
        for found in pattern.finditer(text):
            yield Span(None, "date", found[0], name, found.start())
    for found in _DATE.finditer(text):
        yield Span(None, "date", found[0], found[0], found.start())


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _measured(found: re.Match[str]) -> Span:
    number = _value(found["high"] or found["low"])
    business = bool(found["before"] or found["after"])
    if found["bweek"] or (business and found["week"]):
        return Span(number * BUSINESS_WEEK * DAY, "business_days", found[0], start=found.start())
    if found["bday"] or (business and found["day"]):
        return Span(number * DAY, "business_days", found[0], start=found.start())
    if found["bhour"] or (business and found["hour"]):
        return Span(number * HOUR, "business_hours", found[0], start=found.start())
    unit = next(unit for unit in _SECONDS if found[unit])
    return Span(
        number * _SECONDS[unit], "hours" if unit in {"minute", "hour"} else "days", found[0], start=found.start()
    )


def _value(text: str) -> float:
    return _VALUES[text] if text in _VALUES else float(text.replace(",", "."))
