"""Passed around: from one person or department to another, back again, and asked the same thing twice."""

import re
from collections.abc import Callable, Iterable, Sequence

from replies.agents import same_person
from replies.departments import Department
from replies.finding import Finding, quoted
from replies.phrases import plain
from replies.repeated import asked_for
from replies.sentences import sentences
from replies.turns import Turn, people

MOST_NAMES = 200
FEWEST_WORDS = 4
MAX_TEXT = 8_000
MOST_EARLIER, MAX_EARLIER = 8, 2_000
"""Replies in which the same question is looked for, and characters of each."""

# What a desk may ask each time: whether there is more that it can do.
_COURTESY = re.compile(
    r"\b(?:help|assist|else|further|questions?|helfen|weiter\w*|fragen|aider|autre|ayudar|algo más|aiutar\w*|altro|ajudar)\b"
)


def changes(names: Iterable[str | None], same: Callable[[str, str], bool] = same_person) -> list[str]:
    """Each name that differs from the one before it; None stands for nobody known, and changes nothing."""
    turns: list[str] = []
    for name in names:
        if name and len(turns) < MOST_NAMES and not (turns and same(turns[-1], name)):
            turns.append(name)
    return turns


def handed_on(agent: str | None, department: Department, earlier: Sequence[Turn]) -> Finding | None:
    """`problem` where another department, or somebody else, answers than the last time; None where it is not known."""
    before = people(earlier)
    for rule, now, names in (
        ("handoff.department", department.signature, [turn.department.signature for turn in before]),
        ("handoff.department", department.sender, [turn.department.sender for turn in before]),
        ("handoff.agent", agent, [turn.agent for turn in before]),
    ):
        known = changes(names)
        if now and known and not same_person(known[-1], now):
            return Finding("handoff", "problem", rule, quoted(f"{known[-1]} → {now}"), [known[-1], now])
    return None


def circle(agent: str | None, earlier: Sequence[Turn]) -> Finding | None:
    """`problem` where the customer is back at somebody after another one (Mia, Tom, Mia), else None.

    The value holds the names of the circle, from the first to the one who is met again.
    """
    turns = changes(turn.agent for turn in people(earlier))
    if agent is None or not turns or same_person(turns[-1], agent):
        return None
    start = next((at for at in reversed(range(len(turns))) if same_person(turns[at], agent)), None)
    if start is None:
        return None
    met = [*turns[start:], agent]
    return Finding("loop", "problem", "loop.agents", quoted(" → ".join(met)), met)


def asked_twice(text: str, earlier: Sequence[Turn]) -> Finding | None:
    """`problem` where a reply asks what another asked before, though the customer has written in between; else None.

    The value holds the names of facts, or the question where it is word for word the same.
    """
    answered = next((at for at in reversed(range(len(earlier))) if earlier[at].ours), 0)
    before = [turn.text[:MAX_EARLIER] for turn in people(earlier[:answered])[-MOST_EARLIER:]]
    now = asked_for(text)
    wanted = dict.fromkeys(now, "")
    again = next(filter(None, (list(asked_for(each, wanted)) for each in before)), None) if now else None
    if again:
        return Finding("loop", "problem", "loop.asked_twice", quoted(now[again[0]]), again)
    known = {question for each in before for question in _questions(each)}
    same = next((words for question, words in _questions(text).items() if question in known), None)
    return Finding("loop", "problem", "loop.asked_twice", quoted(same), [quoted(same)]) if same else None


def _questions(text: str) -> dict[str, str]:
    """The questions in a text by their bare words."""
    asked = (each for each in sentences(text[:MAX_TEXT]) if each.rstrip(" \"')").endswith("?"))
    bare = {" ".join(re.findall(r"\w+", plain(each))): each for each in asked}
    return {
        words: each
        for words, each in bare.items()
        if words.count(" ") + 1 >= FEWEST_WORDS and not _COURTESY.search(words)
    }
