import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysterybot.demo.imap_syntax import (
    Argument,
    Arguments,
    Atom,
    BadSyntaxError,
    String,
    parse_arguments,
    parse_number_set,
)

atoms = st.from_regex(rb"[A-Za-z0-9\\$+.*:,_<>%-]{1,12}", fullmatch=True).map(Atom)
sections = st.sampled_from([b"BODY[]", b"BODY.PEEK[HEADER.FIELDS (To From)]<0.10>", b'BODY[HEADER.FIELDS ("a]b")]'])
strings = st.binary(max_size=40).map(String)
arguments = st.recursive(
    atoms | sections.map(Atom) | strings, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=20
)


def written(argument: Argument, literals: bool) -> bytes:
    if isinstance(argument, tuple):
        return b"(" + b" ".join(written(one, literals) for one in argument) + b")"
    if isinstance(argument, Atom):
        return argument.value
    if literals or any(byte in b"\r\n" for byte in argument.value):
        return b"{%d}\r\n%s" % (len(argument.value), argument.value)
    return b'"' + argument.value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@given(st.lists(arguments, max_size=6).map(tuple), st.booleans())
def test_arguments_are_read_as_they_were_written(arguments: Arguments, literals: bool) -> None:
    text = b" ".join(written(argument, literals) for argument in arguments)
    assert parse_arguments(text + b"\r\n") == arguments


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        parsed = parse_arguments(text)
    except BadSyntaxError:
        return
    assert isinstance(parsed, tuple)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30, unique=True).map(sorted), st.integers(1, 80))
def test_a_range_to_the_star_never_misses_the_last(numbers: list[int], first: int) -> None:
    chosen = parse_number_set(Atom(b"%d:*" % first)).positions(numbers)
    expected = [place for place, number in enumerate(numbers) if number >= min(first, numbers[-1])]
    assert chosen == expected


@pytest.mark.parametrize("text", [b"0", b"1:", b":2", b"a", b"1,,2", b"1:2:3", b"-1", b"99999999999"])
def test_a_bad_set_is_refused(text: bytes) -> None:
    with pytest.raises(BadSyntaxError):
        parse_number_set(Atom(text))
