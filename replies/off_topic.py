"""Is the reply about the question at all? Only ever *probably* not.

Rare words that question and reply share are weighed by TF-IDF (Salton), and the customer's other questions are the
measure: a reply is called off topic only where it shares nothing with its question and clearly something with another.
Sentences that repeat the question are left out first, since "we received your question …" resembles it more than
any answer. Likeness never says that a question was answered.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from replies.canned import SHINGLE
from replies.finding import Finding, quoted
from replies.phrases import plain, table
from replies.sentences import sentences

MAX_TEXT = 8_000
MAX_OTHERS = 50
STEM = 5
"""Letters by which a word is known: order, orders, ordered."""
SHARED = 0.05
"""Likeness from which question and reply have a subject in common."""
CLEARLY = 0.2
"""Likeness to another question from which the reply is about that one."""
FEWEST_STEMS = 3
"""Different words that a reply must have before it can be called off topic."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_QUOTED = re.compile(r"\"[^\"]{10,500}\"|(?<!\w)'[^']{10,500}'(?!\w)")
_FUNCTION_WORD = table("function_words")
_STRAIGHT = {0x201C: '"', 0x201D: '"', 0x201E: '"', 0x2018: "'", 0x2019: "'"}
_SHORTEST_ECHO = 3  # words


def off_topic(text: str, question: str, others: Sequence[str]) -> Finding:
    """`problem` where `text` is probably about one of `others`, questions of other conversations, and not `question`.

    `ok` where it shares words of weight with its question; `unknown` in all other cases.
    """
    answer = _without_echo(text, question)
    asked = _stems(question)
    said = _stems(answer)
    if not asked or not said:
        return Finding("off_topic", "unknown", "off_topic.echo" if text.strip() else "off_topic.no_text", quoted(text))
    rest = [_stems(other) for other in others[:MAX_OTHERS]]
    weights = _weights([asked, said, *rest])
    own = _likeness(said, asked, weights)
    if own >= SHARED:
        return Finding("off_topic", "ok", "off_topic.shared_words", _common(said, asked, weights), round(own, 2))
    best = max(range(len(rest)), key=lambda index: _likeness(said, rest[index], weights), default=None)
    enough = not own and len(said) >= FEWEST_STEMS
    if enough and best is not None and (other := _likeness(said, rest[best], weights)) >= CLEARLY:
        evidence = f"probably about: {quoted(others[best], 150)}"
        return Finding("off_topic", "problem", "off_topic.other_question", evidence, round(other, 2))
    return Finding("off_topic", "unknown", "off_topic.nothing_shared", quoted(answer), round(own, 2))


def _without_echo(text: str, question: str) -> str:
    """`text` without quotations and sentences that hold a run of words of the question."""
    words = _plain_words(question)
    length = min(SHINGLE, max(_SHORTEST_ECHO, len(words)))
    runs = _runs(words, length)
    kept = []
    for sentence in sentences(_QUOTED.sub(" ", text[:MAX_TEXT].translate(_STRAIGHT))):
        if runs.isdisjoint(_runs(_plain_words(sentence), length)):
            kept.append(sentence)
    return " ".join(kept)


def _runs(words: Sequence[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", plain(text[:MAX_TEXT]))


def _stems(text: str) -> Counter[str]:
    return Counter(word[:STEM] for word in _WORD.findall(plain(text[:MAX_TEXT])) if not _FUNCTION_WORD.fullmatch(word))


def _weights(texts: Sequence[Counter[str]]) -> dict[str, float]:
    """Inverse document frequency: a word in every text weighs least."""
    known = Counter(stem for text in texts for stem in text)
    return {stem: math.log((1 + len(texts)) / (1 + count)) + 1 for stem, count in known.items()}


def _likeness(one: Counter[str], other: Counter[str], weights: dict[str, float]) -> float:
    shared = sum(one[stem] * other[stem] * weights[stem] ** 2 for stem in one.keys() & other.keys())
    lengths = _length(one, weights) * _length(other, weights)
    return shared / lengths if lengths else 0.0


def _length(text: Counter[str], weights: dict[str, float]) -> float:
    return math.sqrt(sum((count * weights[stem]) ** 2 for stem, count in text.items()))


def _common(one: Counter[str], other: Counter[str], weights: dict[str, float]) -> str:
    shared = sorted(one.keys() & other.keys(), key=lambda stem: (-weights[stem], stem))
    return quoted(" ".join(shared[:8]))
