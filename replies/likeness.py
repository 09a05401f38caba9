"""How much two texts are about the same thing: TF-IDF over runs of letters (Salton; Cavnar and Trenkle).

Runs of three and four letters know a word in all its forms and in every language; rare ones weigh more, where "rare" is
measured on all texts at hand; a run that comes again weighs little more. Beside them stands the kind of answer that a
question wants (money, a time, a place, yes or no) and a reply gives, since an answer seldom repeats the words of its question.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from replies.phrases import entries, plain

MAX_TEXT = 4_000
MAX_QUESTION = 1_000
RUNS = (3, 4)
"""Lengths of the runs of letters."""
KIND = 0.5
"""Weight of a kind of answer, beside 1 for all words together."""

_WORD = re.compile(r"[^\W\d_]+")
_ASKS = {name: re.compile(words) for name, words in entries("asks_for").items()}
_GIVES = {name: re.compile(words) for name, words in entries("gives").items()}


@dataclass(frozen=True, slots=True)
class Text:
    """What is compared of a text: runs of letters by number, and kinds of answers."""

    runs: Mapping[str, int]
    kinds: frozenset[str]


def asking(text: str) -> Text:
    """A question, with the kinds of answers that it wants."""
    return _text(text[:MAX_QUESTION], _ASKS)


def giving(text: str) -> Text:
    """A reply, with the kinds of answers that it gives."""
    return _text(text, _GIVES)


class Weights:
    """How much each run of letters tells, by the texts that it stands in."""

    def __init__(self, background: Iterable[Text]) -> None:
        texts = list(background)
        known = Counter(run for text in texts for run in text.runs)
        self._inverse = {run: math.log((1 + len(texts)) / (1 + count)) + 1 for run, count in known.items()}
        self._unseen = math.log(1 + len(texts)) + 1

    def likeness(self, question: Text, reply: Text) -> float:
        """The cosine, 0 to 1."""
        one, other = self._vector(question), self._vector(reply)
        return sum(weight * other[term] for term, weight in one.items() if term in other)

    def _vector(self, text: Text) -> dict[str, float]:
        """Of length 1, or 0 where there is nothing."""
        found = {run: (1 + math.log(count)) * self._inverse.get(run, self._unseen) for run, count in text.runs.items()}
        whole = _scaled(found, 1.0)
        whole.update({f"#{kind}": KIND for kind in text.kinds})
        return _scaled(whole, 1.0)


def _scaled(vector: Mapping[str, float], length: float) -> dict[str, float]:
    now = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight * length / now for term, weight in vector.items()} if now else {}


def _text(text: str, kinds: Mapping[str, re.Pattern[str]]) -> Text:
    said = plain(text[:MAX_TEXT])
    padded = (f" {word} " for word in _WORD.findall(said))
    runs = Counter(word[at : at + size] for word in padded for size in RUNS for at in range(len(word) - size + 1))
    return Text(runs, frozenset(name for name, pattern in kinds.items() if pattern.search(said)))
