"""`mysterybot read`: read raw messages as the bot would."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mysterybot.commands.common import BAD, err, out
from replies.agents import agent
from replies.authentication import authentication
from replies.checks import findings
from replies.kind import Kind, classify
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
        ours = [read_message(_raw(path)).text for path in sent]
        files = [file for path in paths for file in _files(path)]
        several = len(files) != 1 or paths[0].is_dir()
        for file in files:
            said = understood(_raw(file), [*ours, *questions], authserv_id, given)
            if as_json:
                print(json.dumps({"file": str(file), **said} if several else said, ensure_ascii=False))
            else:
                _tell(file, said)
    except OSError as error:
        err.print(f"{error.filename}: {error.strerror}", markup=False, style="red")
        return BAD
    return 0


def understood(raw: bytes, ours: Sequence[str], authserv_id: str | None, facts: Mapping[str, str]) -> dict[str, Any]:
    """What the bot would make of it."""
    message = read_message(raw)
    text = new_text(message.text, ours)
    kind = classify(message, text, ours)
    promised = promise(text)
    return {
        "kind": kind.kind,
        "rule": kind.rule,
        "new_text": text,
        "ticket": next(iter(tickets(message)), None),
        "agent": agent(message, text) if kind.kind is Kind.HUMAN else None,
        "promise": None if promised is None else {"seconds": promised.seconds, "unit": promised.unit},
        "authentication": asdict(authentication(message, authserv_id)),
        "findings": [
            asdict(each)
            for each in findings(Reading(message, text, kind, facts=facts, authserv_id=authserv_id, ours=ours))
        ],
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
