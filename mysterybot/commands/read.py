"""`mysterybot read`: read raw messages as the bot would."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mysterybot.commands.common import BAD, err, out
from replies.checks import findings
from replies.kind import classify
from replies.message import read as read_message
from replies.new_text import new_text
from replies.tickets import tickets

MOST_BYTES = 1 << 20


def read(paths: Sequence[Path], sent: Sequence[Path], *, as_json: bool) -> int:
    """One JSON object for one file, one a line for several; or for people."""
    try:
        ours = [read_message(_raw(path)).text for path in sent]
        files = [file for path in paths for file in _files(path)]
        several = len(files) != 1 or paths[0].is_dir()
        for file in files:
            said = understood(_raw(file), ours)
            if as_json:
                print(json.dumps({"file": str(file), **said} if several else said, ensure_ascii=False))
            else:
                _tell(file, said)
    except OSError as error:
        err.print(f"{error.filename}: {error.strerror}", markup=False, style="red")
        return BAD
    return 0


def understood(raw: bytes, ours: Sequence[str]) -> dict[str, Any]:
    """What the bot would make of it."""
    message = read_message(raw)
    text = new_text(message.text, ours)
    kind = classify(message, text, ours)
    found = findings(message, text, kind, folder=None)
    return {
        "kind": kind.kind,
        "rule": kind.rule,
        "new_text": text,
        "ticket": next(iter(tickets(message)), None),
        "findings": [
            {"check": f.check, "result": f.result, "rule": f.rule, "evidence": f.evidence, "value": f.value}
            for f in found
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
        f"{file}: {said['kind']} ({said['rule']})" + (f", ticket {said['ticket']}" if said["ticket"] else ""),
        markup=False,
    )
    for line in said["new_text"].splitlines()[:20]:
        out.print(f"  | {line}", markup=False)
