"""Keeps what breaks inside of reading from harming the mail that is read."""

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from replies.kind import Classified, Kind

T = TypeVar("T")

log = logging.getLogger(__name__)


def guarded(what: str, do: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """What `do` gives, or `otherwise` with the kind of its error. The log tells the place, and no word of the mail."""
    try:
        return do()
    except Exception as error:  # whatever is wrong in our code, the message is not lost for it
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = type(error).__name__  # its text may quote the mail
        log.error("%s failed: %s at %s:%s", what, kind, where.filename, where.lineno)  # noqa: TRY400 - see above
        return otherwise(kind)


def no_kind(error: str) -> Classified:
    """What stands for a kind that could not be told."""
    return Classified(Kind.OTHER, "kind.error", f"the kind could not be told ({error})")
