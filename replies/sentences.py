"""Text cut into sentences, well enough for phrases to be judged one by one."""

import re

MAX_SENTENCES = 120

_END = re.compile(
    r"(?<=[.!?;…])[\"')\]]{0,2}\s+(?=[^\sa-z])|(?<=[。！？])\s*|\n\s*\n|\n(?=\s{0,4}[-*•\d]{1,3}[.)]?\s)|(?<=[,:])\n"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|nr|z\.b|bzw|ca|inkl|e\.g|i\.e|approx|inc|ltd|co|vs|tel|fam|str|n|art|sr|sra|dhr|mevr|jr|dpt|evtl|ggf|u\.a|d\.h|min|max|std)|\b\d{1,2}|\b[a-z])\.$",
    re.I,
)


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order, at most MAX_SENTENCES, each on one line."""
    found: list[str] = []
    waiting = ""
    for piece in _END.split(text)[: MAX_SENTENCES * 3]:
        line = " ".join(piece.split())
        if not line:
            continue
        waiting = f"{waiting} {line}" if waiting else line
        if _ABBREVIATION.search(waiting[-12:]) and len(waiting) < 400:
            continue
        found.append(waiting)
        waiting = ""
        if len(found) >= MAX_SENTENCES:
            return found
    if waiting:
        found.append(waiting)
    return found
