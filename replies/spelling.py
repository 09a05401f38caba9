"""Words that are spelt wrong, beyond doubt.

A word counts only if it is all in lower case, has four letters or more (four: if one is missing of five), stands once in
the mail, is in no list, and lies one slip of the finger (a letter too much, missing, wrong, or two changed about) from a
word that people use often; another ending makes another form of a word and no slip. Lists hold the commonest misspellings
too ("recieve"): a rare word beside one that is a hundred times as frequent (a thousand times, outside of English) is taken
for a slip as well. Whatever the customer or the scenario wrote is right by definition, and so are English words
everywhere. Silence is better than a false alarm: texts that are no prose, and languages without a list, are `unknown`.

The lists are those of the package wordfreq, on disk: a second and about a hundred megabytes for each language, when it is first
needed.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from replies.finding import Finding, quoted
from replies.language import language_of
from replies.phrases import words

log = logging.getLogger(__name__)

MAX_TEXT = 8_000
SHORTEST = 4
LEAST_WORDS = 20
MOST_STRANGE = 40
"""Words in no list that are looked at; and a text in which more than one word in STRANGE_SHARE is in no list is no prose."""
STRANGE_SHARE = 6
MOST_SHOWN = 10

LANGUAGES = frozenset({"cs", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "uk"})

_MILLION = 1e6
_OFTEN = {4: 15.0, 5: 5.6, 6: 2.1, 7: 0.7, 8: 0.21}
"""How often in a million words the right word stands at least, by the letters of the wrong one: short words have neighbours."""
_OFTEN_ENOUGH = 0.07
_MISSPELT = {"en": (100, 0.8)}  # so many times rarer than its neighbour, and rarer in a million
_MISSPELT_ELSEWHERE = (1_000, 0.15)  # lists of other languages are shorter, and hold more forms of a word
_COMPOUND_OFTEN = 10.0  # what looks like a compound is a slip only beside a word as common as this
_USED_IN_ENGLISH = 1.0
_COMPOUNDS = frozenset({"de", "nl"})
_IN_USE = 0.5  # in a million words

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TECHNICAL_BEFORE = frozenset("@/.\\_-#\"`<'’=:$%&~“„«»[{|)")  # a part of an address, a path, a name, a quotation
_TECHNICAL_AFTER = frozenset("@/_\\(-='’`>]}|”“»\"")
_KNOWN = frozenset(words("spelling_known"))


def spelling(text: str, allowed: Iterable[str] = ()) -> Finding:
    """`problem` with the wrong words and what was meant (value: word → suggestion), `ok`, or `unknown`.

    `text`: the new part of a reply; `allowed`: texts whose words are right (the customer's, the scenario's, names).
    """
    text = text[:MAX_TEXT]
    language = language_of(text)
    if language is None:
        return Finding("spelling", "unknown", "spelling.language_uncertain", "")
    frequencies = _frequencies(language)
    if frequencies is None:
        return Finding("spelling", "unknown", "spelling.language_not_known", "", language)
    found = list(_WORD.finditer(text))
    if len(found) < LEAST_WORDS:
        return Finding("spelling", "unknown", "spelling.too_short", "")
    right = {word.lower() for each in allowed for word in re.findall(r"[^\W\d_]+", each[:MAX_TEXT])} | _KNOWN
    suspects = [word for word in _candidates(text, found) if word not in right]
    strange = [word for word in suspects if word.casefold() not in frequencies]
    if len(strange) > max(5, len(found) // STRANGE_SHARE):
        return Finding("spelling", "unknown", "spelling.no_prose", "")
    wrong = dict(_wrong(suspects, language, frequencies))
    if not wrong:
        return Finding("spelling", "ok", "spelling.none", "")
    shown = dict(list(wrong.items())[:MOST_SHOWN])
    return Finding("spelling", "problem", "spelling.words", quoted(", ".join(wrong)), shown)


def _candidates(text: str, found: list[re.Match[str]]) -> Iterator[str]:
    """Plain words in lower case that stand once; no parts of addresses, paths, names, quotations, words cut at a line's end."""
    count = Counter(match[0].lower() for match in found)
    for match in found:
        word = match[0]
        if len(word) < SHORTEST or not word.isalpha() or not word.islower() or count[word] > 1:
            continue
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 2]
        if before in _TECHNICAL_BEFORE or after[:1] in _TECHNICAL_AFTER:
            continue
        if (after[:1] in {".", ":"} and after[1:].isalnum()) or text[: match.start()].rstrip().endswith("-"):
            continue
        yield word


def _wrong(suspects: Iterable[str], language: str, frequencies: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """The wrong words among `suspects`, each with what was probably meant."""
    english = frequencies if language == "en" else _frequencies("en") or {}
    letters = _letters(language)
    rarer, below = _MISSPELT.get(language, _MISSPELT_ELSEWHERE)
    looked_at = 0
    for word in suspects:
        key = word.casefold().replace("ё", "е")  # as the lists have it: ß is ss
        own = frequencies.get(key, 0.0) * _MILLION
        if own > below:
            continue
        if language != "en" and english.get(word, 0.0) * _MILLION > _USED_IN_ENGLISH:
            continue
        looked_at += 1
        if looked_at > MOST_STRANGE:
            return
        often, meant = max(
            (
                (frequencies.get(each, 0.0) * _MILLION, each)
                for each in _slips(key, letters)
                if _is_meant(each, key, own)
            ),
            default=(0.0, ""),
        )
        if often < own * rarer:
            continue
        if often < _COMPOUND_OFTEN and language in _COMPOUNDS and _is_compound(key, frequencies):
            continue
        if often >= _OFTEN.get(len(word), _OFTEN_ENOUGH):
            yield word, meant


def _is_meant(each: str, key: str, own: float) -> bool:
    """Whether `each` may have been meant: not if it is another form of the word, nor as short as the shortest."""
    if len(key) == SHORTEST:
        return len(each) > SHORTEST and each[:-1] != key
    if own:
        return not each.startswith(key[:-1]) and not key.startswith(each[:-1])
    return each[:-1] not in (key, key[:-1]) and key[:-1] != each


def _is_compound(word: str, frequencies: Mapping[str, float]) -> bool:
    """Whether it is made of two words that are in use, with or without an s between them."""
    parts = ((word[:place], word[place:]) for place in range(4, len(word) - 3))
    return any(
        frequencies.get(last, 0.0) * _MILLION >= _IN_USE
        and max(frequencies.get(first, 0.0), frequencies.get(first.removesuffix("s"), 0.0)) * _MILLION >= _IN_USE
        for first, last in parts
    )


def _slips(word: str, letters: str) -> Iterator[str]:
    """All that one slip of the finger could have made into `word`."""
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        yield from (before + letter + after for letter in letters)


@lru_cache(32)
def _letters(language: str) -> str:
    """The letters of a language: those of its five thousand commonest words that make up more than a trifle."""
    frequencies = _frequencies(language) or {}
    count = Counter(letter for word in list(frequencies)[:5_000] for letter in set(word) if letter.isalpha())
    return "".join(sorted(letter for letter, times in count.items() if times >= 10))  # fewer: foreign words


def _frequencies(language: str) -> Mapping[str, float] | None:
    """How often words are used, commonest first; None for a language without a list. Kept by the package."""
    if language not in LANGUAGES:
        return None
    try:
        from wordfreq import available_languages, get_frequency_dict  # noqa: PLC0415 - half a second, only if needed
    except ImportError as error:
        log.warning("spelling is not looked at: %s", error)
        return None
    size = "large" if language in available_languages("large") else "small"
    frequencies: Mapping[str, float] = get_frequency_dict(language, size)
    return frequencies
