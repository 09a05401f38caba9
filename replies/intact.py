"""Whether our own words come back as we wrote them: quoted in an answer, or in its subject.

Every word of ours that has a letter beyond ASCII is looked for by its ASCII letters and its neighbours. Where it comes back
with other characters between them (`Z?rich`, `ZÃ¼rich`, `Z&uuml;rich`, nothing), a charset was lost on the way.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from replies.finding import Finding, quoted

MAX_SAMPLES = 40
MAX_BACK = 20_000
ENOUGH_LETTERS = 4
"""ASCII letters that a word needs to be known again; one with fewer takes its neighbours along."""

_WORD = re.compile(r"\S+")
_PIECE = re.compile(r"[\x21-\x7e]+|[^\x21-\x7e]+")
_ENCODED_WORD = re.compile(r"=\?[\w-]{3,20}\?[BbQq]\?")
_BETWEEN = r"([^ \t\n\r]{0,40}?)"  # a character may come back as its name, `&uuml;`, or as several
_BREAK = r"[\s>|]{0,12}"  # words may be wrapped and quoted anew
_MARKS = ".,;:!?()„“”\"'«»"


def intact(ours: Sequence[str], back: Sequence[str]) -> Finding:
    """What became of our texts `ours` in the texts `back`; `unknown` when no word to compare came back.

    The value is how many different words came back damaged. Letters that a person would write instead (`Zurich`, `Mueller`)
    are no damage.
    """
    there = unicodedata.normalize("NFC", "\n".join(back)[:MAX_BACK])
    same: dict[str, str] = {}
    damaged: dict[str, str] = {}
    for sample in _samples("\n".join(ours)):
        pattern, lost = _pattern(sample)
        for found in pattern.finditer(there):
            if list(found.groups()) == lost:
                same[sample] = found[0]
            elif not any(map(_is_a_word, found.groups())):
                damaged.setdefault(sample, found[0])
    if damaged:
        told = "; ".join(f"{sample} came back as {quoted(found, 60)}" for sample, found in damaged.items())
        return Finding("intact", "problem", "intact.damaged", quoted(told), len(damaged))
    if raw := _ENCODED_WORD.search(there):
        shown = quoted(there[raw.start() : raw.start() + 60])
        return Finding("intact", "problem", "intact.encoded", f"came back undecoded: {shown}", 1)
    if same:
        return Finding("intact", "ok", "intact.same", quoted(f"came back as written: {', '.join(same)}"), 0)
    return Finding("intact", "unknown", "intact.nothing", "no word of ours that could be damaged came back")


def _samples(text: str) -> Iterator[str]:
    """The words to look for, each with a neighbour on either side where it could not be known by itself."""
    found: dict[str, None] = {}
    for line in unicodedata.normalize("NFC", text).splitlines():
        words = _WORD.findall(line[:2000])
        for place, word in enumerate(words):
            bare = word.strip(_MARKS)
            if bare.isascii():
                continue
            if bare[0].isascii() and bare[-1].isascii() and _letters(bare) >= ENOUGH_LETTERS:
                found[bare] = None
            elif 0 < place < len(words) - 1 and all(_known(words[place + side]) for side in (-1, 1)):
                found[" ".join((words[place - 1], word, words[place + 1].strip(_MARKS)))] = None
    yield from list(found)[:MAX_SAMPLES]


def _is_a_word(text: str) -> bool:
    """Whether a person wrote it, in place of what we had there."""
    bare = text.strip(_MARKS)
    return bare.isascii() and bare.isalpha()


def _known(word: str) -> bool:
    return word.isascii() and _letters(word) >= ENOUGH_LETTERS


def _letters(word: str) -> int:
    return sum(char.isascii() and char.isalpha() for char in word)


def _pattern(sample: str) -> tuple[re.Pattern[str], list[str]]:
    """An expression with a group for each run of characters beyond ASCII, and these runs."""
    words, runs = [], []
    for word in sample.split():
        pieces = _PIECE.findall(word)
        runs += [piece for piece in pieces if not piece.isascii()]
        words.append("".join(re.escape(piece) if piece.isascii() else _BETWEEN for piece in pieces))
    return re.compile(rf"(?<!\w){_BREAK.join(words)}(?!\w)"), runs
