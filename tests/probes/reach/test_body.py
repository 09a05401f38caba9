"""Bodies of HTTP answers, however they are cut up, and whatever is in them."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probes.reach.body import MAX_BODY, read_body, shows
from probes.reach.line import Line, NotReached

CHUNKED = {"transfer-encoding": "chunked"}


def read(sent: bytes, headers: dict[str, str]) -> bytes:
    async def reading() -> bytes:
        line = Line()
        line.reader = asyncio.StreamReader()
        line.reader.feed_data(sent)
        line.reader.feed_eof()
        return await read_body(line, headers)

    return asyncio.run(reading())


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_chunks_are_put_together_again(body: bytes, cuts: list[int]) -> None:
    pieces = [
        body[start:end] for start, end in pairwise(sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)}))
    ]
    sent = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    assert read(sent, CHUNKED) == body


@given(st.binary(max_size=300), st.sampled_from([CHUNKED, {}, {"content-length": "20"}, {"content-length": "9" * 50}]))
def test_whatever_is_sent_is_read_or_refused_in_words(sent: bytes, headers: dict[str, str]) -> None:
    try:
        assert len(read(sent, headers)) <= min(len(sent), MAX_BODY)
    except NotReached as error:
        assert str(error).isprintable()


@given(st.binary(max_size=200), st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_a_charset_of_any_name_does_no_harm(body: bytes, charset: str, text: str) -> None:
    assert shows(body, {"content-type": f"text/html; charset={charset}"}, text) in {True, False}
