"""One conversation with all that a page about it shows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from conversations.description import describe
from conversations.records import Conversation
from conversations.times import promises_decided
from exporters.summaries import Summary, definition_of

MOST_MESSAGES: Final = 200
MOST_STEPS: Final = 500
MOST_FINDINGS: Final = 500
"""A page shows so many; a mail loop must not make it endless."""


def detail(whole: Conversation) -> Mapping[str, Any]:
    """`description.describe` of it, bounded, and what pages need besides."""
    shown = replace(
        whole,
        messages=sorted(whole.messages, key=lambda m: (m.at, m.id))[:MOST_MESSAGES],
        steps=whole.steps[:MOST_STEPS],
        findings=whole.findings[:MOST_FINDINGS],
    )
    summary, desk = Summary.of(whole), definition_of(whole.definition).desk
    return {
        **describe(shown),
        "desk_name": desk.name,
        "zone": summary.zone,
        "verdict": summary.verdict,
        "took": None if whole.finished_at is None else whole.finished_at - whole.started_at,
        "waits": list(_waits(whole, summary)),
        "left_out": whole.left_out + len(whole.messages) - len(shown.messages),
    }


def _waits(whole: Conversation, summary: Summary) -> Iterator[Mapping[str, Any]]:
    """Each time that was measured or promised: calendar and business seconds, the promise, and whether it was kept."""
    desk, measured = definition_of(whole.definition).desk, summary.times
    promised = desk.promises.given()
    decided: dict[str, list[bool]] = {}
    for each in promises_decided(whole, promised, desk.business_hours):
        decided.setdefault(each.promise, []).append(each.kept)
    nexts: list[tuple[float, float | None]] = [
        (wait.calendar, wait.business) for wait in islice(measured.next_replies, 20)
    ]
    both: Mapping[str, list[tuple[float, float | None]]] = {
        "acknowledgement": [] if measured.acknowledgement is None else [(measured.acknowledgement, None)],
        "first_reply": [(w.calendar, w.business) for w in (measured.first_reply,) if w is not None],
        "next_reply": nexts,
        "resolution": [(w.calendar, w.business) for w in (measured.resolution,) if w is not None],
    }
    for name, waits in both.items():
        results = decided.get(name, [])
        for number in range(max(len(waits), len(results), name in promised)):
            calendar, business = waits[number] if number < len(waits) else (None, None)
            kept = results[number] if number < len(results) else None
            yield {
                "name": name,
                "calendar": calendar,
                "business": business,
                "promised": promised.get(name),
                "kept": kept,
            }
