import asyncio
from datetime import UTC, datetime

import pytest

from probes.reach import http
from probes.reach.network import LOCAL, PRIVATE, PUBLIC
from probes.reach.reached import Reached
from tests.probes.reach.conftest import EXPIRES, Certificates, Dialogue, Serve

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answers(*pieces: bytes, heard: list[bytes] | None = None, hold: bool = False) -> Dialogue:
    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(request)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hold:
            await reader.read()

    return dialogue


async def probe(serve: Serve, *pieces: bytes, path: str = "/", seconds: float = 10, hold: bool = False) -> Reached:
    desk = await serve(answers(*pieces, hold=hold))
    return await http.probe(f"http://127.0.0.1:{desk.port}{path}", timeout=seconds)


async def test_a_page_that_answers_is_up_with_its_phases(serve: Serve) -> None:
    reached = await probe(serve, OK)
    assert (reached.up, reached.reason, reached.certificate_expires) == (True, None, None)
    assert list(reached.phases) == ["dns", "connect", "first_byte", "transfer"]


async def test_a_page_over_tls_tells_when_its_certificate_expires(serve: Serve, certificates: Certificates) -> None:
    desk = await serve(answers(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 40), security="tls")
    reached = await http.probe(f"https://127.0.0.1:{desk.port}/", timeout=10, ca_file=desk.ca_file)
    assert (reached.up, reached.reason, reached.certificate_expires) == (True, None, EXPIRES)
    assert list(reached.phases) == ["dns", "connect", "tls", "first_byte", "transfer"]


async def test_certificates_that_do_not_fit_are_told(serve: Serve, certificates: Certificates) -> None:
    ended = datetime(2021, 1, 1, tzinfo=UTC)
    expired = certificates.server(expires=ended)
    other = certificates.server("other.example")
    for certificate, reason, ends in ((expired, "expired", ended), (other, "IP address mismatch", None)):
        desk = await serve(answers(OK), security="tls", certificate=certificate)
        reached = await http.probe(f"https://127.0.0.1:{desk.port}/", timeout=10, ca_file=desk.ca_file)
        assert not reached.up
        assert str(reached.reason).startswith("bad certificate")
        assert reason in str(reached.reason)
        assert reached.certificate_expires == ends
        untrusted = await http.probe(f"https://127.0.0.1:{desk.port}/", timeout=10)
        assert "bad certificate" in str(untrusted.reason)


async def test_redirects_are_followed_and_bounded(serve: Serve) -> None:
    last = await serve(answers(OK))
    to = f"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:{last.port}/x\r\n\r\n".encode()
    assert (await probe(serve, to)).up
    assert (await probe(serve, b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n")).reason == (
        "the page redirects more than 10 times"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_from_outside_does_not_lead_into_a_private_network(
    serve: Serve, names: dict[str, list[str] | int], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    asked: list[bytes] = []
    inside = await serve(answers(OK, heard=asked))
    to = f"HTTP/1.1 {status} Away\r\nLocation: http://inside.example:{inside.port}/admin\r\n\r\n".encode()
    outside = await serve(answers(to), host="127.0.0.2")
    names["inside.example"], names["outside.example"] = ["127.0.0.1"], ["127.0.0.2"]
    monkeypatch.setattr("probes.reach.line.depth", {"127.0.0.2": PUBLIC, "127.0.0.1": LOCAL}.__getitem__)
    reached = await http.probe(f"http://outside.example:{outside.port}/", timeout=10)
    assert (reached.up, asked) == (False, [])
    assert (
        reached.reason
        == "it leads to inside.example (127.0.0.1) inside a private network; only the config may send us there"
    )
    configured = await http.probe(f"http://inside.example:{inside.port}/", timeout=10)
    assert configured.up


async def test_a_private_page_may_lead_to_its_own_network_and_outside(
    serve: Serve, names: dict[str, list[str] | int], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = await serve(answers(OK), host="127.0.0.2")
    to = f"HTTP/1.1 302 Found\r\nLocation: http://outside.example:{outside.port}/\r\n\r\n".encode()
    inside = await serve(answers(to))
    monkeypatch.setattr("probes.reach.line.depth", {"127.0.0.2": PUBLIC, "127.0.0.1": PRIVATE}.__getitem__)
    names["outside.example"] = ["127.0.0.2"]
    assert (await http.probe(f"http://127.0.0.1:{inside.port}/", timeout=10)).up


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"HTTP/1.1 503 Later\r\n\r\n", 503, None),
        (b"HTTP/1.1 401 Who\r\n\r\n", 401, None),
        (b"HTTP/1.1 301 Moved\r\nLocation: /there\r\n\r\n", 301, None),
        (OK, 204, "answered HTTP 200, not 204"),
        (b"HTTP/1.1 404 Gone\r\n\r\n", 200, "answered HTTP 404, not 200"),
    ],
)
async def test_the_status_that_is_wanted_is_what_counts(
    serve: Serve, answer: bytes, status: int, reason: str | None
) -> None:
    desk = await serve(answers(answer))
    reached = await http.probe(f"http://127.0.0.1:{desk.port}/", timeout=10, status=status)
    assert reached.up is (reason is None)
    assert str(reached.reason).endswith(str(reason))


FINE = "All systems are fine & up"


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    pieces = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + end


@pytest.mark.parametrize(
    ("answer", "up"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<p>All systems\n  are fine &amp; up</p>", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\nAll systems are fine &amp; up, all", True),
        (chunked(b"All sys", b"tems are f", b"ine & up"), True),
        (b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=utf-16-le\r\n\r\n" + FINE.encode("utf-16-le"), True),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=base64\r\n\r\nAll systems are fine & up", True),
        (b"HTTP/1.1 200 OK\r\n\r\nAll systems are down", False),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1024 * 1024 + b"All systems are fine & up", False),
    ],
)  # fmt: skip
async def test_the_text_that_is_wanted_is_looked_for_in_the_page(serve: Serve, answer: bytes, up: bool) -> None:
    desk = await serve(answers(answer))
    wanted = FINE
    reached = await http.probe(f"http://127.0.0.1:{desk.port}/", timeout=10, text=wanted)
    assert reached.up is up
    assert up or str(reached.reason).endswith(f"does not show the text: {wanted}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (chunked(b"hello", end=b"zz\r\n"), "the page comes in chunks that cannot be read: zz"),
        (chunked(b"hello", end=b"-5\r\n"), "the page comes in chunks that cannot be read: -5"),
        (chunked(b"hello", end=b"ff\r\nshort"), "the page ended before it was complete"),
        (chunked(b"hello", end=b""), "the server closed the connection"),
    ],
)
async def test_chunks_that_are_none_are_told(serve: Serve, answer: bytes, reason: str) -> None:
    assert (await probe(serve, answer)).reason == reason


async def test_chunks_without_end_are_not_read_to_their_end(serve: Serve) -> None:
    assert (await probe(serve, chunked(*[b"x" * 65536] * 20, end=b""), hold=True)).up


@pytest.mark.parametrize("to", ["file:///etc/passwd", "javascript:1", "http://[broken", "http://x:99999/"])
async def test_a_redirect_to_what_is_no_page_is_not_followed(serve: Serve, to: str) -> None:
    reached = await probe(serve, f"HTTP/1.1 302 Found\r\nLocation: {to}\r\n\r\n".encode())
    assert not reached.up
    assert "it leads to" in str(reached.reason)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], "answered HTTP 503"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "does not speak HTTP: SSH-2.0-OpenSSH"),
        ([b"\r\n"], "does not speak HTTP"),
        ([b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 100], "head of the answer is larger"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000], "a line is longer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"], "ended before it was complete"),
        ([], "closed the connection"),
    ],
)
async def test_bad_answers_are_down_and_bounded(serve: Serve, pieces: list[bytes], reason: str) -> None:
    reached = await probe(serve, *pieces)
    assert not reached.up
    assert reason in str(reached.reason)
    assert str(reached.reason).isprintable()


async def test_a_body_without_end_is_not_read_to_its_end(serve: Serve) -> None:
    assert (await probe(serve, b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 20, hold=True)).up


async def test_a_page_that_hangs_times_out(serve: Serve) -> None:
    reached = await probe(serve, b"HTTP/1.1 200 OK\r\n", seconds=0.2, hold=True)
    assert reached.reason == "timed out after 0.2 seconds while waiting for the answer"


async def test_a_hostile_address_cannot_add_a_line_to_the_request(serve: Serve) -> None:
    heard: list[bytes] = []
    desk = await serve(answers(OK, heard=heard))
    await http.probe(f"http://127.0.0.1:{desk.port}/a b\u2028\u00e4?q=1 2&x=%41#part", timeout=10)
    first, *rest = heard[0].split(b"\r\n")
    assert first == b"GET /a%20b%E2%80%A8%C3%A4?q=1%202&x=%41 HTTP/1.1"
    assert rest[0] == f"Host: 127.0.0.1:{desk.port}".encode()


async def test_an_address_that_is_none_is_down(unused_tcp_port: int) -> None:
    assert not (await http.probe("nonsense", timeout=10)).up
    assert not (await http.probe(f"http://127.0.0.1:{unused_tcp_port}/", timeout=10)).up
