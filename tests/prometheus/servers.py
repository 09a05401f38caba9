"""A real Prometheus, a real Alertmanager, and somebody on call who is told over a webhook; all on loopback."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ENOUGH = 90.0
"""Seconds after which something is taken to never come; it takes a fraction of it."""

LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as the webhook got it."""

    status: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    at: float


@dataclass
class OnCall:
    """Who is told."""

    told: list[Told] = field(default_factory=list)

    def about(self, name: str, status: str) -> Told | None:
        return next((each for each in self.told if (each.name, each.status) == (name, status)), None)

    def take(self, document: Mapping[str, Any]) -> None:
        """What Alertmanager posts."""
        for alert in document["alerts"]:
            labels = alert["labels"]
            self.told.append(Told(alert["status"], labels["alertname"], labels, alert["annotations"], time.time()))

    @contextlib.contextmanager
    def listening(self) -> Iterator[int]:
        """The port of the webhook."""
        on_call = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                on_call.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield server.server_address[1]
            finally:
                server.shutdown()


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running one."""

    url: str
    on_call: OnCall

    async def ask(self, query: str) -> list[float]:
        """The values of an instant query, NaN among them."""
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.get(f"{self.url}/api/v1/query", params={"query": query})
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return [float(series["value"][1]) for series in answer.json()["data"]["result"]]


def needed(*programs: str) -> None:
    """Skip where these are missing; in CI fail."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        reason = f"needs {', '.join(missing)}: Debian's packages prometheus and prometheus-alertmanager"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.asynccontextmanager
async def prometheus(folder: Path, target: int, rules: Path | None = None) -> AsyncIterator[Prometheus]:
    """Scrapes `target` (a port of loopback) once a second, evaluates `rules` as often, and tells the one on call."""
    needed("prometheus", "prometheus-alertmanager")
    port, manager = free_ports(2)
    on_call = OnCall()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)] if rules else [],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]},
        "scrape_configs": [{"job_name": "mysterybot", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    commands = (
        [
            *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"),
        ],
        [
            *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/am"),
            *(f"--web.listen-address=127.0.0.1:{manager}", "--cluster.listen-address="),
        ],
    )
    async with contextlib.AsyncExitStack() as stack:
        hook = stack.enter_context(on_call.listening())
        routing = {
            "route": {"receiver": "on-call", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
            "receivers": [{"name": "on-call", "webhook_configs": [{"url": f"http://127.0.0.1:{hook}/"}]}],
        }
        (folder / "alertmanager.yml").write_text(json.dumps(routing))
        for number, command in enumerate(commands):
            await stack.enter_async_context(program(command, folder / f"server-{number}.log"))
        for each in (port, manager):
            await answers(f"http://127.0.0.1:{each}/-/ready")
        yield Prometheus(f"http://127.0.0.1:{port}", on_call)


@contextlib.asynccontextmanager
async def program(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs meanwhile; its output goes to `log`."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env={**os.environ, **(environ or {})}
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answers(url: str) -> None:
    """Return when this address answers with 200."""

    async def ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            async with httpx.AsyncClient(timeout=5) as http:
                return (await http.get(url)).status_code == 200
        return False

    await eventually(ready, f"an answer from {url}")


async def eventually(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`, a function or a coroutine function."""
    last: Any = None
    try:
        async with asyncio.timeout(ENOUGH):
            while True:
                last = condition()
                if asyncio.iscoroutine(last):
                    last = await last
                if last:
                    return last
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        raise AssertionError(f"never: {what} (last: {last!r})") from None
