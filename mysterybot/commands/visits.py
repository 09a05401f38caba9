"""`mysterybot visits`: what is due when, and how it fared."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conversations import slots
from conversations.description import rfc3339
from conversations.journal import switches
from conversations.journal.visits import open_by_visit, states
from mysterybot.commands.common import command, configured, journal, log_to_stderr, out, table
from mysterybot.config import Config


def visits(path: Path, *, as_json: bool) -> int:
    """List them."""
    log_to_stderr(verbose=False, quiet=True)
    return command(lambda: _visits(path, as_json=as_json))


async def _visits(path: Path, *, as_json: bool) -> int:
    config, now = configured(path, secrets_needed=False), time.time()
    async with journal(config) as opened:
        known = await opened.read(states)
        open_now = await opened.read(open_by_visit)
        paused = await opened.read(switches.paused)
    found = [
        _described(config, name, known.get(name, {}), open_now[name].count if name in open_now else 0, now)
        for name in config.visits
    ]
    if as_json:
        print(json.dumps(found, indent=2))
        return 0
    if paused:
        out.print("paused: no new conversations are started (mysterybot resume)", style="yellow")
    if found:
        _print(found)
    else:
        out.print("There are no visits in this config yet.")
    return 0


def _described(config: Config, name: str, state: Mapping[str, Any], number_open: int, now: float) -> dict[str, Any]:
    visit = config.visits[name]
    upcoming = slots.next_slot(name, visit, config.timezone(visit), now)
    return {
        "visit": name,
        "desk": visit.desk,
        "channel": visit.channel,
        "mailbox": visit.mailbox,
        "scenario": visit.scenario,
        "next_due": rfc3339(slots.start_of(name, visit, upcoming)),
        "last_run": rfc3339(state.get("last_run")),
        "last_success": rfc3339(state.get("last_success")),
        "consecutive_failures": state.get("consecutive_failures", 0),
        "consecutive_faults": state.get("consecutive_faults", 0),
        "open": number_open,
    }


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    shown = table("visit", "desk", "channel", "next due (UTC)", "last run", "last passed", "failed", "faulted", "open")
    for row in found:
        cells = (row["visit"], row["desk"], row["channel"], row["next_due"], row["last_run"], row["last_success"])
        streaks = (
            f"{row[streak]}×" if row[streak] else "–" for streak in ("consecutive_failures", "consecutive_faults")
        )
        shown.add_row(*(_short(cell) for cell in cells), *streaks, str(row["open"] or "–"))
    out.print(shown)


def _short(cell: object) -> str:
    text = str(cell) if cell else "never"
    return text.replace("T", " ")[:19] if text.endswith("Z") else text
