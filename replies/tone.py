"""What a customer hears in a reply: greeted by name, thanked, an apology, a closing, rude words.

Elements that are there or not there, each with the words that show it, and never a score. That something is missing is
said only of a text in a language whose words are known here; of any other the answer is `unknown`.
"""

import re
import unicodedata
from collections.abc import Iterator

from replies.finding import Finding, Result, quoted
from replies.language import language_of
from replies.phrases import CLOSING, GREETING, alternatives, plain, table
from replies.sentences import sentences

MAX_TEXT = 8_000
GREETING_LINES = 2
CLOSING_LINES = 8
LONGEST_CLOSING = 80

_THANKS = table("thanks")
_APOLOGY = table("apology")
_RUDE = table("rude")
_FAREWELL = re.compile(rf"{alternatives('farewell')}")
_TITLE = frozenset({"mr", "mrs", "ms", "dr", "herr", "frau", "prof", "van", "von", "de", "der", "del", "da", "the"})
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_DECLINED = frozenset({"pl", "cs", "sk", "hr", "sl", "lt", "lv", "uk", "ru", "bg", "ro", "fi", "hu"})
_KNOWN = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "sk", "ru", "uk"})


def tone(new_text: str, customer_name: str | None = None, upset: bool = False) -> Iterator[Finding]:
    """The elements of `new_text`, a person's reply. `apology` is looked for only where the customer is upset."""
    text = new_text[:MAX_TEXT]
    language = language_of(text)
    known = language in _KNOWN
    yield greeting(text, customer_name, declined=language in _DECLINED)
    yield _element("thanks", _sentence(_THANKS, text), text, known)
    if upset:
        yield _element("apology", _sentence(_APOLOGY, text), text, known)
    yield _element("closing", _closing(text), text, known)
    yield rude(text, known)


def greeting(text: str, customer_name: str | None, *, declined: bool = False) -> Finding:
    """`ok` where the first lines hold a part of the customer's name.

    `unknown` where no name is known, or where the text is written in another script than the name. `declined`: whether the
    language changes the ends of names ("Pani Noro" to Nora).
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()][:GREETING_LINES]
    if not lines or not customer_name or "@" in customer_name:  # an address that stands where the name should be
        return Finding("greeting", "unknown", "greeting.no_name_known", quoted(lines[0] if lines else ""))
    names = [word for word in _words(customer_name) if len(word) > 1 and word not in _TITLE]
    if not names:
        return Finding("greeting", "unknown", "greeting.no_name_known", quoted(lines[0]))
    for line in lines:
        opening = line[:120]
        if any(_stands_in(name, opening, declined=declined) for name in names):
            return Finding("greeting", "ok", "greeting.by_name", quoted(opening))
    if _is_latin("".join(names)) and not _is_latin("".join(lines)):
        return Finding("greeting", "unknown", "greeting.other_script", quoted(lines[0]))
    greeted = next((line for line in lines if GREETING.match(plain(line.partition(",")[0]))), None)
    rule = "greeting.without_name" if greeted else "greeting.none"
    return Finding("greeting", "problem", rule, quoted(greeted or lines[0]))


def rude(text: str, known: bool = True) -> Finding:
    """`problem` with the sentence that nobody should read from a desk; `known`: whether its language's words are."""
    found = _sentence(_RUDE, text)
    if found:
        return Finding("rude", "problem", "rude.words", quoted(found))
    return Finding("rude", "ok" if known else "unknown", "rude.none" if known else "rude.language_not_known", "")


def _element(check: str, found: str | None, text: str, known: bool) -> Finding:
    if found:
        return Finding(check, "ok", f"{check}.phrase", quoted(found))
    result: Result = "problem" if known else "unknown"
    rule = f"{check}.none" if known else f"{check}.language_not_known"
    last = next((line for line in reversed(text.split("\n")) if line.strip()), "")
    return Finding(check, result, rule, quoted(last if check == "closing" else text))


def _sentence(words: re.Pattern[str], text: str) -> str | None:
    return next((sentence for sentence in sentences(text) if words.search(plain(sentence)[:1_000])), None)


def _closing(text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n") if line.strip()][-CLOSING_LINES:]
    for line in reversed(lines):
        last = sentences(line[-400:])[-1:]  # "… comes on Friday. Kind regards, Mia"
        for said in (line, *last):
            if len(said) <= LONGEST_CLOSING and (CLOSING.search(plain(said)) or _FAREWELL.search(plain(said))):
                return said
    return None


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", _folded(name[:200]))


def _stands_in(name: str, line: str, *, declined: bool = False) -> bool:
    said = _UNSPACED.sub(" ", _folded(line)) if not _UNSPACED.search(name) else _folded(line)
    if _UNSPACED.search(name):
        return name in said
    ends = rf"{re.escape(name[:-1])}\w{{1,3}}" if declined and len(name) > 3 else "(?!)"
    return bool(re.search(rf"(?<!\w)(?:{re.escape(name)}|{ends})(?!\w)", said))


def _is_latin(text: str) -> bool:
    """Whether most letters of `text` are Latin ones."""
    letters = [char for char in text if char.isalpha()]
    return sum(char < "\u0250" for char in letters) * 2 >= len(letters)


def _folded(text: str) -> str:
    """Lower-case and without accents: desks greet José as Jose."""
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
