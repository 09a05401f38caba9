from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysterybot.demo.letters import Outgoing, compose, new_text, quoted, read

LETTER = Outgoing(
    sender_name="Zoë Müller",
    sender="support@acme.example",
    to_name="Anna",
    to="anna@inbox.example",
    subject="Grüezi",
    text="Schöne Grüsse\n",
    message_id="<7@acme.example>",
    date=datetime(2026, 3, 4, tzinfo=UTC),
)


def test_what_is_composed_is_read_again() -> None:
    incoming = read(compose(LETTER))
    assert (incoming.sender_name, incoming.sender) == ("Zoë Müller", "support@acme.example")
    assert (incoming.subject, incoming.text, incoming.message_id) == ("Grüezi", "Schöne Grüsse", "<7@acme.example>")
    assert not incoming.automatic


def test_nothing_that_a_customer_writes_makes_a_new_header() -> None:
    raw = compose(replace(LETTER, subject="x\r\nBcc: all@acme.example", to_name="Anna\r\nX-Evil: 1"))
    head = raw.partition(b"\r\n\r\n")[0]
    assert not any(line.startswith((b"Bcc:", b"X-Evil:")) for line in head.split(b"\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        "Thanks.\n\nOn Sun, 22 Nov 2026, Mira Vogt wrote:\n> How much?",
        "Thanks.\n> How much?\n",
        "Thanks.\n-- \nAnna\nHow much?",
        "Thanks.\n----- Original Message -----\nHow much?",
        quoted("How much?", "Anna", "today").join(("Thanks.\n", "")),
    ],
)
def test_only_the_new_text_of_a_mail_is_read(text: str) -> None:
    assert new_text(text) == "Thanks."


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw: bytes) -> None:
    read(raw)
    read(b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + raw)
