"""Is it a canned answer? Nearly the same words sent to a different question.

Numbers and names are masked, the greeting and what stands below the closing are left out, and runs of five words are
compared (shingles, Broder 1997). Half of them in common is no chance.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from replies.finding import Finding, quoted
from replies.phrases import CLOSING, GREETING, alternatives, entries, plain

MAX_TEXT = 8_000
MAX_OTHERS = 24
MAX_FORMULA = 60
LINES_OF_CLOSING = 6
SHINGLE = 5
FEWEST_WORDS = 12
ALIKE = 0.5
BLANK = "_"
"""Stands for a number or a name."""
SAME_QUESTION = 0.5
"""Share of their words, without numbers, that two wordings of one question have in common."""

_WORD = re.compile(r"\w(?:[\w'’@.-]*\w)?")
_DAY = re.compile("|".join((*entries("weekdays").values(), alternatives("months"))))
_BEST = re.compile(r"(?:all the |my )?best,?")
_QUESTION_WORD = re.compile(r"[^\W\d_]{3,}")
_MANY_CAPITALS = 0.15
"""Share of capitals from which they are no sign of a name: German nouns, headlines."""


def canned(text: str, others: Sequence[str]) -> Finding:
    """`problem` where one of `others`, replies to different questions, has the same words; the value is the likeness.

    `unknown` without others, and for a text too short to be told from a formula.
    """
    words = _masked(text)
    if len(words) < FEWEST_WORDS or not others:
        return Finding("canned", "unknown", "canned.too_short" if others else "canned.nothing_to_compare", quoted(text))
    mine = _shingles(words)
    likeness, same = max((_likeness(mine, other), other) for other in others[:MAX_OTHERS])
    if likeness >= ALIKE:
        return Finding("canned", "problem", "canned.shingles", quoted(same), round(likeness, 2))
    return Finding("canned", "ok", "canned.shingles", quoted(text), round(likeness, 2))


def same_question(one: str, other: str) -> bool:
    """Whether two questions are one in the words of two customers, so that the same answer is fair."""
    first, second = (set(_QUESTION_WORD.findall(plain(text[:MAX_TEXT]))) for text in (one, other))
    return bool(first | second) and len(first & second) / len(first | second) >= SAME_QUESTION


def _likeness(mine: frozenset[tuple[str, ...]], other: str) -> float:
    """Jaccard's coefficient, 0 to 1."""
    theirs = _shingles_of(other)
    return len(mine & theirs) / len(mine | theirs) if theirs else 0.0


@lru_cache(64)
def _shingles_of(text: str) -> frozenset[tuple[str, ...]]:
    """A desk's other replies are the same for every mail of an hour."""
    return _shingles(_masked(text))


def _shingles(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1))


def _masked(text: str) -> list[str]:
    found = [(word, begins) for line in body(text) for word, begins in _line_words(line)]
    capitals = sum(word[0].isupper() and not begins for word, begins in found)
    names = capitals <= _MANY_CAPITALS * len(found)
    masked = [_mask(word, names and not begins) for word, begins in found]
    # "3 March" and "Monday", "Ann" and "Mr Jones" are one blank each.
    return [word for at, word in enumerate(masked) if word != BLANK or at == 0 or masked[at - 1] != BLANK]


def _line_words(line: str) -> Iterator[tuple[str, bool]]:
    """Each word, and whether a sentence begins with it."""
    end = 0
    for found in _WORD.finditer(line):
        between = line[end : found.start()]
        yield found[0], end == 0 or any(mark in between for mark in ".!?:")
        end = found.end()


def _mask(word: str, may_be_name: bool) -> str:
    if any(map(str.isdigit, word)) or "@" in word or _DAY.fullmatch(word.lower()):
        return BLANK
    if may_be_name and word[0].isupper() and len(word) > 1:
        return BLANK
    return word.lower()


def body(text: str) -> list[str]:
    """The lines of `text` without the greeting, and without the closing and what stands below it."""
    lines = [line.strip() for line in text[:MAX_TEXT].split("\n") if line.strip()]
    if lines and len(lines[0]) <= MAX_FORMULA and GREETING.match(plain(lines[0]).rstrip(" ,.:!")):
        lines = lines[1:]
    closing = next((at for at in range(max(1, len(lines) - LINES_OF_CLOSING), len(lines)) if _closes(lines, at)), None)
    return lines[:closing]


def _closes(lines: Sequence[str], at: int) -> bool:
    """Whether the letter ends with this line: a closing formula, and nothing but a name and such below it."""
    said = plain(lines[at])
    below = (len(line) <= MAX_FORMULA and not line.endswith((".", "!", "?", ":", ",")) for line in lines[at + 1 :])
    return len(said) <= MAX_FORMULA and bool(CLOSING.search(said) or _BEST.fullmatch(said)) and all(below)
