"""What the journal holds, as values."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from replies.kind import Kind


class Status(enum.StrEnum):
    """How far a step has come."""

    INTENDED = "intended"  # decided and written down; nothing has happened outside
    TRANSMITTING = "transmitting"  # past the point of no return: after a crash nobody knows
    UNCERTAIN = "uncertain"  # known to be unknown; waits for evidence
    WAITING = "waiting"  # for a message or a moment
    DONE = "done"
    FAILED = "failed"


class Verdict(enum.StrEnum):
    """How a conversation ended."""

    PASSED = "passed"
    FAILED = "failed"  # theirs
    FAULTED = "faulted"  # ours, or unknown


@dataclass(slots=True)
class Step:
    """One durable action or wait."""

    seq: int
    name: str
    digest: str
    status: Status
    started_at: float
    finished_at: float | None = None
    attempts: int = 0
    intent: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class StoredMessage:
    """A mail in or out, or a form that was sent. `at`: out, when it was accepted; in, when it was delivered."""

    id: int
    direction: str
    kind: Kind
    message_id: str | None
    subject: str
    sender: str
    recipient: str
    text: str
    at: float
    detected_at: float | None = None
    folder: str | None = None
    envelope: Mapping[str, Any] = field(default_factory=dict)
    permanent: bool | None = None
    taken_by: int | None = None
    rule: str | None = None
    matched_by: str | None = None

    @property
    def inbound(self) -> bool:
        """Did it come from the desk?"""
        return self.direction == "in"


@dataclass(slots=True)
class StoredFinding:
    """One checked statement about a reply."""

    check: str
    result: str
    rule: str
    evidence: str
    value: Any = None
    message: int | None = None


@dataclass(frozen=True, slots=True)
class StoredOpinion:
    """What a judge says about a reply, beside the findings; `verdict` is None when none was to be had, and `why` says why."""

    message: int
    judge: str
    verdict: str | None
    why: str
    at: float


@dataclass(slots=True)
class Conversation:
    """One run of a visit, with everything that belongs to it."""

    id: str
    visit: str
    due_at: float
    desk: str
    channel: str
    mailbox: str
    location: str
    reference: str
    definition: str
    verdict: Verdict | None
    reason: str | None
    started_at: float
    finished_at: float | None
    waiting_since: float | None
    wake_at: float | None
    rev: int
    owner: str | None
    parent: str | None = None  # the conversation that began this one as its companion
    steps: list[Step] = field(default_factory=list)
    messages: list[StoredMessage] = field(default_factory=list)
    findings: list[StoredFinding] = field(default_factory=list)
    opinions: list[StoredOpinion] = field(default_factory=list)
    delivery_seconds: float | None = None  # of the last control mail of its mailbox
    left_out: int = 0  # messages that the journal holds besides: a flood is not read to its end


def to_json(document: Any) -> str:
    """Canonical JSON: the same document always gives the same text."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
