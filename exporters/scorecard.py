"""How a desk did, as a manager wants to see it: shares with their counts, times as percentiles, each with its rule.

Percentiles are by nearest rank: always a time that some customer really waited.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from conversations.records import Conversation, Verdict
from conversations.times import Elapsed, Kept, promises_decided
from conversations.who import Who, who
from exporters.complaints import complaint
from exporters.summaries import OPEN, Summary, definition_of
from replies.finding import quoted
from replies.kind import Kind

COVERAGE: Final = "questions_answered"
EVIDENCE_LENGTH: Final = 280
MOST_PROBLEMS: Final = 12
"""Of one conversation."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong for the customer, with the words that prove it."""

    conversation: str
    visit: str
    at: float
    zone: str
    what: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one conversation says about its desk."""

    summary: Summary
    reached: bool
    acknowledged: bool
    replied: bool
    kept: tuple[Kept, ...]
    coverage: tuple[str, ...]  # results of the check, one a reply, in order
    problems: tuple[Problem, ...]
    who: Who

    @classmethod
    def of(cls, whole: Conversation) -> Self:
        """Read them from a conversation with all its parts."""
        summary = Summary.of(whole)
        desk = definition_of(whole.definition).desk
        kinds = [m.kind for m in whole.messages if m.inbound]
        bounced = any(m.kind is Kind.BOUNCE and m.permanent for m in whole.messages)
        kept = tuple(promises_decided(whole, desk.promises.given(), desk.business_hours))
        return cls(
            summary=summary,
            reached=any(not m.inbound for m in whole.messages) and not bounced,
            acknowledged=Kind.ACKNOWLEDGEMENT in kinds,
            replied=Kind.HUMAN in kinds,
            kept=kept,
            coverage=tuple(found.result for found in whole.findings if found.check == COVERAGE),
            problems=tuple(_problems(whole, summary, kept))[:MOST_PROBLEMS],
            who=who(whole),
        )


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How long it took, in seconds: half of them at most `median`, nine in ten at most `ninetieth`; None if none."""

    median: float | None
    ninetieth: float | None
    count: int

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Self:
        """The spread of these."""
        ordered = sorted(seconds)
        return cls(_percentile(ordered, 0.5), _percentile(ordered, 0.9), len(ordered))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a scorecard: a share, a spread, or both, and the rule by which it is counted."""

    name: str
    rule: str
    share: Share | None = None
    spread: Spread | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One desk."""

    desk: str
    name: str
    judged: int  # conversations that passed or failed
    passed: int
    faulted: int
    open: int
    figures: tuple[Figure, ...]
    problems: tuple[Problem, ...]  # newest first
    facts: tuple[Facts, ...]  # of the judged ones, oldest first


def scorecard(desk: str, name: str, facts: Sequence[Facts]) -> Scorecard:
    """Count what these conversations with one desk say."""
    verdicts = [each.summary.verdict for each in facts]
    judged = tuple(each for each in facts if each.summary.verdict in {Verdict.PASSED, Verdict.FAILED})
    return Scorecard(
        desk=desk,
        name=name,
        judged=len(judged),
        passed=verdicts.count(Verdict.PASSED),
        faulted=verdicts.count(Verdict.FAULTED),
        open=verdicts.count(OPEN),
        figures=tuple(_figures(judged)),
        problems=tuple(problem for each in reversed(judged) for problem in each.problems),
        facts=judged,
    )


def _figures(judged: Sequence[Facts]) -> Iterable[Figure]:
    reached = [each for each in judged if each.reached]
    replied = [each for each in reached if each.replied]
    acknowledgements = [t for each in reached if (t := each.summary.times.acknowledgement) is not None]
    first = [wait for each in reached if (wait := each.summary.times.first_reply) is not None]
    later = [wait for each in reached for wait in each.summary.times.next_replies]
    covered = [each.coverage for each in replied if each.coverage]
    resolved = [wait for each in reached if (wait := each.summary.times.resolution) is not None]
    yield Figure(
        "Reachable",
        "Our first message was accepted and did not come back, of all conversations that passed or failed.",
        Share(len(reached), len(judged)),
    )
    yield Figure(
        "Acknowledged",
        "An automatic answer came, of those reached. It does not count as a reply.",
        Share(sum(each.acknowledged for each in reached), len(reached)),
        Spread.of(acknowledgements),
    )
    yield Figure("Replied", "A person replied, of those reached.", Share(len(replied), len(reached)))
    never = len(reached) - len(replied)
    yield from _clocks(
        "First reply",
        "Our first message accepted to the first reply of a person delivered",
        first,
        f"{never} never answered, not in this time" if never else "",
    )
    if later:
        yield from _clocks("Next replies", "Each later message of ours to the next reply of a person", later, "")
    if covered:
        rule = "The last reply left no question open, of conversations that had a reply and asked questions."
        at_once = sum(results[0] == "ok" for results in covered)
        share = Share(sum(results[-1] == "ok" for results in covered), len(covered))
        yield Figure("Every question answered", rule, share, note=f"{at_once} with the first reply")
    if resolved:
        yield from _clocks(
            "Resolution", "Our first message to the last reply, where the conversation passed", resolved, ""
        )
    yield from _who([each.who for each in replied])
    yield _promises(judged)


def _clocks(name: str, rule: str, waits: Sequence[Elapsed], note: str) -> Iterable[Figure]:
    calendar, business = (wait.calendar for wait in waits), (wait.business for wait in waits)
    yield Figure(f"{name}, round the clock", f"{rule}.", spread=Spread.of(calendar), note=note)
    yield Figure(
        f"{name}, in business hours", f"{rule}; only the time while the desk is open.", spread=Spread.of(business)
    )


def _who(replied: Sequence[Who]) -> Iterable[Figure]:
    """How often customers were handed around; only of conversations in which it is known."""
    resolved = [each for each in replied if each.one_touch is not None]
    named = [each for each in replied if each.agents or each.departments]
    if resolved:
        rule = "Exactly one reply of a person, of conversations that passed."
        yield Figure("One-touch", rule, Share(sum(bool(each.one_touch) for each in resolved), len(resolved)))
    if named:
        rule = "Another person or department answered than before, of conversations whose replies name somebody."
        handoffs = sum(each.handoffs for each in named)
        share = Share(sum(each.handoffs > 0 for each in named), len(named))
        yield Figure(
            "Handed on", rule, share, note=f"{handoffs} handoff{'' if handoffs == 1 else 's'}" if handoffs else ""
        )
    if reopened := sum(each.reopened > 0 for each in replied):
        rule = (
            "The desk closed the request, the customer wrote again and a person went on, of conversations with a reply."
        )
        yield Figure("Reopened", rule, Share(reopened, len(replied)))


def _promises(judged: Sequence[Facts]) -> Figure:
    decided = [kept for each in judged for kept in each.kept]
    missed: dict[str, int] = {}
    for each in decided:
        if not each.kept:
            missed[each.promise] = missed.get(each.promise, 0) + 1
    note = ", ".join(f"{promise.replace('_', ' ')} missed {times}×" for promise, times in missed.items())
    rule = "Waits that ended, or outlasted what the desk promised, judged on the clock of the promise."
    return Figure("Promises kept", rule, Share(sum(each.kept for each in decided), len(decided)), note=note)


def _problems(whole: Conversation, summary: Summary, kept: Sequence[Kept]) -> Iterable[Problem]:
    def problem(what: str, evidence: str) -> Problem:
        return Problem(whole.id, whole.visit, whole.started_at, summary.zone, what, quoted(evidence, EVIDENCE_LENGTH))

    if whole.verdict is Verdict.FAILED:
        last = next((m.text for m in reversed(whole.messages) if m.inbound), "")
        yield problem(whole.reason or "failed", last)
    for promise in dict.fromkeys(each.promise for each in kept if not each.kept):
        promised = definition_of(whole.definition).desk.promises.given()[promise]
        yield problem(f"promise missed: {promise.replace('_', ' ')} within {promised}", "")
    for found in whole.findings:
        if found.result == "problem":
            yield problem(complaint(found.check), found.evidence)


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
