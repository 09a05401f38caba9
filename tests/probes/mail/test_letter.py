"""Letters: what goes in comes out at the other end, and nothing breaks out of its header."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.mail.letter import Attachment, Letter, compose, new_message_id

GOOD: dict[str, Any] = {
    "sender_name": "Anna Keller",
    "sender": "anna@example.net",
    "to": "support@acme.example",
    "subject": "My order",
    "text": "Where is it?\n",
    "message_id": "<a1@example.net>",
    "date": datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
}
PRINTABLE = st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)


def composed(**changes: Any) -> bytes:
    return compose(Letter(**{**GOOD, **changes}))


def parsed(**changes: Any) -> Message:
    return email.message_from_bytes(composed(**changes))


def header(message: Message, name: str) -> str:
    return str(make_header(decode_header(message[name].replace("\r\n", ""))))


def body(raw: bytes) -> str:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return str(message.get_content()).replace("\r\n", "\n")


def test_a_letter_reads_as_a_person_would_have_sent_it() -> None:
    assert composed() == (
        b"From: Anna Keller <anna@example.net>\r\n"
        b"To: support@acme.example\r\n"
        b"Subject: My order\r\n"
        b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
        b"Message-ID: <a1@example.net>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: quoted-printable\r\n"
        b"\r\n"
        b"Where is it?\r\n"
    )


@given(subject=PRINTABLE, name=PRINTABLE)
def test_any_subject_and_name_come_back_unchanged(subject: str, name: str) -> None:
    raw = composed(subject=subject, sender_name=name)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 200
    message = email.message_from_bytes(raw)
    assert len(message.get_all("Subject", [])) == len(message.get_all("From", [])) == 1
    assert header(message, "Subject") == subject
    assert header(message, "From").endswith("anna@example.net>" if name else "anna@example.net")


@given(text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=2000))
def test_any_text_comes_back_with_lines_that_fit(text: str) -> None:
    raw = composed(text=text)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    payload = email.message_from_bytes(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == (expected if expected.endswith("\n") else expected + "\n")


def test_dots_blanks_and_long_words_survive() -> None:
    text = ".\n..two\ntrailing \nFrom me\n" + "ü" * 500 + "\n"
    assert body(composed(text=text)) == text


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: all@acme.example", "a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b", "a\ud800b"]
)
@pytest.mark.parametrize("field", ["subject", "sender_name", "sender", "to", "message_id", "headers"])
def test_nothing_breaks_out_of_its_header(field: str, evil: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        composed(**{field: {"X-Ref": evil} if field == "headers" else evil})


@pytest.mark.parametrize("name", ["Bcc", "from", "Content-Type", "X Y", "X:Y", "", "X\r\nY", "Übel"])
def test_extra_headers_cannot_replace_ours(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        composed(headers={name: "x"})


def test_threading_headers_are_never_encoded_and_each_reference_has_its_line() -> None:
    long = [f"<{number}{'r' * 200}@acme.example>" for number in range(40)]
    raw = composed(in_reply_to=long[-1], references=tuple(long))
    message = email.message_from_bytes(raw)
    assert message["In-Reply-To"] == long[-1]
    assert message["References"].split() == [long[0], *long[-29:]]
    assert b"=?" not in raw


@pytest.mark.parametrize("foreign", ["<a@b>\r\nBcc: c@d", "none", "<a b@c>", "<ü@x>", "<" + "x" * 2000 + "@y>"])
def test_a_foreign_id_that_cannot_be_written_is_left_out(foreign: str) -> None:
    message = parsed(in_reply_to=foreign, references=(foreign, "<ok@acme.example>"))
    assert message["In-Reply-To"] is None
    assert message["References"] == "<ok@acme.example>"
    assert message["Bcc"] is None


def test_an_international_domain_goes_out_in_ascii() -> None:
    assert parsed(to="info@bücher.example")["To"] == "info@xn--bcher-kva.example"


def test_a_name_with_specials_is_quoted() -> None:
    assert composed(sender_name='Keller, "Anna" \\ Co.').startswith(b'From: "Keller, \\"Anna\\" \\\\ Co." <anna@')


def test_a_naive_date_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        composed(date=datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001  that is the point


def test_message_ids_are_new_each_time_and_tell_only_the_domain() -> None:
    rng = Random(1)
    ids = {new_message_id("bücher.example", rng) for _ in range(100)}
    assert len(ids) == 100
    assert all(given.endswith("@xn--bcher-kva.example>") and len(given) < 80 for given in ids)


# --- attachments -----------------------------------------------------------------------------------------------------


@given(
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=300),
    PRINTABLE.filter(lambda name: 0 < len(name) <= 100 and name == name.strip()),
)
def test_a_file_comes_out_as_it_went_in_beside_the_same_text(content: str, name: str) -> None:
    raw = composed(text="Gr\u00fc\u00dfe\n", attachments=(Attachment(name, content),))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    [file] = message.iter_attachments()
    assert file.get_filename() == name
    assert file.get_payload(decode=True) == content.encode()
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == "Gr\u00fc\u00dfe\n"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n", raw)


@pytest.mark.parametrize("name", ["", " ", " a", "a\r\nBcc: x@y.example", "a\0b", "x" * 101])
def test_an_attachment_with_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="attachment"):
        composed(attachments=(Attachment(name, "text"),))


def test_a_text_cannot_end_the_part_that_it_stands_in() -> None:
    boundary = re.search(rb'boundary="([^"]+)"', composed(attachments=(Attachment("a", "b"),)))
    assert boundary is not None
    text = f"--{boundary[1].decode()}--\n"
    message = email.message_from_bytes(
        composed(text=text, attachments=(Attachment("a", text),)), policy=email.policy.default
    )
    assert [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()] == [text, text]
