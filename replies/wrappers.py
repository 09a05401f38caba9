"""The frames that helpdesks put around what an agent wrote.

Each frame is recognised by its own words; what it holds is the agent's text, or the customer's own if the desk mails
back what was just sent in.
"""

import re
from collections.abc import Sequence

from replies import phrases, programs
from replies.phrases import alternatives, entries, plain
from replies.sentences import sentences

MAX_BYLINE = 90
FEWEST_FIELDS = 2

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_FRAME_OPENS = re.compile(rf"\s{{0,10}}(?:{alternatives('frame_opens')})\s*$", re.I)
_FRAME_ENDS = re.compile(rf"\s{{0,10}}(?:{alternatives('frame_ends')})", re.I)
_REDMINE = re.compile(
    r"\s{0,4}[^\W\d_]{2,20}(?:[ -][^\W\d_]{2,20}){0,2} #\d{1,10} .{2,40}"
    r" (?:by|von|par|por|da|door|przez|av|af|пользователем|uživatelem) .{1,80}$",
    re.I,
)
_REDMINE_CHANGE = re.compile(
    r"\s{0,4}(?:[-*•] )?(?:\S.{0,60}) (?:changed from .{1,120} to .{1,120}|set to .{1,120}|added$|deleted.{0,80}"
    r"|updated$"
    r"|(?:wurde )?(?:von .{1,100} (?:zu|auf|nach) .{1,100} )?(?:geändert"
    r"|gesetzt)(?: auf .{1,100})?(?: von .{1,200})?|(?:wurde )?auf .{1,100} gesetzt"
    r"|(?:a )?changé de .{1,120}|mis à .{1,100}|cambiado de .{1,200}|établi à .{1,100})\s*$",
    re.I,
)
_RULE = re.compile(r"\s{0,4}[-=_*━─—]{20,}\s*$")
_REPLY_ABOVE = re.compile(alternatives("reply_above"), re.I)
_MARKER_EDGE = re.compile(r"\s{0,4}(?:##-|#{2,}|[-—=*]{2,})")
_BYLINE = re.compile(
    r"\s{0,4}[^\d\s<>@:,][^\d<>@:]{1,60}[,|:]? .{0,24}\d.{0,24}\d{1,2}[:.h]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?"
    r"(?:\s?\(?(?:[A-Z]{2,5}(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{4}|Uhr)\)?)?\s*$",
    re.I,
)
_NAME_LINE = re.compile(r"\s{0,4}[^\W\d_][^\d<>@:,.!?]{1,50}(?:\([^()]{1,40}\))?\s*$")
_DATE_LINE = re.compile(r"\s{0,4}(?:[^\W\d_]{2,12}\.?,? )?\d{0,2}.{0,20}\d{4}.{0,6}\d{1,2}[:.h]\d{2}.{0,24}$")
_BANNER = re.compile(
    r"\W{0,6}(?:caution|warning|attention|achtung|vorsicht|external e-?mail|\[external|\[extern)\b.{0,60}?"
    r"(?:external|outside|origin|extern|von au(?:ß|ss)erhalb|extérieur)|\W{0,4}(?:this (?:e-?mail"
    r"|message) (?:originated|came) from outside)",
    re.I,
)
_COMMENTED = re.compile(rf"\s{{0,6}}[^\W\d_][^<>@:,.!?\n]{{1,60}} (?:{alternatives('commented')}) ?[:：]?\s*$", re.I)
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(entries('weekdays').values())})\b", re.I)
_RECORD = re.compile(r"\s{0,6}[^\W\d_][^:.!?]{1,30}:(?:\s|$)")
_TAIL = re.compile(rf"\s{{0,6}}(?:{alternatives('desk_footer')})", re.I)


def framed(lines: Sequence[str]) -> list[str] | None:
    """What a helpdesk's frame holds, or None if there is no frame."""
    start = next((index for index, line in enumerate(lines[:60]) if len(line) < 300 and _FRAME_OPENS.match(line)), -1)
    if start < 0:
        return None
    rest = lines[start + 1 :]
    end = next((index for index, line in enumerate(rest) if _FRAME_ENDS.match(line[:300])), len(rest))
    second = framed(rest[end : end + 60])  # a comment and a resolution in one mail
    return [*rest[:end], "", *second] if second and "".join(second).strip() else list(rest[:end])


def without_chrome(lines: Sequence[str]) -> list[str]:
    """Lines without markers, gateways' warnings, bylines and their history, change lists and desk footers."""
    kept = list(lines)
    kept = _after_marker(kept)
    kept = _below_redmine(kept)
    kept = _first_comment(kept)
    kept = _below_commented(kept)
    start = _first_text(kept)
    if start < len(kept) and _BANNER.match(kept[start][:300]):
        end = next((index for index in range(start, min(start + 8, len(kept))) if not kept[index].strip()), start + 1)
        kept = kept[end:]
    kept = _before_record(kept)
    end = next((index for index, line in enumerate(kept) if index > 0 and _TAIL.match(line[:300])), len(kept))
    return kept[:end] if "".join(kept[:end]).strip() else kept


def _first_text(lines: Sequence[str]) -> int:
    return next((index for index, line in enumerate(lines) if line.strip(" \t>*")), len(lines))


def _is_marker(line: str) -> bool:
    return len(line) < 200 and bool(_REPLY_ABOVE.search(line))


def _after_marker(lines: list[str]) -> list[str]:
    """A marker at the top stands above the agent's text; one further down stands above the history."""
    found = next((index for index, line in enumerate(lines) if _is_marker(line)), -1)
    if found < 0:
        return lines
    above = [line for line in lines[:found] if line.strip() and not _RULE.match(line)]
    if not above:
        return _after_marker(lines[found + 1 :]) if found + 1 < len(lines) else []
    return lines[:found] if _MARKER_EDGE.match(lines[found]) or len(above) > 1 else lines[found + 1 :]


def _below_redmine(lines: list[str]) -> list[str]:
    start = _first_text(lines)
    if start >= len(lines) or len(lines[start]) > 200 or not _REDMINE.match(lines[start]):
        return lines
    index = start + 1
    while index < len(lines) and (
        not lines[index].strip() or (len(lines[index]) < 300 and _REDMINE_CHANGE.match(lines[index]))
    ):
        index += 1
    rest = lines[index:]
    end = next((at for at, line in enumerate(rest) if _RULE.match(line)), len(rest))
    return rest[:end]


def _first_comment(lines: list[str]) -> list[str]:
    """Of comments, newest first, each under its "Name, date" line, the first; of a text with such a history, the text."""
    lines = _joined_bylines(lines)
    start = _first_text(lines)
    if start >= len(lines):
        return lines
    first = next((at for at in range(start, len(lines)) if _is_byline(lines, at)), len(lines))
    if first == len(lines) or (first > start and not _is_dated(lines[first])):
        return lines
    if first > start and not _announces(lines[start:first]):
        return lines[:first]
    rest = lines[first + 1 :]
    end = next((at for at in range(len(rest)) if _is_byline(rest, at)), None)
    comment = rest[:end]
    return (
        comment if _first_text(comment) < len(comment) else lines
    )  # a single sentence with a time of day is no byline


def _joined_bylines(lines: list[str]) -> list[str]:
    """Lines where a byline of two, first the name and then the date, is one: "Name, date"."""
    found: list[str] = []
    for line in lines:
        above = found[-1] if found else ""
        alone = len(found) < 2 or not found[-2].strip() or _RULE.match(found[-2])
        if alone and len(line) <= MAX_BYLINE and _NAME_LINE.match(above[:MAX_BYLINE]) and _DATE_LINE.match(line):
            found[-1] = f"{above.rstrip()}, {line.strip()}"
        else:
            found.append(line)
    return found


def _announces(lines: Sequence[str]) -> bool:
    """Whether lines above the first comment say no more than that there is one."""
    said = [plain(sentence) for sentence in sentences("\n".join(line for line in lines if not _RULE.match(line)))]
    if any(programs.receipt(each) or programs.ended(each) or not programs.expected(each) for each in said):
        return False
    return any(phrases.BOILERPLATE.search(each) or phrases.UPDATED.search(each) for each in said)


def _is_dated(line: str) -> bool:
    """Whether a byline below a text could not be a date that the text speaks of."""
    return (
        bool(_YEAR.search(line)) and ":" not in line.partition(",")[0] and not _WEEKDAY.search(line.partition(",")[0])
    )


def _below_commented(lines: list[str]) -> list[str]:
    start = _first_text(lines)
    alone = start + 1 < len(lines) and len(lines[start]) <= MAX_BYLINE and not lines[start + 1].strip()
    return lines[start + 1 :] if alone and _COMMENTED.match(lines[start]) else lines


def _before_record(lines: Sequence[str]) -> list[str]:
    """Without the fields of the ticket that some desks put below a rule at the end."""
    for index, line in enumerate(lines):
        if index and _RULE.match(line):
            below = [later for later in lines[index + 1 : index + 12] if later.strip() and not _RULE.match(later)]
            if len(below) >= FEWEST_FIELDS and all(_RECORD.match(later[:80]) for later in below[:FEWEST_FIELDS]):
                return list(lines[:index])
    return list(lines)


def _is_byline(lines: Sequence[str], index: int) -> bool:
    line = lines[index]
    if not 8 < len(line.strip()) <= MAX_BYLINE or not _BYLINE.match(line):
        return False
    before = index == 0 or not lines[index - 1].strip() or bool(_RULE.match(lines[index - 1]))
    after = index + 1 >= len(lines) or not lines[index + 1].strip()
    return before and after
