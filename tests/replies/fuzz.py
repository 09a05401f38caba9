"""Reads mutated mails until something breaks: `python -m tests.replies.fuzz [RUNS] [SEED] [FOLDER of more mails]`.

Mails are cut, spliced, repeated and sown with what breaks readers: boundaries, charsets, quotations, phrases. Nothing may
be raised, inside of a guard either, and none may take long. What breaks is written to the current folder.
"""

import logging
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from replies.agents import agent
from replies.authentication import authentication
from replies.checks import findings
from replies.intact import intact
from replies.kind import classify
from replies.message import read
from replies.new_text import new_text
from replies.reading import Reading
from replies.tickets import tickets
from tests.replies.mails import ABSENCES, ACKNOWLEDGEMENTS, CLOSED, HUMANS, MARKS, RESPONDER, mail

LONGEST = 60_000
USUAL = 1_500
"""Bytes of nineteen in twenty, so that many fit into an hour."""
SLOW_SECONDS = 2.0
OURS = ["Where is my kettle from Zürich, order EX-20417?\n\nAnn Gray"]

TOKENS = [
    *(b"\n", b"\n\n", b"\r\n", b"\r", b"\0", b"\xff\xfe", b"\x80", b"\xe2\x80\xae", b"\xed\xa0\x80", b" " * 500, b"\t"),
    *(b"--b\n", b"--b--\n", b"Content-Type: multipart/mixed; boundary=b\n\n", b"Content-Type: message/rfc822\n\n"),
    *(b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n", b"Action: failed\nStatus: 5.1.1\n"),
    *(b"Content-Type: message/delivery-status\n\n", b"Content-Type: text/html; charset=utf-7\n\n"),
    *(
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"=\n",
        b"=C3",
        b"=====",
    ),
    *(b"Subject: =?utf-8?b?8J+Y?= =?x?q?=?=\n", b'From: "(((<@\n', b"Date: Thu, 99 Foo 99999 99:99:99 +9999\n"),
    *(
        b'Authentication-Results: mx.example; ((((; spf=pass dkim="\n',
        b"Return-Path: <>\n",
        b"Auto-Submitted: auto-replied\n",
    ),
    *(
        b"References: " + b"<a@b> " * 300 + b"\n",
        b"charset=punycode",
        b"charset=idna",
        b"charset=undefined",
        b"charset=\0",
    ),
    *(
        b"<div style='display:none'>",
        b"<blockquote>" * 50,
        b"</div>",
        b"<!--",
        b"<script>",
        b"<a href=x>",
        b"&#1114112;",
    ),
    *(
        b"&#xd800;",
        b"&lt;br&gt;",
        b"> " * 200,
        b"|",
        b"-- \n",
        b"-----Original Message-----\n",
        b"From: a\nSent: b\nTo: c\n",
    ),
    *(
        b"On Wed, 11 Nov 2026 at 10:02, Ann wrote:\n",
        b"Ann Gray, Nov 11, 2026, 21:02\n\n",
        b"##- reply above this line -##\n",
    ),
    *(
        b"-" * 60 + b"\n",
        b"[a #1]",
        b"#" * 300,
        b"within 99999999999999999999 hours ",
        b"in 31. 02. 0000 ",
        b"1e999 days",
    ),
    *(
        b'"' * 301,
        b"your request has been received " * 40,
        b"a" * 3000,
        "受付".encode() * 300,
        b"ihre anfrage " * 90,
    ),
]


def seeds(folder: Path | None) -> list[bytes]:
    """Invented mails of every kind, plain and HTML, and those of `folder`."""
    found = []
    for wordings in (ACKNOWLEDGEMENTS, ABSENCES, CLOSED, HUMANS):
        for subject, text in wordings.values():
            for headers in (*MARKS.values(), RESPONDER):
                found.append(mail(text, subject, **headers))
            found.append(
                mail(
                    text, subject, html=f"<p>{text}</p><div class=gmail_quote><blockquote>{OURS[0]}</blockquote></div>"
                )
            )
    if folder:
        found += [path.read_bytes()[:LONGEST] for path in sorted(folder.rglob("*")) if path.is_file()]
    return found


def mutated(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    """`raw` after one to six mutations, some of which mix it with `other`."""
    for _ in range(chance.randint(1, 6)):
        at, to = sorted((chance.randint(0, len(raw)), chance.randint(0, len(raw))))
        match chance.randrange(7):
            case 0:
                raw = raw[:at] + chance.choice(TOKENS) + raw[at:]
            case 1:
                raw = raw[:at] + raw[to:]
            case 2:
                raw = raw[:at] + chance.choice(TOKENS) * chance.randint(2, 30) + raw[to:]
            case 3:
                raw = raw[:at] + other[chance.randint(0, len(other)) :]
            case 4:
                raw = raw[:at] + raw[at : at + 400] * chance.randint(2, 20) + raw[at:]
            case 5:
                raw = bytes(byte ^ (chance.random() < 0.01) * chance.randrange(256) for byte in raw[:4000]) + raw[4000:]
            case _:
                raw = raw.translate(None, delete=bytes([chance.randrange(256)]))
    return raw[: LONGEST if chance.random() < 0.05 else USUAL]


def everything(raw: bytes) -> None:
    """All that is ever done with a mail that comes in."""
    message = read(raw)
    text = new_text(message.text, OURS)
    kind = classify(message, text, OURS)
    tickets(message)
    agent(message, text)
    authentication(message, "mx.example")
    intact(OURS, [message.text])
    reading = Reading(message, text, kind, facts={"order_number": "EX-20417"}, authserv_id="mx.example", ours=OURS)
    for found in findings(reading):
        if len(found.evidence) > 400:
            raise ValueError(f"long evidence of {found.check}")


class _Raises(logging.Handler):
    """What a guard caught and logged is an error all the same."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError(record.getMessage())


@contextmanager
def raising() -> Iterator[None]:
    """While it lasts, no guard hides an error."""
    handler, log = _Raises(), logging.getLogger("replies")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def run(runs: int, seed: int, folder: Path | None) -> Sequence[bytes]:
    """The mails that broke something or took long, each with a line that says what."""
    chance = random.Random(seed)
    mails = seeds(folder)
    broken = []
    slowest = 0.0
    for count in range(1, runs + 1):
        raw = mutated(chance.choice(mails), chance.choice(mails), chance)
        began = time.process_time()
        try:
            with raising():
                everything(raw)
        except Exception as error:  # what is looked for
            broken.append(raw)
            sys.stdout.write(f"{len(broken)}: {type(error).__name__}: {str(error)[:200]}\n")
        took = time.process_time() - began
        slowest = max(slowest, took)
        if took > SLOW_SECONDS:
            broken.append(raw)
            sys.stdout.write(f"{len(broken)}: {took:.1f} s for {len(raw)} bytes\n")
        if count % 10_000 == 0:
            sys.stdout.write(f"{count} mails, {len(broken)} broke something, slowest {slowest * 1000:.0f} ms\n")
            sys.stdout.flush()
    return broken


def main() -> int:
    """Exit code 1 when something broke."""
    runs, seed = (int(word) for word in (*sys.argv[1:3], *("10000", "1")[len(sys.argv) - 1 :])[:2])
    broken = run(runs, seed, Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    for number, raw in enumerate(broken[:50], 1):
        Path(f"broken-{number}.eml").write_bytes(raw)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
