"""The databases that the contract is held against, and the smallest conversation that a journal can hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conversations.journal import Journal, lifecycle, messages
from replies.kind import Kind
from tests.conversations.desk import MAILBOX, START, definition

DOCUMENT = definition().model_dump_json(by_alias=True)


@dataclass(frozen=True, slots=True)
class Database:
    """An empty database; every `journal()` is another one that opens it, as another process would."""

    name: str
    journal: Callable[[], Journal]


@pytest.fixture(params=["sqlite"])  # a second database: its name here, and how to make an empty one below
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    path = tmp_path / "journal.sqlite"
    return {"sqlite": Database("sqlite", lambda: Journal.at(path))}[request.param]


def new(conversation_id: str = "c1", *, due_at: float = START, **changes: Any) -> lifecycle.Start:
    """A conversation about to begin; another id has another reference."""
    values = {
        "visit": "test",
        "desk": "desk",
        "channel": "support",
        "mailbox": MAILBOX,
        "location": "here",
        "reference": f"ref-{conversation_id}",
        "definition": DOCUMENT,
    }
    return lifecycle.Start(id=conversation_id, due_at=due_at, **(values | changes))


def received(conversation_id: str | None, number: int = 1, **changes: Any) -> messages.Received:
    """An inbound mail; another number is another mail."""
    values = {
        "kind": Kind.HUMAN,
        "fingerprint": f"print-{number}",
        "message_id": f"<{number}@desk.example>",
        "subject": "Re: Parcel",
        "sender": "support@desk.example",
        "recipient": "anna@inbox.example",
        "text": "It is on its way.",
        "at": START + number,
        "detected_at": START + number,
        "folder": "INBOX",
        "uidvalidity": 7,
        "uid": number,
    }
    return messages.Received(MAILBOX, conversation_id, values | changes, (), (), None)
