"""`mysterybot conversations`: what was said, when, and what was found."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from conversations.description import describe, rfc3339
from conversations.journal import lifecycle, messages
from conversations.records import Conversation
from mysterybot.commands.common import COLOURS, Wrong, command, configured, journal, log_to_stderr, out, table
from mysterybot.commands.narrate import Narrator, seconds, summary


def listing(path: Path, *, as_json: bool, visit: str | None, open_only: bool, limit: int) -> int:
    """List them, newest first."""

    async def work() -> int:
        async with journal(configured(path, secrets_needed=False)) as opened:
            found = await opened.read(
                lambda c: lifecycle.load_all(c, lifecycle.listed(c, visit=visit, open_only=open_only, limit=limit))
            )
        described = [describe(each) for each in found]
        if as_json:
            print(json.dumps(described, indent=2, ensure_ascii=False))
        elif not described:
            out.print("There are no conversations yet. Start one: mysterybot once VISIT")
        else:
            out.print(_table(described))
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def show(conversation: str, path: Path, *, as_json: bool) -> int:
    """Show one."""

    async def work() -> int:
        async with journal(configured(path, secrets_needed=False)) as opened:
            found = await opened.read(lambda c: lifecycle.load_all(c, lifecycle.beginning_with(c, conversation)))
        if len(found) != 1:
            how_many = "no conversation" if not found else "more than one conversation"
            raise Wrong(f"there is {how_many} whose id begins with {conversation}")
        description = describe(found[0])
        if as_json:
            print(json.dumps(description, indent=2, ensure_ascii=False))
        else:
            _tell(found[0], description)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def unmatched(path: Path, *, as_json: bool) -> int:
    """List mail that belongs to no conversation."""

    async def work() -> int:
        async with journal(configured(path, secrets_needed=False)) as opened:
            found = await opened.read(lambda c: messages.unmatched(c, 1000))
        mails = [
            {
                "mailbox": each["mailbox"],
                "from": each["sender"],
                "subject": each["subject"],
                "kind": each["kind"],
                "folder": each["folder"],
                "detected_at": rfc3339(each["detected_at"]),
                "message_id": each["message_id"],
            }
            for each in found
        ]
        if as_json:
            print(json.dumps(mails, indent=2, ensure_ascii=False))
        elif not mails:
            out.print("Every mail was matched to its conversation.")
        else:
            shown = table("mailbox", "detected (UTC)", "from", "kind", "subject")
            for mail in mails:
                when = str(mail["detected_at"]).replace("T", " ")[:19]
                shown.add_row(
                    *(
                        escape(str(each))
                        for each in (mail["mailbox"], when, mail["from"], mail["kind"], mail["subject"])
                    )
                )
            out.print(shown)
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


def _table(described: list[dict[str, Any]]) -> Table:
    shown = table("id", "visit", "started (UTC)", "verdict", "acknowledged", "first reply", "reason")
    for each in described:
        times, verdict = each["times"], each["verdict"]
        reply = times["first_reply_seconds"]
        acknowledged = times["acknowledgement_seconds"]
        shown.add_row(
            each["id"],
            escape(each["visit"]),
            each["started_at"].replace("T", " ")[:19],
            f"[{COLOURS[verdict]}]{verdict or 'open'}[/]",
            "–" if acknowledged is None else seconds(acknowledged),
            "–" if reply is None else seconds(reply["calendar"]),
            escape(each["reason"][:60]),
        )
    return shown


def _tell(conversation: Conversation, description: dict[str, Any]) -> None:
    out.print(f"[bold]{escape(conversation.visit)}[/]  {conversation.id}  reference {conversation.reference}")
    for line in Narrator().news(conversation):
        out.print(line)
    for line in summary(description):
        out.print(f"          {line}", markup=False)
    for message in description["messages"]:
        arrow = "→" if message["direction"] == "out" else "←"
        out.print(
            f"\n[bold]{arrow} {message['at']}  {message['kind']}[/]  {escape(message['from'])} → {escape(message['to'])}"
        )
        out.print(f"  [dim]{escape(message['subject'])}[/]")
        for text_line in message["text"].splitlines()[:60]:
            out.print(f"  {text_line}", markup=False)
        _tell_findings(found for found in description["findings"] if found["message"] == message["id"])
    _tell_findings(found for found in description["findings"] if found["message"] is None)


def _tell_findings(findings: Iterable[dict[str, Any]]) -> None:
    for found in findings:
        out.print(f"    {found['result']:<8}{found['check']} ({found['rule']}): {found['evidence']}", markup=False)
