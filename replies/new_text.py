"""What a message says that is new: without quotations, our own words, history, helpdesk frames and signature.

Works line by line in linear time on at most MAX_INPUT characters. Nothing is invented: every line of the answer stood
in the input (with HTML escapes undone).
"""

import re
from collections.abc import Sequence

from replies.html import unescaped
from replies.phrases import alternatives
from replies.quotes import attribution, header_block, is_quoted, separator
from replies.wrappers import framed, without_chrome

MAX_INPUT = 65_536
MAX_LINES = 3_000
MAX_OURS = 65_536
MIN_OURS = 16  # characters of a line that is ours and not a formula of politeness
MIN_WRAPPED = 20

_SIGNATURE = re.compile(r"\s{0,3}(?:--|—{1,3}|–{1,2}|__|-- ?\xa0?)\s*$")
_LONG_RULE = re.compile(r"\s{0,3}(?:-{3,10}|—{4,}|_{3,}|={3,}|\*{3,}|━{3,}|─{3,})\s*$")
_ANY_RULE = re.compile(r"[\s\-_=*—–━─#~.]+$")
_DEVICE = re.compile(rf"\s{{0,4}}(?:{alternatives('device_signature')})[.!]?\s*$", re.I)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")  # marks of direction and the like
_WORDS_ONLY = re.compile(r"[^\w]+")


def new_text(text: str, ours: Sequence[str] = ()) -> str:
    """The new part of `text`; `ours` are texts that we sent before and that may come back in it."""
    lines = _lines(text)
    frame = framed(lines)
    lines = without_chrome(lines if frame is None else frame)
    lines = _without_history(lines)
    if ours:
        lines = _without_ours(lines, ours)
    return _tidy(_without_signature(lines))


def repeats_ours(text: str, ours: Sequence[str]) -> bool:
    """Whether `text` holds words that we sent: at least a line of them."""
    known = _Ours(ours)
    return any(known.holds(line) for line in _lines(text))


def _lines(text: str) -> list[str]:
    text = text[:MAX_INPUT].replace("\r\n", "\n").replace("\r", "\n")
    text = _UNSEEN.sub("", text.replace("\xa0", " ").replace("\u2028", "\n"))
    return unescaped(text).split("\n")[:MAX_LINES]


def _without_history(lines: list[str]) -> list[str]:
    kept: list[str] = []
    begun = False  # something new stands above: what follows a mark of history is history
    index = 0
    while index < len(lines):
        line = lines[index]
        if count := int(separator(lines, index)) or header_block(lines, index):
            if begun:
                return kept
            index += count
        elif count := attribution(lines, index):
            if begun:
                return kept + _answers_between(lines, index + count)
            index = _after_quotation(lines, index + count)
        elif is_quoted(line):
            index += 1
        elif begun and _is_device(line):
            return kept
        else:
            kept.append(line)
            begun = begun or _is_text(line)
            index += 1
    return kept


def _is_text(line: str) -> bool:
    return bool(line.strip()) and not _ANY_RULE.match(line)


def _has_text(lines: Sequence[str]) -> bool:
    return any(_is_text(line) for line in lines)


def _after_quotation(lines: Sequence[str], index: int) -> int:
    while index < len(lines) and (not lines[index].strip() or is_quoted(lines[index])):
        index += 1
    return index


def _answers_between(lines: Sequence[str], start: int) -> list[str]:
    """Answers written between quoted lines; text below the last quotation is history or a footer, not an answer."""
    last = max((index for index in range(start, len(lines)) if is_quoted(lines[index])), default=-1)
    found: list[str] = []
    block: list[str] = []
    for index in range(start, last + 1):
        if is_quoted(lines[index]):
            if _is_answer(block):
                found += ["", *block]
            block = []
        else:
            block.append(lines[index])
    return found


def _is_answer(block: Sequence[str]) -> bool:
    """A paragraph of its own, not the rest of a quoted line that was wrapped on the way."""
    return len(block) > 1 and _has_text(block) and not (block[0].strip() and block[-1].strip())


class _Ours:
    """The lines that we sent, as they may come back: re-wrapped, quoted, with other white space."""

    def __init__(self, ours: Sequence[str]) -> None:
        text = "\n".join(reversed([item[:MAX_OURS] for item in ours]))[:MAX_OURS]
        self._lines = {self._plain(line) for line in text.split("\n")} - {""}
        self._all = " ".join(self._plain(text).split())

    @staticmethod
    def _plain(line: str) -> str:
        return " ".join(_WORDS_ONLY.sub(" ", line).lower().split())

    def holds(self, line: str) -> bool:
        """Whether a line is ours: long enough to be told from chance."""
        plain = self._plain(line)
        return len(plain) >= MIN_OURS and (plain in self._lines or (len(plain) >= MIN_WRAPPED and plain in self._all))

    def may_hold(self, line: str) -> bool:
        """Whether a line of any length could be ours, such as "Hello," or the rest of a line that was wrapped."""
        plain = self._plain(line)
        return plain in self._lines or (" " in plain and plain in self._all)


def _without_ours(lines: list[str], ours: Sequence[str]) -> list[str]:
    """Cuts where our own text reappears; if nothing of theirs stands before it, only our lines go."""
    known = _Ours(ours)
    held = [known.holds(line) for line in lines]
    if not any(held):
        return lines
    first = held.index(True)
    start = first
    while start > 0 and (
        not lines[start - 1].strip() or _ANY_RULE.match(lines[start - 1]) or known.may_hold(lines[start - 1])
    ):
        start -= 1
    before = lines[:start]
    mine = _with_formulas(lines, held, known)
    rest = [mine[index] for index in range(first, len(lines)) if lines[index].strip()]
    repeated = len(rest) >= 3 and sum(rest) == 1  # an agent repeats one sentence of ours and goes on
    if _has_text(before) and not repeated:
        return before
    return [line for line, ours_too in zip(lines, mine, strict=True) if not ours_too]


def _with_formulas(lines: Sequence[str], held: Sequence[bool], known: _Ours) -> list[bool]:
    """`held` and the short lines beside them, such as our greeting and our name."""
    mine = list(held)
    for order in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        beside = False
        for index in order:
            line = lines[index]
            beside = mine[index] or (beside and (not line.strip() or known.may_hold(line)))
            mine[index] = beside and (mine[index] or bool(line.strip()))
    return mine


def _is_device(line: str) -> bool:
    text = line.strip()
    if not text or len(text) > 100 or not _DEVICE.match(text):
        return False
    bare = text.partition("<")[0].partition("(http")[0].rstrip()
    return not (bare.endswith((".", "!", "?", ":")) and len(bare.split()) > 6) and ", " not in bare


def _without_signature(lines: list[str]) -> list[str]:
    left = sum(1 for line in lines if line.strip())
    begun = False
    for index, line in enumerate(lines):
        left -= bool(line.strip())
        if begun and len(line) <= 100 and _ends_text(line, lines[index + 1 : index + 40], left):
            return lines[:index]
        begun = begun or _is_text(line)
    return lines


def _ends_text(line: str, rest: Sequence[str], left: int) -> bool:
    """Whether a signature begins with this line; `left` is the number of lines with text in all of what follows."""
    if _SIGNATURE.match(line):
        return left <= 30
    if _LONG_RULE.match(line):  # also divides chapters: a signature is short and has no sentences
        return left <= 10 and not any(
            len(later) > 70 or later.rstrip().endswith((".", "?", "!", ":")) for later in rest
        )
    return _is_device(line)


def _tidy(lines: list[str]) -> str:
    while lines and (not lines[-1].strip() or _ANY_RULE.match(lines[-1])):
        lines = lines[:-1]
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    return re.sub(r"\n{3,}", "\n\n", text).strip()
