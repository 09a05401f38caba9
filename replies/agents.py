"""Who answered: the person behind a reply.

A name is believed where people put theirs: below a closing formula or a dashed line, alone in the last line, in "this
is Mia", or in the sender's display name ("Mia Wong via RT"). A team, a firm or a department is nobody.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replies.finding import Finding, quoted
from replies.headers import display_name
from replies.message import Message
from replies.phrases import CLOSING, alternatives, plain
from replies.sentences import sentences

MAX_TEXT = 8_000
MAX_NAME = 60
LAST_LINES = 6
LINES_BELOW_DASHES = 3

_CAPITAL = r"[^\W\d_a-zßà-öø-ÿ]"
_WORD = rf"(?:{_CAPITAL}\.|{_CAPITAL}(?:[^\W\d_]|['’])*(?:-(?:[^\W\d_]|['’])+)?)"
_PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|dos|la|le|du|ter|ten|zu|af|av|bin|al|el)"
_NAME = re.compile(rf"{_WORD}(?: (?:{_PARTICLE} ){{0,2}}{_WORD}){{0,3}}")
_INTRODUCED = re.compile(rf"(?:{alternatives('introduces')}) ")
_NOT_A_NAME = re.compile(rf"(?:{alternatives('not_a_name')})\.?")
_COMPANY = re.compile(rf"(?<!\w)(?:{alternatives('company')})(?!\w)")
_TEAM = re.compile(rf"(?<!\w)(?:{alternatives('team')})|team(?!\w)")
_NO_TEAM = re.compile(r"\b(?:car[ei]\w+|help[a-z]+(?<!desk)|shop[a-z]+|desk[a-z]+|info[a-z]+|stor[ei][a-z]+)\b")
# "X via RT", "X (Support)", "X | Firm", "X from Firm": who writes stands first.
_BEHIND = re.compile(r"\s+(?:via|über|from|at|of|bei|chez|@|[-–—|/•·])\s+|\s*[(\[|]\s*|\s+\(|,\s+", re.I)
_DASHES = re.compile(r"\s{0,3}(?:--|—|__)\s*$")
_MARK = re.compile(r"^[\s\-–—/~^*•]+|[\s*,!]+$")
_ON_BEHALF = re.compile(r"^(?:i\. ?[AV]\.|p\. ?p\.|ppa\.|p/o|p\. ?o\.)\s+", re.I)  # "i. A. Mia Wong"
_AFTER_SENTENCE = re.compile(r"[.!?)][\"')]? {1,3}([^.!?]{2,40})$")
_AFTER_COMMA = re.compile(r"[,!.:;–—-] {0,3}")


@dataclass(frozen=True, slots=True)
class Named:
    """A person, the rule by which the name was found and the words that it stands in."""

    name: str
    rule: str
    evidence: str


def agent(message: Message, new_text: str) -> str | None:
    """The person who wrote `message`, or None where no person is named. `new_text` is its new part."""
    found = named(message, new_text)
    return found.name if found else None


def named(message: Message, new_text: str) -> Named | None:
    """The person who wrote `message`, with evidence.

    A name below a closing formula is believed before the sender's display name, which a whole desk may share, and any
    name before one of a single word, which may be a brand. Of "Mia" and "Mia Wong" the longer is given.
    """
    shown = _displayed(message)
    lines = [line.strip() for line in new_text[-MAX_TEXT:].split("\n") if line.strip()][-LAST_LINES:]
    closed = next(_below_closing(lines, message), None)
    found = closed or next(_elsewhere(lines, message, new_text), None)
    if found is None or shown is None:
        return found or shown
    if same_person(shown.name, found.name):
        return Named(max(shown.name, found.name, key=len), found.rule, found.evidence)
    return found if closed or " " not in shown.name else shown


def signed(message: Message, new_text: str) -> Finding:
    """`ok` with the agent's name as value, `problem` where no person is named, `unknown` for a text without words."""
    if found := named(message, new_text):
        return Finding("signed", "ok", f"signed.{found.rule}", quoted(found.evidence), found.name)
    last = next((line for line in reversed(new_text[-MAX_TEXT:].split("\n")) if line.strip()), "")
    if not last:
        return Finding("signed", "unknown", "signed.no_text", "")
    return Finding("signed", "problem", "signed.nobody", quoted(last))


def same_person(one: str, other: str) -> bool:
    """Whether two names may be one person's: equal, or one is the other's first name or short for it (Dan, Daniel)."""
    first, second = one.casefold().split(), other.casefold().split()
    if not first or not second:
        return False
    short, long = sorted((first[0], second[0]), key=len)
    return (short == long or (len(short) > 2 and long.startswith(short))) and (
        len(first) == 1 or len(second) == 1 or first[-1] == second[-1]
    )


def _below_closing(lines: Sequence[str], message: Message) -> Iterator[Named]:
    for index, line in enumerate(lines):
        if len(line) > 80 or not CLOSING.search(plain(line)):
            continue
        for below in (*_AFTER_COMMA.split(line)[1:], *lines[index + 1 : index + 4]):
            if name := _person(below, message):
                yield Named(name, "signature", line if below in line else f"{line} {below}")


def _elsewhere(lines: Sequence[str], message: Message, new_text: str) -> Iterator[Named]:
    """Alone in the last line, after its last sentence, below a dashed line, introduced at the top."""
    last = lines[-1] if lines else ""
    if len(lines) > 1 and (name := _person(last, message)) and _ends_with_role(last):
        yield Named(name, "signature", last)
    if len(lines) > 2 and _is_nobody(last, message) and (name := _person(lines[-2], message)) and "," not in lines[-2]:
        yield Named(name, "signature", f"{lines[-2]} {last}")
    if (trailing := _AFTER_SENTENCE.search(last[-200:])) and (name := _person(trailing[1], message)):
        yield Named(name, "signature", trailing[0])
    for line in _below_dashes(message.text, last):
        if name := _person(line, message):
            yield Named(name, "signature", line)
    yield from _introduced(message, new_text)


def _ends_with_role(line: str) -> bool:
    """Whether nothing follows a name in `line`, or only where the person works ("Mia, Box Office"); no list of names."""
    _, comma, behind = line.rstrip(", ").partition(",")
    return not comma or _is_team(behind)


def _is_nobody(line: str, message: Message) -> bool:
    """Whether `line` is the desk's own name: what stands below a person's."""
    return len(line) <= MAX_NAME and (_is_team(line) or plain(line) == plain(message.sender_name))


def _below_dashes(text: str, last: str) -> list[str]:
    """The first lines of the signature that followed the new text, whose last line is `last`."""
    lines = text[:MAX_TEXT].split("\n")
    start = next((index for index, line in enumerate(lines) if last and line.strip() == last), -1)
    rest = [line for line in lines[start + 1 : start + 5] if line.strip()] if start >= 0 else []
    return rest[1 : 1 + LINES_BELOW_DASHES] if rest and _DASHES.match(rest[0]) else []


def _introduced(message: Message, new_text: str) -> Iterator[Named]:
    for sentence in sentences(new_text[:2_000])[:4]:
        straight = sentence.translate({0x2019: "'"})[:300]
        for found in _INTRODUCED.finditer(straight.lower()):
            name = _NAME.match(straight, found.end()) if len(straight) == len(straight.lower()) else None
            if name and not straight[name.end() :][:1].isdigit() and (person := _person(name[0], message)):
                yield Named(person, "introduction", sentence)


def _displayed(message: Message) -> Named | None:
    shown = " ".join(message.sender_name[:200].split()).strip(" '\"")
    surname, comma, first = shown.partition(", ")
    if comma and " " not in surname and " " not in first and (name := _person(f"{first} {surname}", message)):
        return Named(name, "sender", shown)
    for part in _BEHIND.split(shown)[:2]:
        if name := _person(part.strip(" )]"), message):
            return Named(name, "sender", shown)
    return None


def _person(text: str, message: Message) -> str | None:
    """The name in `text` if it is a person's and nothing else stands there but a firm or a role behind it."""
    bare = _ON_BEHALF.sub("", _MARK.sub("", text[:200]))
    first = _MARK.sub("", _BEHIND.split(bare, maxsplit=1)[0]) if bare else ""
    if not 2 <= len(first) <= MAX_NAME or not _NAME.fullmatch(first):
        return None
    words = first.lower().split()
    if any(_NOT_A_NAME.fullmatch(word) for word in words) or _is_team(first) or (len(first) <= 3 and first.isupper()):
        return None
    return None if _is_firm(words, message) or _is_addressee(first, message) else first


def _is_team(name: str) -> bool:
    said = plain(name)
    return bool(_COMPANY.search(said) or _TEAM.search(_NO_TEAM.sub("", said)))


def _is_addressee(name: str, message: Message) -> bool:
    """Whether the customer is spoken to ("Thank you, Ann"), unless the sender goes by the same name."""
    customer = display_name(message.header("to"))
    return same_person(name, customer) and name.casefold() not in message.sender_name.casefold()


def _is_firm(words: Sequence[str], message: Message) -> bool:
    """Whether the sender's domain goes by it (Acme, support@acme.example) and not the mailbox (Rob, rob@stein.example)."""
    local, _, domain = message.sender.partition("@")
    if any(len(word) > 2 and word in local for word in words):
        return False
    labels = re.split(r"[.-]", domain)[:-1]
    return any(word in labels for word in words) or "".join(words) in labels
