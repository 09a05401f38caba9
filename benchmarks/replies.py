"""Reading a mail: everything that is done with one that comes in, on usual mails and on a megabyte meant to hurt.

Beside it stands Python's own mail parser, which only parses.
"""

import email
import email.policy
import time
from collections.abc import Callable

from benchmarks.figures import Aim, Figure, median, percentile
from replies.agents import agent
from replies.checks import findings
from replies.kind import classify
from replies.message import read
from replies.new_text import new_text
from replies.reading import Reading
from replies.tickets import tickets

MEGABYTE = 1 << 20
OURS = ["Hello,\n\nI ordered a kettle on Monday, order EX-20417. Where is it?\n\nKind regards\nAnn"]
HEAD = (
    b"From: Robin Baker <robin@desk.example>\nTo: Ann Gray <ann@inbox.example>\nSubject: Re: [desk.example #7] Kettle\n"
    b"In-Reply-To: <q1@inbox.example>\nMIME-Version: 1.0\n"
)
PLAIN = HEAD + b"Content-Type: text/plain; charset=utf-8\n\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\n\n"
QUOTED = b"\n\nOn Wed, 11 Nov 2026 at 10:02, Ann Gray wrote:\n> " + OURS[0].replace("\n", "\n> ").encode()
LETTER = (
    b"Dear Ann,\n\nThank you for your message and sorry for the wait. I have checked with our warehouse: your kettle left\n"
    b"yesterday with the parcel service, number 00340434, and should be with you on Friday before noon. If it is not,\n"
    b"please tell me and I will answer within one business day. Could you also confirm the postcode of your order?\n\n"
    b"Kind regards,\nRobin Baker\nExample Support\n"
)

USUAL = {
    "acknowledgement": PLAIN + b"Your request has been received. We will reply within 24 hours.\n\nThe team" + QUOTED,
    "letter": PLAIN + LETTER + QUOTED,
    "letter as HTML": HTML
    + b"<p>"
    + LETTER.replace(b"\n\n", b"</p><p>")
    + b"</p><blockquote>"
    + QUOTED
    + b"</blockquote>",
    "long thread": PLAIN + LETTER + (QUOTED + b"\n> " + LETTER.replace(b"\n", b"\n> ")) * 10,
}

HOSTILE = {
    "one line": PLAIN + b"ticket number " * 80_000,
    "no sentence ends": PLAIN
    + b"your request was not received and we will get back to you within 24 hours or " * 14_000,
    "attributions": PLAIN + b"Hi\n" + b"On Monday, 12 May 2026 at 10:00, Ann wrote\n" * 24_000,
    "fields": PLAIN + b"From: a\nSent: b\n\n" * 60_000,
    "rules": PLAIN + (b"-" * 30 + b"\na: b\nx\n") * 26_000,
    "entities": PLAIN + b"&gt;&lt;br&gt;" * 70_000,
    "open angles": HTML + b"<" * MEGABYTE,
    "open attributes": HTML + b'<a b="' * 170_000,
    "hidden boxes": HTML + b"<div style='display:none'>" * 40_000,
    "tiny parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 150_000,
    "forwards in forwards": HEAD + b"Content-Type: message/rfc822\n\n" * 30_000 + b"\nHello",
}


def everything(raw: bytes) -> None:
    """All that is done with a mail."""
    message = read(raw)
    text = new_text(message.text, OURS)
    kind = classify(message, text, OURS)
    tickets(message)
    agent(message, text)
    findings(Reading(message, text, kind, facts={"order_number": "EX-20417"}, authserv_id="mx.example", ours=OURS))


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures."""
    times = 5 if quick else 25
    for raw in USUAL.values():
        everything(raw)  # the language model is loaded with the first
    usual = {name: median([_seconds(everything, raw) for _ in range(times)]) for name, raw in USUAL.items()}
    hostile = {
        name: median([_seconds(everything, raw) for _ in range(1 if quick else 3)]) for name, raw in HOSTILE.items()
    }
    parsing = median([_seconds(_parsed, USUAL["letter"]) for _ in range(times)])
    slowest, worst = max(usual, key=usual.__getitem__), max(hostile, key=hostile.__getitem__)
    return [
        Figure(
            "all checks on one mail, median",
            1000 * percentile(list(usual.values()), 0.5),
            "ms",
            f"Python's mail parser alone: {1000 * parsing:.2f} ms",
            Aim("<", 50),
        ),
        Figure("all checks on one mail, slowest", 1000 * usual[slowest], "ms", slowest),
        Figure("all checks on a hostile megabyte, slowest", 1000 * hostile[worst], "ms", worst, Aim("<", 500)),
        Figure("all checks on a hostile megabyte, median", 1000 * median(list(hostile.values())), "ms"),
    ]


def _seconds(what: Callable[[bytes], object], raw: bytes) -> float:
    """CPU seconds: how busy the machine is must not matter."""
    began = time.process_time()
    what(raw)
    return time.process_time() - began


def _parsed(raw: bytes) -> object:
    return email.message_from_bytes(raw, policy=email.policy.default).get_body()
