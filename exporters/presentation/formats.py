"""Times, shares and texts as people read them."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

NOTHING: Final = "–"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `2 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(at: float | str | None, zone: str = "UTC") -> Markup:
    """Seconds since the epoch, or RFC 3339, as a `<time>` on the wall clock of a time zone."""
    if at is None:
        return Markup(NOTHING)  # noqa: S704 - our own dash
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    local = when.astimezone(ZoneInfo(zone))
    precise = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    day = f"{local:%a} {local.day} {local:%b %Y}"
    markup = Markup('<time datetime="{}" title="{}">{} <span class="clock">{:%H:%M}</span> {}</time>')
    return markup.format(precise, f"{local:%H:%M:%S} {local:%Z}", day, local, local.strftime("%Z"))


def percent(count: int, of: int) -> str:
    """A share in whole percent; never 100 when something is missing, never 0 when something is there."""
    if not of:
        return NOTHING
    share = round(100 * count / of)
    if count < of:
        share = min(share, 99)
    return f"{max(share, 1) if count else 0} %"


def words(name: str) -> str:
    """A name of ours as words: `first_reply` to `first reply`."""
    return name.replace("_", " ")


def printable(text: str) -> str:
    """Without control characters; line breaks and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
