"""How log lines look: a line a fact, with time, level, and what it is about; as text, or as JSON for machines."""

import json
import logging
import time
from typing import Final

from conversations.about import told

OURS: Final = (
    "mysterybot",
    "scenarios",
    "exporters",
    "conversations",
    "probes",
    "replies",
    "mysterybot_user_scenarios",
)
"""Whose lines are shown. Of others' libraries only warnings are: their debug lines may hold passwords and mails."""


def shown(record: logging.LogRecord) -> bool:
    """Whether a line is shown; a filter of the standard library."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OURS


class TextLines(logging.Formatter):
    """`2026-11-22T08:15:30Z INFO mysterybot.visits: …`; what the line says cannot begin another line.

    What it is about follows in brackets, as far as the line does not say it itself.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library's name
        """Keep it on one line."""
        line = super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
        about = " ".join(f"{name}={value}" for name, value in told().items() if value not in record.message)
        return f"{line} [{about}]" if about else line


class JsonLines(logging.Formatter):
    """One JSON object a line: time (RFC 3339), level, logger, message, what it is about, and the traceback of an error."""

    def __init__(self) -> None:
        super().__init__()
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """As JSON."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **told(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
