"""Asks somebody else for an opinion: a chat-completions endpoint as OpenAI has them, or a program on this machine."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

import httpx

from probes.errors import NoOpinion
from probes.secret import Secret

END_WITHIN = 5.0
"""Seconds in which a program that was killed must be gone."""

MAX_ANSWER_BYTES = 256 * 1024
MOST_TOKENS = 300

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""Variables that a program is given; the rest of the environment may hold secrets."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` in full, such as https://api.example/v1/chat/completions; the key goes there and nowhere else."""

    url: str
    model: str
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A program and its arguments; no shell reads them. It is given JSON and answers on its standard output."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


async def ask(whom: Endpoint | Program, instructions: str, about: Mapping[str, Any], deadline: float) -> str:
    """The answer as text, whatever it says. `deadline` in seconds. Raises NoOpinion, without a word of either side."""
    try:
        async with asyncio.timeout(deadline):
            if isinstance(whom, Program):
                return await _run(whom, json.dumps({"instructions": instructions, **about}, ensure_ascii=False))
            return await _post(whom, instructions, json.dumps(about, ensure_ascii=False))
    except TimeoutError:
        raise NoOpinion(f"no answer within {deadline:g} s") from None


async def _post(whom: Endpoint, instructions: str, about: str) -> str:
    """Redirects are not followed, since the key goes to where the config says and nowhere else."""
    messages = [{"role": "system", "content": instructions}, {"role": "user", "content": about}]
    asked = {"model": whom.model, "messages": messages, "temperature": 0, "max_tokens": MOST_TOKENS}
    headers = {"Authorization": f"Bearer {whom.key.reveal()}"} if whom.key else {}
    host, body = urlsplit(whom.url).hostname, b""
    try:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=None) as client,  # noqa: S113 - the whole has a deadline
            client.stream("POST", whom.url, json=asked, headers=headers) as answer,
        ):
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise NoOpinion(f"{host} answers with more than {MAX_ANSWER_BYTES} bytes")
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise NoOpinion(f"{host} cannot be asked: {type(error).__name__}") from None
    if status != 200:
        raise NoOpinion(f"{host} answers HTTP {status}")
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        content = None
    if not isinstance(content, str):
        raise NoOpinion(f"{host} answers something else than a chat completion")
    return content


async def _run(whom: Program, asked: str) -> str:
    name = PurePath(whom.command[0]).name
    try:
        process = await asyncio.create_subprocess_exec(
            *whom.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={each: whom.environ[each] for each in PASSED_ON if each in whom.environ},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a command"
        raise NoOpinion(f"{name} cannot be started: {why}") from None
    try:
        said = await _talk(process, asked.encode("utf-8", "replace"), name)
        if await process.wait():
            raise NoOpinion(f"{name} ended with code {process.returncode}")
    finally:
        with contextlib.suppress(ProcessLookupError):  # it and whatever it has started
            os.killpg(process.pid, signal.SIGKILL)
        await _end(process)
    return said.decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Wait until it has gone. asyncio does not see the end of a pipe that nobody reads from, so what it still said is read."""
    assert process.stdout is not None
    with contextlib.suppress(TimeoutError):  # somebody who left its group may hold the pipe open
        async with asyncio.timeout(END_WITHIN):
            while await process.stdout.read(65_536):
                pass
            await process.wait()


async def _talk(process: asyncio.subprocess.Process, asked: bytes, name: str) -> bytes:
    """Writes and reads at the same time: neither side may wait for the other."""
    _, said = await asyncio.gather(_tell(process, asked), _listen(process, name))
    return said


async def _tell(process: asyncio.subprocess.Process, asked: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # one that does not want to hear may still answer
        process.stdin.write(asked)
        await process.stdin.drain()
    process.stdin.close()


async def _listen(process: asyncio.subprocess.Process, name: str) -> bytes:
    assert process.stdout is not None
    said = b""
    while chunk := await process.stdout.read(65_536):
        said += chunk
        if len(said) > MAX_ANSWER_BYTES:
            raise NoOpinion(f"{name} answers with more than {MAX_ANSWER_BYTES} bytes")
    return said
