"""Configs of a bot for tests: for the demo company, or for servers that are not there."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mysterybot.demo.company import Company
from probes.form.browser import Browser
from probes.form.settings import BrowserSettings

PROMPT: dict[str, Any] = {
    "desk": "acme",
    "channel": "support",
    "mailbox": "anna",
    "scenario": "ask_and_follow_up",
    "every": "1 hour",
    "with": {
        "subject": "My order",
        "opening": "Hello\n\nMy order number is AH-20417. When will my order be ready?\n\n{name}",
        "questions": [{"ask": "When will my order be ready?", "expect": ["thursday"]}],
        "patience": "60 seconds",
    },
}
"""A visit that a prompt agent answers fully."""

SILENT: dict[str, Any] = {
    **PROMPT,
    "channel": "abuse",
    "scenario": "acknowledged",
    "with": {"opening": "Hello?", "patience": "1 second"},
}


def bot_config(
    folder: Path,
    visits: Mapping[str, Any],
    company: Company | None = None,
    *,
    password: Any = None,
    **sections: Any,
) -> Path:
    """A config file in this folder; JSON is YAML. Without a company its ports are closed ones."""
    imap, smtp = (company.mail.ports.imap, company.mail.ports.smtp) if company else (1, 1)
    document = {
        "bot": {"data": "data", "listen": "127.0.0.1:0", "location": "test"},
        "mailboxes": {
            "anna": {
                "address": "anna@inbox.example",
                "name": "Anna Keller",
                "smtp": {"host": "127.0.0.1", "port": smtp, "security": "none"},
                "imap": {"host": "127.0.0.1", "port": imap, "security": "none"},
                "login": {"user": "anna@inbox.example", "password": password or {"env": "ANNA_PASSWORD"}},
            }
        },
        "desks": {
            "acme": {
                "name": "Acme Hosting",
                "domains": ["acme.example"],
                "promises": {"acknowledgement": "1 minute", "first_reply": "1 hour"},
                "channels": {
                    "support": {"email": "support@acme.example"},
                    "abuse": {"email": "abuse@acme.example"},
                },
            }
        },
        "visits": dict(visits),
        **sections,
    }
    path = folder / "mysterybot.yaml"
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def idle_browser() -> Browser:
    """A browser that is never started."""
    return Browser(BrowserSettings(), now=lambda: datetime.now(UTC), environ={})
