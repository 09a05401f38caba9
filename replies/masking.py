"""Personal data taken out of a text before it leaves the machine. Better too much than too little."""

import re
from collections.abc import Mapping

MAX_TEXT = 64_000
SHORTEST = 3
"""Characters of a name or a fact from which it is masked: "Al" stands in every third word."""
FEWEST_DIGITS = 7
"""Of a telephone number."""

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]{1,2000}", re.I)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", re.I
)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_PHONE = re.compile(r"(?<![\w/])(?:\+|\(|0)?\d(?:[ ()./-]{0,2}\d){6,16}(?!\w)")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})|\d{4}[./-]\d{1,2}[./-]\d{1,2}")


def masked(text: str, private: Mapping[str, str]) -> str:
    """`text` with blanks such as `[e-mail]`, `[link]`, `[IBAN]`, `[card]`, `[phone]` for what could tell who somebody is.

    `private`: value → what it is (`name`, `order number`), each occurrence a blank of that name, without regard to case;
    of values of several words, each word of SHORTEST characters counts by itself where it is a name.
    """
    text = text[:MAX_TEXT]
    text = _LINK.sub("[link]", text)
    text = _ADDRESS.sub("[e-mail]", text)
    for value, what in sorted(_words(private).items(), key=lambda item: -len(item[0])):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"[{what}]", text, flags=re.IGNORECASE)
    text = _IBAN.sub("[IBAN]", text)
    text = _CARD.sub("[card]", text)
    return _PHONE.sub(_phone, text)


def _words(private: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value, what in private.items():
        parts = [value, *(value.split() if what == "name" else ())]
        found.update({part.strip(): what for part in parts if len(part.strip()) >= SHORTEST})
    return found


def _phone(match: re.Match[str]) -> str:
    digits = sum(map(str.isdigit, match[0]))
    return match[0] if digits < FEWEST_DIGITS or _DATE.fullmatch(match[0]) else "[phone]"
