"""Is the reply about the question at all? Only ever *probably* not.

Question and reply are compared by TF-IDF (`replies.likeness`), and the customer's other questions are the measure: a reply
is called off topic only where it resembles one of those clearly more than its own. Sentences that repeat the question are
left out first, since "we received your question …" resembles it more than any answer. Likeness never says that a question
was answered.
"""

import re
from collections.abc import Sequence

from replies.canned import SHINGLE, body
from replies.finding import Finding, quoted
from replies.likeness import Text, Weights, asking, giving
from replies.phrases import plain, table
from replies.sentences import sentences

MAX_TEXT = 8_000
MAX_OTHERS = 20
MAX_BACKGROUND = 1_000
SHARED = 0.25
"""Likeness from which question and reply have a subject in common; from which it may be that of another question, too."""
SOME = 0.05
"""The same, where they have a word in common that is about something."""
MORE = 0.16
"""By so much the likeness to another question must exceed the one to its own."""
FEWEST_WORDS = 3
"""Different words that a reply must have before it can be called off topic."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_QUOTED = re.compile(r"\"[^\"]{10,500}\"|(?<!\w)'[^']{10,500}'(?!\w)")
_FUNCTION_WORD = table("function_words")
_STRAIGHT = {0x201C: '"', 0x201D: '"', 0x201E: '"', 0x2018: "'", 0x2019: "'"}
_SHORTEST_ECHO = 3  # words
_SHORTEST_ASKED = 7  # characters: nobody answers "Address?" with it
_LONGEST_ASKED = 1_000
MAX_ECHOED = 40
STEM = 5
"""Letters by which a word is known in the evidence: order, orders, ordered."""


def off_topic(text: str, question: str, others: Sequence[str], background: Sequence[str] = ()) -> Finding:
    """`problem` where `text` is probably about one of `others`, questions of other conversations, and not `question`.

    `ok` where it has a subject in common with its question; `unknown` in all other cases. The value is the likeness to
    its question, 0 to 1. `background`: more texts of the desk, to know which words are rare there.
    """
    question = "\n".join(body(question))
    answer = _without_echo("\n".join(body(text)), question)
    if not _WORD.search(question) or not re.search(r"\w{2}", answer):
        rule = "off_topic.echo" if re.search(r"\w{2}", text) else "off_topic.no_text"
        return Finding("off_topic", "unknown", rule, quoted(text), 0.0)
    said, asked = giving(answer), asking(question)
    rest = [asking(other) for other in others[:MAX_OTHERS]]
    weights = Weights([asked, said, *rest, *(giving(each[:MAX_BACKGROUND]) for each in background[:MAX_OTHERS])])
    own = round(weights.likeness(asked, said), 3)
    if own >= (SOME if _common(question, answer) else SHARED):
        return Finding("off_topic", "ok", "off_topic.shared_words", _shared(question, answer, asked, said), own)
    likeness = [weights.likeness(each, said) for each in rest]
    best = max(range(len(rest)), key=likeness.__getitem__, default=None)
    if best is not None and likeness[best] >= max(SHARED, own + MORE) and _about(answer, others[best], question):
        evidence = f"probably about: {quoted(others[best], 150)}"
        return Finding("off_topic", "problem", "off_topic.other_question", evidence, own)
    return Finding("off_topic", "unknown", "off_topic.nothing_shared", quoted(answer), own)


def _without_echo(text: str, question: str) -> str:
    """`text` without quotations, sentences of the question, and sentences that hold a run of its words."""
    straight = text[:MAX_TEXT].translate(_STRAIGHT)
    for asked in sentences(question[:MAX_TEXT].translate(_STRAIGHT))[:MAX_ECHOED]:
        if _SHORTEST_ASKED <= len(asked) <= _LONGEST_ASKED:
            straight = re.sub(r"\s+".join(map(re.escape, asked.split())), " ", straight, flags=re.IGNORECASE)
    words = _plain_words(question)
    length = min(SHINGLE, max(_SHORTEST_ECHO, len(words)))
    runs = _runs(words, length)
    kept = []
    for sentence in sentences(_QUOTED.sub(" ", straight)):
        if runs.isdisjoint(_runs(_plain_words(sentence), length)):
            kept.append(sentence)
    return " ".join(kept)


def _runs(words: Sequence[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", plain(text[:MAX_TEXT]))


def _stems(text: str) -> dict[str, str]:
    """Words that are about something, by their stems."""
    words = _WORD.findall(plain(text[:MAX_TEXT]))
    return {word[:STEM]: word for word in words if not _FUNCTION_WORD.fullmatch(word)}


def _about(answer: str, other: str, question: str) -> bool:
    """Whether there is enough to say so: words in common with the other question, and none with its own."""
    return len(_stems(answer)) >= FEWEST_WORDS and bool(_common(other, answer)) and not _common(question, answer)


def _common(question: str, answer: str) -> list[str]:
    """Words of the answer that stand in the question too, the longest first."""
    asked = _stems(question)
    return sorted((word for stem, word in _stems(answer).items() if stem in asked), key=lambda word: (-len(word), word))


def _shared(question: str, answer: str, asked: Text, said: Text) -> str:
    """The words in common, and the kinds of answer that were wanted and given."""
    words = " ".join(_common(question, answer)[:8])
    kinds = ", ".join(sorted(kind.replace("_", " ") for kind in asked.kinds & said.kinds))
    return quoted("; ".join(filter(None, (words, f"asked for and given: {kinds}" if kinds else ""))))
