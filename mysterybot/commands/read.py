"""`mysterybot read`: read raw messages as the bot would."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mysterybot import threads
from mysterybot.commands.common import BAD, err, out
from replies.agents import agent
from replies.authentication import authentication
from replies.checks import findings
from replies.guard import guarded, no_kind
from replies.kind import Classified, Kind, classify
from replies.message import Message
from replies.message import read as read_message
from replies.new_text import new_text
from replies.promise import promise
from replies.reading import Reading
from replies.tickets import tickets

MOST_BYTES = 1 << 20


def read(
    paths: Sequence[Path],
    sent: Sequence[Path],
    *,
    as_json: bool,
    authserv_id: str | None,
    facts: Sequence[str],
    questions: Sequence[str],
) -> int:
    """One JSON object for one file, one a line for several; or for people."""
    wrong = next((fact for fact in facts if "=" not in fact), None)
    if wrong is not None:
        err.print(f"--fact {wrong}: should be name=value", markup=False, style="red")
        return BAD
    given = dict(fact.split("=", 1) for fact in facts)
    try:
        written = [threads.sent(path, read_message(_raw(path))) for path in sent]
        ours = [*(letter.turn.text for letter in written), *questions]
        files = [file for path in paths for file in _files(path)]
        several = len(files) != 1 or paths[0].is_dir()
        came = [_letter(file, ours) for file in files] if several or written else []
        conversations = threads.Threads([*written, *came])
        for file in files:
            said = understood(_raw(file), _around(file, conversations if came else None, ours, given), authserv_id)
            if as_json:
                print(json.dumps({"file": str(file), **said} if several else said, ensure_ascii=False))
            else:
                _tell(file, said)
    except OSError as error:
        err.print(f"{error.filename}: {error.strerror}", markup=False, style="red")
        return BAD
    return 0


def understood(raw: bytes, around: Mapping[str, Any], authserv_id: str | None) -> dict[str, Any]:
    """What the bot would make of it; `around`: what else is known, fields of `Reading`."""
    message = read_message(raw)
    text, kind = _new(message, around["ours"])
    reading = Reading(message, text, kind, authserv_id=authserv_id, **around)
    promised = guarded("the promise", lambda: promise(text), lambda _: None)
    return {
        "kind": kind.kind,
        "rule": kind.rule,
        "new_text": text,
        "ticket": next(iter(guarded("the ticket", lambda: tickets(message), lambda _: ())), None),
        "agent": guarded("the agent", lambda: agent(message, text), lambda _: None)
        if kind.kind is Kind.HUMAN
        else None,
        "promise": None if promised is None else {"seconds": promised.seconds, "unit": promised.unit},
        "authentication": asdict(authentication(message, authserv_id)),
        "findings": [asdict(each) for each in findings(reading)],
    }


def _new(message: Message, ours: Sequence[str]) -> tuple[str, Classified]:
    text = guarded("the new text", lambda: new_text(message.text, ours), lambda _: message.text)
    return text, guarded("the kind", lambda: classify(message, text, ours), no_kind)


def _letter(file: Path, ours: Sequence[str]) -> threads.Letter:
    message = read_message(_raw(file))
    return threads.received(file, message, *_new(message, ours))


def _around(
    file: Path, conversations: threads.Threads | None, ours: Sequence[str], facts: Mapping[str, str]
) -> dict[str, Any]:
    """What the other files tell: what went before in its conversation, and what the desk wrote in others."""
    if conversations is None:
        return {"facts": facts, "ours": ours}
    others = list(conversations.elsewhere(file))
    return {
        "facts": facts,
        "ours": conversations.ours(file) or ours,
        "earlier": conversations.before(file),
        "other_questions": [question for question, _ in others],
        "other_replies": [reply for _, reply in others],
    }


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob("*") if each.is_file())
    else:
        yield path


def _raw(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def _tell(file: Path, said: dict[str, Any]) -> None:
    out.print(
        f"{file}: {said['kind']} ({said['rule']})"
        + (f", ticket {said['ticket']}" if said["ticket"] else "")
        + (f", by {said['agent']}" if said["agent"] else ""),
        markup=False,
    )
    for each in said["findings"]:
        out.print(f"  {each['result']:<8}{each['check']} ({each['rule']}): {each['evidence']}", markup=False)
    for line in said["new_text"].splitlines()[:20]:
        out.print(f"  | {line}", markup=False)
