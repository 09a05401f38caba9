"""Did the desk answer within the time that it named itself: on its contact page, after the form, in its acknowledgement?

Judged once, when the conversation ends, against the first reply of a person. A promise runs from the moment in which the
customer was told: the pages, when the form was sent; the acknowledgement, when it was delivered. Where it leaves room
("tomorrow", "by Friday"), the desk gets all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from zoneinfo import ZoneInfo

from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.records import Conversation, StoredFinding, StoredMessage
from conversations.times import moment
from replies.finding import Result
from replies.guard import guarded
from replies.kind import Kind
from replies.promise import Promise, promise

HOUR, DAY = 3_600, 86_400
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

UNKNOWN_HOURS = BusinessHours(timezone="UTC", open=("mon-fri 00:00-24:00",))
"""Business days of a desk whose hours the config does not tell."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the desk has said, where, and when the customer was told (seconds since the epoch)."""

    source: str
    text: str
    at: float


def stated_promises(conversation: Conversation, hours: BusinessHours | None, now: float) -> Iterator[StoredFinding]:
    """One finding `promise` for each source that named a time or a vague one; a single `promise.none` where none did.

    `hours`: the desk's, None where the config has none; `now`: when the conversation ends. Value: `source` (page,
    confirmation, acknowledgement), `seconds` and `unit` as in `replies.promise`, `kept` (None: vague or not decided) and
    `margin_seconds`, what was left of the time: below zero it was late, at least by so much if nobody has answered. It is in
    business time for promises in business time.
    """
    sources = list(_sources(conversation))
    reply = _first_reply(conversation)
    told: list[Promise] = []
    for stated in sources:
        found = guarded("a promise", partial(promise, stated.text), lambda _: None)
        if found is not None and found not in told:  # a page that shows its thanks beside the form says it twice
            told.append(found)
            yield _judged(stated, found, reply, hours, now)
    if sources and not told:
        value = {"source": None, "seconds": None, "unit": None, "kept": None, "margin_seconds": None}
        yield StoredFinding("promise", "unknown", "promise.none", "", value)


def _sources(conversation: Conversation) -> Iterator[_Stated]:
    first = next((message for message in conversation.messages if not message.inbound), None)
    if first is None:
        return
    for source in ("page", "confirmation"):
        if text := first.envelope.get(source):
            yield _Stated(source, str(text).replace("\n", "\n\n"), first.at)  # each line of a page stands for itself
    acknowledged = [message for message in conversation.messages if message.kind is Kind.ACKNOWLEDGEMENT]
    if acknowledged:
        earliest = min(acknowledged, key=lambda message: message.at)
        yield _Stated("acknowledgement", earliest.text, earliest.at)


def _first_reply(conversation: Conversation) -> StoredMessage | None:
    humans = [message for message in conversation.messages if message.inbound and message.kind is Kind.HUMAN]
    return min(humans, key=lambda message: message.at, default=None)


def _judged(
    stated: _Stated, found: Promise, reply: StoredMessage | None, hours: BusinessHours | None, now: float
) -> StoredFinding:
    deadline = deadline_of(found, moment(stated.at), hours)
    kept: bool | None = None
    margin: float | None = None
    if deadline is not None:
        end = moment(reply.at if reply else now)
        kept = end <= deadline if reply or end > deadline else None
        if kept is not None:
            business = found.unit in {"business_hours", "business_days"}
            left = (hours or UNKNOWN_HOURS).between(end, deadline) if business else (deadline - end).total_seconds()
            margin = round(left, 3)
    result: Result = "unknown" if kept is None else "ok" if kept else "problem"
    how = {"unknown": "vague" if found.unit == "vague" else "undecided", "ok": "kept", "problem": "missed"}[result]
    value = {
        "source": stated.source,
        "seconds": found.seconds,
        "unit": found.unit,
        "kept": kept,
        "margin_seconds": margin,
    }
    return StoredFinding("promise", result, f"promise.{how}", found.evidence, value)


def deadline_of(found: Promise, told: datetime, hours: BusinessHours | None) -> datetime | None:
    """The last moment in which an answer keeps the promise; None where that cannot be known.

    Business hours of a desk whose hours are not known, and dates other than the names of `replies.spans.Span`, cannot.
    """
    match found.unit:
        case "vague":
            return None
        case "date":
            return _end_of(found.when, told, ZoneInfo((hours or UNKNOWN_HOURS).timezone))
        case "business_days":
            days = Duration(business_days=ceil((found.seconds or 0) / DAY))
            return (hours or UNKNOWN_HOURS).after(told, days)
        case "business_hours":
            return hours.after(told, Duration(business_hours=(found.seconds or 0) / HOUR)) if hours else None
        case _:
            return told + timedelta(seconds=found.seconds or 0)


def _end_of(when: str, told: datetime, zone: ZoneInfo) -> datetime | None:
    """The end of the day, on the desk's clock, that `when` names."""
    today = told.astimezone(zone)
    ahead = {"eod": 0, "tomorrow": 1, "eow": 6 - today.weekday(), "next_week": 13 - today.weekday()}
    if when in WEEKDAYS:  # on a Friday, "Friday" may be the next one
        days = (WEEKDAYS.index(when) - today.weekday()) % 7 or 7
    elif when in ahead:
        days = ahead[when]
    else:
        return None
    day = today.date() + timedelta(days=days + 1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(told.tzinfo)
