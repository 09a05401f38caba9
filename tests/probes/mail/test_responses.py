"""Reading what IMAP servers say, however it is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.mail import folder_names
from probes.mail.responses import (
    MAX_LINE,
    MAX_LITERAL,
    Fetched,
    Listed,
    OutOfProtocol,
    Reader,
    Response,
    fetched,
    listed,
    searched,
)


def read(data: bytes, cuts: tuple[int, ...] = ()) -> list[Response]:
    reader, found, before = Reader(), [], 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found += list(reader.feed(data[before:cut]))
        before = cut
    return found


@given(
    bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 2000), max_size=8).map(tuple),
)
def test_bodies_come_out_whole_however_the_stream_is_cut(bodies: list[bytes], cuts: tuple[int, ...]) -> None:
    lines = [
        b"* %d FETCH (FLAGS (\\Seen $x) UID %d BODY[]<0> {%d}\r\n%b RFC822.SIZE 5)\r\n" % (n, n + 10, len(body), body)
        for n, body in enumerate(bodies, 1)
    ]
    mails = [fetched(response) for response in read(b"".join(lines) + b"a1 OK {5}\r\n", cuts)]
    assert mails[:-1] == [Fetched(n + 10, size=5, body=body) for n, body in enumerate(bodies, 1)]
    assert mails[-1] is None


@given(name=st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_any_folder_name_comes_back(name: str) -> None:
    written = folder_names.encode(name)
    assert written.isascii()
    assert written.isprintable()
    assert folder_names.decode(written) == name


@given(name=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_any_quoted_name_is_read_back(name: str) -> None:
    line = rb'* LIST (\HasNoChildren \Junk) "/" ' + folder_names.quoted(name).encode()
    expected = Listed(name, frozenset({r"\hasnochildren", r"\junk"})) if name else None
    assert listed((line,)) == expected


@given(st.binary(max_size=200))
def test_hostile_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        for response in read(b"* 1 FETCH (" + data + b"\r\n"):
            fetched(response)
            listed(response)
            searched(response)
    except OutOfProtocol:
        pass


@pytest.mark.parametrize(
    ("human", "wire"),
    [
        ("Gelöscht & weg", "Gel&APY-scht &- weg"),
        ("台北", "&U,BTFw-"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("\U0001f600", "&2D3eAA-"),
        ("", ""),
    ],
)
def test_folder_names_as_rfc_3501_writes_them(human: str, wire: str) -> None:
    assert folder_names.encode(human) == wire
    assert folder_names.decode(wire) == human


def test_a_name_that_is_not_modified_utf7_stays_as_it_is() -> None:
    assert folder_names.decode("R&D &AB- &") == "R&D &AB- &"


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\0b", "ü"])
def test_a_quoted_string_cannot_carry_a_command(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        folder_names.quoted(text)


def test_stars_parentheses_and_quotes_in_strings_change_nothing() -> None:
    line = rb'* 1 FETCH (X "5* hotel :-( \" \\ " UID 7 RFC822.SIZE 3)'
    assert fetched((line,)) == Fetched(7, size=3)


def test_a_mail_that_is_one_parenthesis_is_a_mail() -> None:
    assert fetched((b"* 1 FETCH (BODY[]<0> {1}", b"(", b" UID 7)")) == Fetched(7, body=b"(")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b" 2-Mar-2026 09:00:00 +0100", "2026-03-02T08:00:00+00:00"),
        (b"31-DEC-2025 23:59:59 -0800", "2026-01-01T07:59:59+00:00"),
        (b"31-Feb-2025 23:59:59 -0800", None),
        (b"01-Jan-0001 00:00:00 +1400", None),
        (b"yesterday", None),
    ],
)
def test_internal_dates_are_read_in_any_language_setting(written: bytes, meant: str | None) -> None:
    mail = fetched((b'* 1 FETCH (UID 7 INTERNALDATE "%b")' % written,))
    assert mail is not None
    assert (mail.internal_date.isoformat() if mail.internal_date else None) == meant


def test_a_literal_beyond_the_bound_is_cut_and_the_rest_read_past() -> None:
    huge = b"* 1 FETCH (UID 7 BODY[] {%d}\r\n%b)\r\n* 2 EXISTS\r\n" % (3 * MAX_LITERAL, b"x" * 3 * MAX_LITERAL)
    first, second = read(huge, (100, 5000, MAX_LITERAL, 2 * MAX_LITERAL))
    assert fetched(first) == Fetched(7, body=b"x" * MAX_LITERAL)
    assert second == (b"* 2 EXISTS",)


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(OutOfProtocol):
        read(b"x" * (MAX_LINE + 1))


def test_numbers_that_are_none_are_left_out_of_a_search() -> None:
    assert searched((b"* SEARCH 3 1 x 99999999999 2",)) == [3, 1, 2]
    assert searched((b"* SEARCH",)) == []
