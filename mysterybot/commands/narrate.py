"""Tells a conversation as it unfolds, line by line, for the terminal."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from conversations.records import Conversation, Status, Step, StoredMessage

WAITING = {
    "acknowledgement": "waits for the acknowledgement",
    "reply": "waits for a person to reply",
    "first_answer": "waits for any answer",
    "closing": "waits for the desk to close the request",
    "pause": "pauses",
    "finished": "waits for its companion to end",
}
KINDS = {
    "human": "a person replied",
    "acknowledgement": "acknowledged automatically",
    "out_of_office": "out of office",
    "bounce": "our mail came back",
    "bulk": "bulk mail",
    "challenge": "a challenge to prove that we are human",
    "other": "an automatic notice",
}
GREETING = 28
"""Lines up to so many characters greet or thank more often than they say something."""

MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "faulted": "[yellow]![/]"}


class Narrator:
    """Remembers what was told; `news` gives the lines that are new, with rich's markup, outside text escaped."""

    def __init__(self, *, named: bool = False) -> None:
        self._named = named
        self._steps: dict[tuple[str, int], tuple[Status, int]] = {}
        self._messages: set[int] = set()
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    def news(self, *conversations: Conversation) -> list[str]:
        """What is new in these conversations, in the order in which it happened."""
        lines = [(at, each, text) for each in conversations for at, text in self._news(each)]
        return [self._line(at, each, text) for at, each, text in sorted(lines, key=lambda line: line[0])]

    def _line(self, at: float, conversation: Conversation, text: str) -> str:
        named = self._named or conversation.parent is not None
        name = f"[bold]{escape(conversation.visit):<18}[/] " if named else ""
        return f"[dim]{clock(at)}[/]  {name}{text}"

    def _news(self, conversation: Conversation) -> Iterator[tuple[float, str]]:
        if conversation.id not in self._begun:
            self._begun.add(conversation.id)
            whom = f"{escape(conversation.desk)} by {escape(conversation.channel)}"
            yield conversation.started_at, f"[cyan]●[/] contacts {whom}  [dim]conversation {conversation.id}[/]"
        for message in conversation.messages:
            if message.id not in self._messages:
                self._messages.add(message.id)
                yield message.detected_at or message.at, _message(message)
        for step in conversation.steps:
            if self._steps.get((conversation.id, step.seq)) != (step.status, step.attempts):
                self._steps[conversation.id, step.seq] = (step.status, step.attempts)
                yield from _step(step)
        if conversation.verdict is not None and conversation.id not in self._ended:
            self._ended.add(conversation.id)
            assert conversation.finished_at is not None
            reason = f": {escape(conversation.reason)}" if conversation.reason else ""
            yield conversation.finished_at, f"{MARKS[conversation.verdict]} [bold]{conversation.verdict}[/]{reason}"


def clock(at: float) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def summary(description: dict[str, Any]) -> list[str]:
    """The figures of a conversation, for people."""
    times, lines = description["times"], []
    if times["acknowledgement_seconds"] is not None:
        lines.append(f"acknowledged after {seconds(times['acknowledgement_seconds'])}")
    for name, label in (("first_reply_seconds", "first reply"), ("resolution_seconds", "resolved")):
        if times[name] is not None:
            lines.append(f"{label} after {_clocks(times[name])}")
    lines += [f"next reply after {_clocks(each)}" for each in times["next_reply_seconds"]]
    lines += _who(description["who"])
    lines += [
        f"{finding['check']}: {finding['evidence']}"
        for finding in description["findings"]
        if finding["result"] == "problem"
    ]
    lines += [
        f"second opinion ({opinion['judge']}): {opinion['verdict'] or 'none'}: {opinion['why']}"
        for opinion in description["second_opinions"]
    ]
    return lines


def _who(who: dict[str, Any]) -> list[str]:
    """Who answered, where somebody is named."""
    named = " → ".join(who["agents"]) or " → ".join(who["departments"])
    told = [f"handed on {who['handoffs']}×"] * bool(who["handoffs"]) + [f"reopened {who['reopened']}×"] * bool(
        who["reopened"]
    )
    told += ["one-touch"] * bool(who["one_touch"])
    return [f"answered by {named}{': ' if told else ''}{', '.join(told)}"] if named else []


def seconds(value: float) -> str:
    """`3.2 s`, `12 min`, `4 h 10 min`, `2 d 3 h`."""
    if value < 120:
        return f"{value:.1f} s"
    minutes = round(value / 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _clocks(elapsed: dict[str, float]) -> str:
    business = elapsed["business"]
    calendar = seconds(elapsed["calendar"])
    return (
        calendar if abs(business - elapsed["calendar"]) < 1 else f"{calendar} ({seconds(business)} in business hours)"
    )


def _message(message: StoredMessage) -> str:
    if not message.inbound:
        return f"[blue]→[/] sent: {escape(message.subject)}"
    folder = "" if message.folder == "INBOX" else f", found in {escape(message.folder or '')}"
    lines = [line.strip() for line in message.text.splitlines() if line.strip()]
    first = next((line for line in lines if len(line) > GREETING), next(iter(lines), ""))
    if message.kind == "bounce" and not message.permanent:
        return f"[magenta]←[/] our mail is delayed: {escape(message.subject)}"
    said = f" “{escape(first[:80])}”" if message.kind == "human" and first else ""
    return f"[magenta]←[/] {KINDS.get(message.kind, message.kind)}{folder}: {escape(message.subject)}{said}"


def _step(step: Step) -> Iterator[tuple[float, str]]:
    if step.status is Status.WAITING and step.name in WAITING:
        deadline = step.intent.get("deadline")
        until = f", at most until {_until(deadline, step.started_at)}" if deadline else ""
        yield step.started_at, f"[dim]…[/] {WAITING[step.name]}{until}"
    if step.status is Status.INTENDED and step.attempts:
        reason = escape(str(step.outcome.get("reason", "")))
        yield step.started_at, f"[yellow]…[/] not sent yet ({reason}); tried again at {clock(step.outcome['retry_at'])}"
    if step.status is Status.UNCERTAIN and "error" not in step.outcome:
        yield step.started_at, "[yellow]?[/] nobody knows whether that went out; waits for an answer that proves it"


def _until(deadline: float, start: float) -> str:
    day = "" if deadline - start < 43_200 else datetime.fromtimestamp(deadline, UTC).strftime("%a %d %b ")
    return day + clock(deadline)
