"""Asking a judge: over HTTP from a real server, and a real program."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from probes.errors import NoOpinion
from probes.judge import MAX_ANSWER_BYTES, Endpoint, Program, ask
from probes.secret import Secret

ABOUT = {"question": "Where is it?", "reply": "On its way."}
KEY = "sk-very-secret"
GOOD = json.dumps({"choices": [{"message": {"role": "assistant", "content": "the answer"}}]}).encode()

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def endpoint(answer: Answer) -> Iterator[tuple[str, list[tuple[dict[str, str], Any]]]]:
    """A server that answers so; its URL, and what it was asked."""
    seen: list[tuple[dict[str, str], Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((dict(self.headers), json.loads(body)))
            answer(self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/chat/completions", seen
    finally:
        server.shutdown()
        server.server_close()


def says(body: bytes, status: int = 200, claims: int | None = None, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body) if claims is None else claims), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


async def test_an_endpoint_is_asked_as_openai_has_it() -> None:
    with endpoint(says(GOOD)) as (url, seen):
        assert await ask(Endpoint(url, "small-model", Secret(KEY)), "Judge!", ABOUT, 5) == "the answer"
    ((headers, asked),) = seen
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (asked["model"], asked["temperature"]) == ("small-model", 0)
    assert [each["role"] for each in asked["messages"]] == ["system", "user"]
    assert asked["messages"][0]["content"] == "Judge!"
    assert json.loads(asked["messages"][1]["content"]) == ABOUT


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(b"the key sk-very-secret is wrong", 401), "127.0.0.1 answers HTTP 401"),
        (says(b"oops", 500), "127.0.0.1 answers HTTP 500"),
        (says(b"", 302, Location="http://127.0.0.1:9/stolen"), "127.0.0.1 answers HTTP 302"),
        (says(b"no json"), "127.0.0.1 answers something else than a chat completion"),
        (says(b'{"choices": []}'), "127.0.0.1 answers something else than a chat completion"),
        (
            says(b'{"choices": [{"message": {"content": 5}}]}'),
            "127.0.0.1 answers something else than a chat completion",
        ),
        (says(b"[" * 100_000), "127.0.0.1 answers something else than a chat completion"),
        (says(b"x" * (MAX_ANSWER_BYTES + 1)), f"127.0.0.1 answers with more than {MAX_ANSWER_BYTES} bytes"),
        (says(b"", claims=10), "127.0.0.1 cannot be asked: RemoteProtocolError"),
    ],
)
async def test_whatever_an_endpoint_does_the_error_tells_what_and_shows_no_key(answer: Answer, why: str) -> None:
    with endpoint(answer) as (url, _), pytest.raises(NoOpinion) as raised:
        await ask(Endpoint(url, "m", Secret(KEY)), "Judge!", ABOUT, 5)
    assert str(raised.value) == why
    assert KEY not in repr(raised.value.__cause__) + repr(raised.value.__context__)


async def test_an_endpoint_that_is_not_there_or_does_not_answer_is_given_up() -> None:
    with endpoint(says(GOOD)) as (url, _):
        pass
    with pytest.raises(NoOpinion, match="cannot be asked: ConnectError"):
        await ask(Endpoint(url, "m"), "Judge!", ABOUT, 5)
    with endpoint(lambda _: time.sleep(3)) as (url, _), pytest.raises(NoOpinion, match=r"no answer within 0\.2 s"):
        await ask(Endpoint(url, "m"), "Judge!", ABOUT, 0.2)


def program(folder: Path, code: str) -> Program:
    path = folder / "judge.py"
    path.write_text(f"import json, os, sys, time\n{code}\n")
    return Program((sys.executable, str(path)), {**os.environ, "ANNA_PASSWORD": "hunter2"})


async def test_a_program_reads_json_and_prints_its_answer_and_is_told_no_secret(tmp_path: Path) -> None:
    whom = program(
        tmp_path, "print(json.dumps([json.load(sys.stdin), os.environ.get('ANNA_PASSWORD'), 'PATH' in os.environ]))"
    )
    said = json.loads(await ask(whom, "Judge!", ABOUT, 20))
    assert said == [{"instructions": "Judge!", **ABOUT}, None, True]


async def test_a_program_that_does_not_listen_or_talks_before_it_listens_is_heard(tmp_path: Path) -> None:
    long = {"question": "ü" * 200_000, "reply": ""}  # more than a pipe holds
    assert await ask(program(tmp_path, "print('deaf')"), "Judge!", long, 20) == "deaf\n"
    both = program(tmp_path, "print('x' * 200_000, flush=True); sys.stdin.read()")
    assert len(await ask(both, "Judge!", long, 20)) == 200_001


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("sys.exit(3)", "ended with code 3"),
        ("while True: print('x' * 60_000)", f"answers with more than {MAX_ANSWER_BYTES} bytes"),
    ],
)
async def test_a_program_that_misbehaves_is_given_up(tmp_path: Path, code: str, why: str) -> None:
    with pytest.raises(NoOpinion, match=why):
        await ask(program(tmp_path, code), "Judge!", ABOUT, 20)


async def test_a_program_that_is_none_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(NoOpinion, match="nowhere cannot be started: No such file or directory"):
        await ask(Program((str(tmp_path / "nowhere"),)), "Judge!", ABOUT, 5)
    with pytest.raises(NoOpinion, match="cannot be started: not a command"):
        await ask(Program(("a\0b",)), "Judge!", ABOUT, 5)


async def test_a_program_that_takes_too_long_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open({str(pids)!r} + ".new", "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}")
os.rename({str(pids)!r} + ".new", {str(pids)!r})
time.sleep(60)
"""
    whom = program(tmp_path, code)
    asking = asyncio.create_task(ask(whom, "Judge!", ABOUT, 60))
    async with asyncio.timeout(20):
        while not pids.exists():
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(20):
        for pid in map(int, pids.read_text().split()):
            while _lives(pid):
                await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
