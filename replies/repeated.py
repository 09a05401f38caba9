"""Does a reply ask for something that the customer has told already?

The words of a fact, in a sentence that asks, minus the sentences that only mention it. Facts are those that were
supplied: a question for anything else is a fair one.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from replies.finding import Finding, quoted
from replies.phrases import entries, plain, table
from replies.sentences import sentences

MAX_TEXT = 8_000
MAX_FACTS = 50

_ASK = table("ask")
_NO_ASK = table("no_ask")
_NO_QUESTION = table("no_question")
_SLOTS = {name: re.compile(words) for name, words in entries("slots").items()}
_SYNONYMS = {word: name for name, words in entries("slot_names").items() for word in words.split()}


def asked_for(text: str, facts: Mapping[str, str] | None = None) -> dict[str, str]:
    """What `text` asks for: the name of each fact and the sentence that asks; of `facts` only, if they are given."""
    patterns = _SLOTS if facts is None else {name: _pattern(name) for name in list(facts)[:MAX_FACTS]}
    found: dict[str, str] = {}
    for sentence in sentences(text[:MAX_TEXT]):
        said = plain(sentence)[:600]
        named = [name for name, pattern in patterns.items() if name not in found and pattern.search(said)]
        if named and _ASK.search(said) and not _NO_ASK.search(said) and not _NO_QUESTION.search(said):
            found.update(dict.fromkeys(named, sentence))
    return found


def already_told(text: str, facts: Mapping[str, str]) -> Finding:
    """`problem` with the names of the facts that are asked for again; `ok` if none is; `unknown` without facts."""
    if not facts:
        return Finding("already_told", "unknown", "already_told.no_facts", "", [])
    found = asked_for(text, facts)
    if not found:
        return Finding("already_told", "ok", "already_told.not_asked", "", [])
    return Finding("already_told", "problem", "already_told.asked", quoted(next(iter(found.values()))), list(found))


@lru_cache(256)
def _pattern(name: str) -> re.Pattern[str]:
    """The words of a fact; one that no desk is known to ask for goes by its own name."""
    key = re.sub(r"[\s-]+", "_", name.strip().lower())[:60]
    slot = _SLOTS.get(_SYNONYMS.get(key, key))
    return slot or re.compile(rf"(?<!\w){re.escape(key.replace('_', ' '))}(?!\w)")
