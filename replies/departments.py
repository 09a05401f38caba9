"""For which department a reply was written: by the address that it came from, the sender's name, and the signature."""

import re
from dataclasses import dataclass

from replies.message import Message
from replies.phrases import alternatives, entries, plain

LAST_LINES = 8
LONGEST_LINE = 80

_NAMES = entries("departments")
_BESIDE = alternatives("department_words")
_IN_ADDRESS = {name: re.compile(rf"(?:^|[-_.+])(?:{words})(?:$|[-_.+\d])") for name, words in _NAMES.items()}
_OF = r"(?: (?:of|für|de|der|des|dei|för))?"
# "Billing Team", "Team Billing", "Rechnungsabteilung": a word of the department beside a word for one.
_BESIDE_IT = {
    name: re.compile(
        rf"(?<!\w)(?:(?:{words})[ /&-]{{0,3}}(?:{_BESIDE})|(?:{_BESIDE}){_OF}[ :]{{1,2}}(?:{words}))(?!\w)"
    )
    for name, words in _NAMES.items()
}
_ALONE = {name: re.compile(rf"(?:{words})") for name, words in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Department:
    """Where it is named: `billing`, `sales`, `technical`, `returns`, `shipping`, `complaints`, `legal` or `support`.

    The two are kept apart, since a signature may name one while the address is shared by the whole desk.
    """

    signature: str | None = None
    sender: str | None = None

    @property
    def name(self) -> str | None:
        """The one that says more."""
        return self.signature or self.sender


def department(message: Message, new_text: str) -> Department:
    """The department in the last lines, and the one in the sender's name or address."""
    lines = [line.strip() for line in new_text.split("\n") if line.strip()][-LAST_LINES:]
    signed = next(filter(None, map(_in_line, reversed(lines))), None)
    shown = re.sub(r"\W+", "-", plain(message.sender_name[:64]))
    return Department(signed, _in_address(shown) or _in_address(message.sender.partition("@")[0]))


def _in_line(line: str) -> str | None:
    """In a line of a signature: alone, or beside a word for a team."""
    said = plain(line[: LONGEST_LINE + 1]).strip(" ,.-|")
    if not said or len(said) > LONGEST_LINE or said.endswith(("?", "!")):
        return None
    for name, beside in _BESIDE_IT.items():
        if beside.search(said) or any(_ALONE[name].fullmatch(part.strip()) for part in re.split(r"[,|/–—]| - ", said)):
            return name
    return None


def _in_address(local: str) -> str | None:
    return next((name for name, words in _IN_ADDRESS.items() if words.search(local[:64])), None)
