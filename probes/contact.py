"""What a contact over any channel has in common."""

from collections.abc import Awaitable, Callable

PointOfNoReturn = Callable[[], Awaitable[None]]
"""Awaited by a probe once, immediately before the irreversible act (writing a mail after DATA, the click on Send).

Everything before it may be done again after a crash; what comes after it may not. The engine commits here that from
now on the outcome is uncertain. If it raises, the probe must not go on.
"""
