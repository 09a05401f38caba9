"""What is going on is about a conversation, a visit, a desk, a mailbox: log lines that are written meanwhile tell it.

Whoever begins such work says so once; the layers below, which know nothing of conversations, need not be told.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

FIELDS: Final = ("conversation", "visit", "desk", "channel", "mailbox")
"""All that may be told, in the order in which it is."""

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Until it is left, this task and those that it begins are about these; empty ones are left out."""
    token = _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in fields.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def told() -> Mapping[str, str]:
    """What the work at hand is about."""
    now = _ABOUT.get()
    return {name: now[name] for name in FIELDS if name in now}
