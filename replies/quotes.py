"""Where the history begins: attribution lines, separators and header blocks as mail programs write them.

Patterns look at single lines (or a few joined ones) of bounded length, and none can backtrack beyond that length.
"""

import re
from collections.abc import Sequence

from replies.phrases import alternatives

MAX_LINE = 400
MAX_JOINED = 4

_WROTE = alternatives("wrote")
_WROTE_UNSPACED = "写道|寫道|書きました|のメール|작성|님이 씀|כתבה?|كتب"
_WROTE_WORD = re.compile(rf"(?<![\w])(?:{_WROTE})(?![\w])", re.I)
_WROTE_AT_END = re.compile(
    rf"(?:(?<![\w])(?:{_WROTE})(?![\w])|{_WROTE_UNSPACED})\s*(?:[:：]|-{{2,}}|\s|…|\.\.\.)*$",
    re.I,
)
_ADDRESS = re.compile(r"[\w.+'-]{1,80}@[\w.-]{1,80}|<mailto:|\[mailto:")
_WHEN = re.compile(
    r"\d{1,2}[:.h]\d{2}|\d{4}[-/.年년]\s?\d{1,2}|\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}"
    r"|\b\d{1,2}\.? [^\W\d]{3,12}\.? (?:de )?\d{4}|[^\W\d]{3,12}\.? \d{1,2},? \d{4}"
)
_OPENER = re.compile(
    r"(?:on|am|le|el|il|op|den|em|w dniu|dnia|dne|d[ňn]a|in data|a |no dia|на|в |у |στις|tarihinde|ng[àa]y|pe|vào"
    r"|dana|vom|"
    r"[^\W\d]{2,12}[.,]{1,2}) ?.{0,60}\d",
    re.I,
)

_ORIGINAL = alternatives("original_message")
_SEPARATOR = re.compile(
    rf"[\s>*_]{{0,10}}(?:[-_=—–*]{{2,}})\s?.{{0,12}}(?:{_ORIGINAL}).{{0,80}}$"
    rf"|[\s>]{{0,10}}(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)"
    rf"|d[ée]but du message (?:transf[ée]r[ée]|r[ée]exp[ée]di[ée]))\s?:?$",
    re.I,
)
_DASHED_TITLE = re.compile(r"\s{0,10}[-_=—]{4,80}\s?[^\W\d_][^-_=—]{2,60}\s?[-_=—]{4,80}\s*$")
_MESSAGE_OF = re.compile(r"\s{0,10}(?:message du|mensaje de|messaggio del|nachricht vom)\s?:\s?\d", re.I)

_FIELDS = ("label_from", "label_date", "label_to", "label_subject")
_LABELS = tuple(
    re.compile(rf"[\s>*_|]{{0,12}}(?:{alternatives(name)})\*?\s?[:：]\*?(?:\s|\S)", re.I) for name in _FIELDS
)


def attribution(lines: Sequence[str], index: int) -> int:
    """How many lines from `index` on are an attribution such as "On Monday, Ann wrote:"; 0 if they are none."""
    line = lines[index].strip().lstrip("> ").strip()
    if not line or len(line) > MAX_LINE:
        return 0
    if _attributes(line, lines, index + 1):
        return 1
    dated = bool(_WHEN.search(line) or _ADDRESS.search(line))
    if not (dated or _OPENER.match(line) or _begins_with_address(lines, index + 1)):
        return 0
    joined = line
    for count in range(1, MAX_JOINED):
        if index + count >= len(lines):
            return 0
        following = lines[index + count].strip().lstrip("> ").strip()
        if not following or len(following) > MAX_LINE:
            return 0
        if count == 1 and not dated and _OPENER.match(following) and _attributes(following, lines, index + 2):
            return 0  # the next line is one by itself
        joined = f"{joined} {following}"
        if (
            len(joined) <= MAX_LINE
            and _attributes(joined, lines, index + count + 1)
            and (_opens(joined) or _ADDRESS.search(f"{line} {lines[index + 1]}"))
        ):
            return count + 1
    return 0


def _attributes(line: str, lines: Sequence[str], following: int) -> bool:
    ends = line.rstrip().endswith((":", "："))
    if _WROTE_AT_END.search(line):
        if _WHEN.search(line) or _ADDRESS.search(line):
            return True
        return ends and _next_is_quoted(lines, following)
    if not ends:
        return False
    if _ADDRESS.search(line) and _WHEN.search(line):
        return True  # 30.09.2017, 18:30, "Ann" <ann@example.org>:
    if _WROTE_WORD.search(line) and (_WHEN.search(line) or _ADDRESS.search(line)):
        return _opens(line) or _next_is_quoted(lines, following)  # "Ann wrote on 3 May 2026:"
    return False


def _opens(line: str) -> bool:
    return bool(_OPENER.match(line) or _WHEN.match(line))


def _begins_with_address(lines: Sequence[str], index: int) -> bool:
    """Whether the next line goes on with the address of a name that stands alone in this one."""
    return (
        index < len(lines) and lines[index].lstrip("> ").startswith("<") and bool(_ADDRESS.search(lines[index][:100]))
    )


def _next_is_quoted(lines: Sequence[str], index: int) -> bool:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index < len(lines) and is_quoted(lines[index])


def is_quoted(line: str) -> bool:
    """Whether a line carries the mark of a quotation."""
    start = line.lstrip()[:2]
    return start.startswith(">") or (start.startswith("|") and start[1:] in ("", " "))


def separator(lines: Sequence[str], index: int) -> bool:
    """Whether the line says that the original message follows."""
    line = lines[index]
    if not line.strip() or len(line) > MAX_LINE:
        return False
    if _SEPARATOR.match(line) or _MESSAGE_OF.match(line):
        return True
    return bool(_DASHED_TITLE.match(line)) and any(
        label.match(near) for near in lines[index + 1 : index + 4] for label in _LABELS
    )


def header_block(lines: Sequence[str], index: int) -> int:
    """How many lines from `index` on are the header block of an earlier mail ("From: … Sent: … To: …"); 0 if none."""
    first = lines[index]
    if not (_LABELS[0].match(first) or _LABELS[1].match(first)):
        return 0
    seen: set[int] = set()
    last = index
    misses = 0
    for offset, line in enumerate(lines[index : index + 12]):
        kinds = [kind for kind, label in enumerate(_LABELS) if label.match(line[:200])]
        if kinds:
            seen.update(kinds[:1])
            seen.update(kind for kind in (1, 3) if kind in kinds)
            last = index + offset
            misses = 0
        elif line.strip():
            misses += 1
            if misses > 1:
                break
        elif offset and len(seen) >= 3:
            break
    block = " ".join(lines[index : last + 1])[:2000]
    strong = len(seen) >= 3 or (len(seen) >= 2 and bool(_ADDRESS.search(block) or _WHEN.search(block)))
    return last + 1 - index if strong and 0 in seen else 0
