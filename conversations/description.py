"""A conversation as plain data: what `conversations --json`, the pages and the reports show."""

from datetime import UTC, datetime
from typing import Any

from conversations.definition import Definition
from conversations.records import Conversation, Status, Step, StoredFinding, StoredMessage, StoredOpinion
from conversations.times import times
from conversations.who import who

OUTCOMES = {
    Status.INTENDED: "waiting",
    Status.TRANSMITTING: "uncertain",
    Status.UNCERTAIN: "uncertain",
    Status.WAITING: "waiting",
    Status.DONE: "done",
    Status.FAILED: "failed",
}


def describe(conversation: Conversation) -> dict[str, Any]:
    """JSON-able; times are RFC 3339 UTC."""
    definition = Definition.model_validate_json(conversation.definition)
    return {
        "id": conversation.id,
        "visit": conversation.visit,
        "desk": conversation.desk,
        "channel": conversation.channel,
        "location": conversation.location,
        "mailbox": conversation.mailbox,
        "reference": conversation.reference,
        "parent": conversation.parent,
        "companions": [step.outcome["companion"] for step in conversation.steps if "companion" in step.outcome],
        "scenario": definition.scenario,
        "verdict": conversation.verdict,
        "reason": conversation.reason or "",
        "started_at": rfc3339(conversation.started_at),
        "finished_at": rfc3339(conversation.finished_at),
        "waiting_since": rfc3339(conversation.waiting_since),
        "steps": [_step(step) for step in conversation.steps],
        "messages": [_message(message) for message in sorted(conversation.messages, key=lambda m: (m.at, m.id))],
        "messages_left_out": conversation.left_out,
        "times": times(conversation, definition.desk.business_hours).to_json(),
        "who": who(conversation).to_json(),
        "findings": [_finding(finding) for finding in conversation.findings],
        "second_opinions": [_opinion(opinion) for opinion in conversation.opinions],
    }


def rfc3339(epoch: float | None) -> str | None:
    """Seconds since the epoch as `2026-11-22T08:15:30.123Z`."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _step(step: Step) -> dict[str, Any]:
    under_way = step.status in {Status.INTENDED, Status.TRANSMITTING, Status.WAITING}
    reason = step.outcome.get("reason")
    return {
        "seq": step.seq,
        "name": step.name,
        "started_at": rfc3339(step.started_at),
        "finished_at": None if under_way else rfc3339(step.finished_at),
        "outcome": OUTCOMES[step.status],
        **({"reason": reason} if reason else {}),
    }


def _message(message: StoredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "direction": message.direction,
        "kind": message.kind,
        "message_id": message.message_id,
        "subject": message.subject,
        "from": message.sender,
        "to": message.recipient,
        "at": rfc3339(message.at),
        "at_range": _range(message),
        "detected_at": rfc3339(message.detected_at),
        "detection_lag_seconds": _lag(message),
        "folder": message.folder,
        "rule": message.rule,
        "matched_by": message.matched_by,
        "agent": message.envelope.get("agent"),
        "text": message.text,
    }


def _range(message: StoredMessage) -> list[str | None] | None:
    """The first and the last moment at which an inbound mail can have been delivered; None where that was not measured."""
    earliest = message.envelope.get("earliest")
    return None if earliest is None else [rfc3339(earliest), rfc3339(message.at)]


def _lag(message: StoredMessage) -> float | None:
    return None if message.detected_at is None else round(max(0.0, message.detected_at - message.at), 3)


def _finding(finding: StoredFinding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "result": finding.result,
        "rule": finding.rule,
        "evidence": finding.evidence,
        "value": finding.value,
        "message": finding.message,
    }


def _opinion(opinion: StoredOpinion) -> dict[str, Any]:
    return {
        "message": opinion.message,
        "judge": opinion.judge,
        "verdict": opinion.verdict,
        "why": opinion.why,
        "at": rfc3339(opinion.at),
    }
