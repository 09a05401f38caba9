"""The reference of a conversation: something that a customer would write, such as `RX482173`, unique to it."""

import random
import re

LETTERS = "BCDFGHKLMNPRSTVWXZ"  # no vowels, so that it never spells a word; no I and O, so that it can be read out

_REFERENCE = re.compile(rf"(?<![A-Za-z0-9])[{LETTERS}]{{2}}[0-9]{{6}}(?![A-Za-z0-9])", re.IGNORECASE)


def new_reference(rng: random.Random) -> str:
    """A fresh one; the journal makes sure that a mailbox has it only once."""
    return "".join(rng.choices(LETTERS, k=2)) + f"{rng.randrange(100_000, 1_000_000)}"


def references_in(text: str) -> list[str]:
    """What looks like one in a text, lower case, in order."""
    return [found.lower() for found in _REFERENCE.findall(text)]


def without_references(text: str) -> str:
    """The text with everything that looks like one blotted out."""
    return _REFERENCE.sub("…", text)
