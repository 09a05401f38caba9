"""One checked statement about a message."""

from dataclasses import dataclass
from typing import Literal

Result = Literal["ok", "problem", "unknown"]

MAX_EVIDENCE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says: the rule that spoke and the quoted words that prove it.

    `unknown` is an honest answer and never stands for `ok`. `value` is JSON-able, and its meaning is the check's.
    """

    check: str
    result: Result
    rule: str
    evidence: str
    value: object = None


def quoted(text: str, limit: int = MAX_EVIDENCE) -> str:
    """`text` on one line and at most `limit` characters long, as evidence is kept."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
