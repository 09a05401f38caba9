"""When a visit is due: slots on the wall clock, the same for every process and every start of it.

`every` counts from the epoch, shifted by a fraction of the interval that follows from the visit's name, so that many visits
do not all begin in the same second. `at` and `cron` are local times in the visit's time zone, right at both ends of daylight
saving time. Jitter is chosen by visit and slot, so a restart does not draw again.
"""

import hashlib
import math

from conversations.visit import Visit
from conversations.wallclock import following, latest


def latest_slot(name: str, visit: Visit, timezone: str, now: float) -> float | None:
    """The newest slot that is not after `now`, in epoch seconds; None when there has never been one."""
    if visit.every is not None:
        return _numbered(name, visit, _number(name, visit, now))
    return max((latest(expression, timezone, now) for expression in _expressions(visit)), default=None)


def next_slot(name: str, visit: Visit, timezone: str, now: float) -> float:
    """The first slot after `now`."""
    if visit.every is not None:
        return _numbered(name, visit, _number(name, visit, now) + 1)
    return min(following(expression, timezone, now) for expression in _expressions(visit))


def start_of(name: str, visit: Visit, slot: float) -> float:
    """When the conversation of this slot begins: the slot, and its jitter."""
    return slot + _fraction(name, repr(slot)) * (visit.jitter.seconds or 0.0)


def _number(name: str, visit: Visit, now: float) -> int:
    """Which slot of `every` is the newest at `now`."""
    number = math.floor(now / visit.interval - _fraction(name, "shift"))
    while _numbered(name, visit, number) > now:  # what division rounds must not lose or double a slot
        number -= 1
    while _numbered(name, visit, number + 1) <= now:
        number += 1
    return number


def _numbered(name: str, visit: Visit, number: int) -> float:
    """The same to the last bit whoever reckons it: it is a key of the journal and the seed of the jitter."""
    return number * visit.interval + _fraction(name, "shift") * visit.interval


def _fraction(*seed: str) -> float:
    """From 0 to 1, always the same for the same words."""
    digest = hashlib.sha256("/".join(seed).encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)


def _expressions(visit: Visit) -> list[str]:
    return [visit.cron] if visit.cron is not None else [at.cron for at in visit.at or ()]
