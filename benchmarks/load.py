"""A scrape from outside while 100 conversations go on: `mysterybot run` in one process, the company that it writes to in
another, and here a scraper that asks every 200 ms, as several impatient Prometheus servers would.

The conversations are real: mails over SMTP, replies over IMAP, every step durable on the disk. The series are those of the visits
themselves. Beside it stands a page of the same server that costs nothing, `/-/healthy`: what it takes is the machine's doing.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Aim, Figure, percentile
from mysterybot.demo.agents import Manner
from mysterybot.demo.company import Company

SERIES, OPEN = 10_000, 100
VISITS, EACH = 44, 3
PAUSE = 0.2
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

CONFIG = """
bot: {{data: ./data, listen: "127.0.0.1:0", location: bench}}
mailboxes:
{mailboxes}
desks:
  acme:
    name: Acme Hosting
    hours: {{timezone: Europe/Zurich, open: ["mon-sun 00:00-24:00"]}}
    promises: {{acknowledgement: 1 minute, first_reply: 4 business hours, next_reply: 1 business day, resolution: 2 days}}
    domains: [acme.example]
    channels: {{support: {{email: support@acme.example}}}}
visits:
{visits}
limits: {{desk_per_day: 100000, mailbox_per_day: 100000, open_per_visit: {each}}}
"""
MAILBOX = """
  {key}:
    address: {address}
    name: {name}
    smtp: {{host: 127.0.0.1, port: {smtp}, security: none}}
    imap: {{host: 127.0.0.1, port: {imap}, security: none, junk: Junk}}
    login: {{user: {address}, password: {{env: {variable}}}}}
"""
VISIT = """
  visit{number}:
    desk: acme
    channel: support
    mailbox: {mailbox}
    scenario: ask_and_follow_up
    every: 5 seconds
    overlap: true
    with:
      opening: "Hello, my order is AH-20{number:03}. When will my order be ready?"
      questions: [{{ask: "When will my order be ready?", expect: [thursday]}}]
"""


def measure(*, quick: bool = False) -> list[Figure]:
    """The figures."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as name:
        path = Path(name) / "mysterybot.yaml"
        with _started("benchmarks.load", str(path)) as company:
            told = json.loads(company)
            with _started("benchmarks.service", str(path), **told["environ"]) as service:
                return _scrapes(json.loads(service)["port"], 25 if quick else 150)


@contextlib.contextmanager
def _started(module: str, *arguments: str, **environ: str) -> Iterator[str]:
    """The first line that a process of ours says that is not about replies."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | environ,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    try:
        yield next(line for line in process.stdout if '"port"' in line)
    finally:
        process.terminate()
        process.communicate()


def _scrapes(port: int, times: int) -> list[Figure]:
    text, open_now = "", 0.0
    patience = time.monotonic() + 120
    while open_now < OPEN and time.monotonic() < patience:
        time.sleep(1)
        text = _get(port, "/metrics")[1]
        open_now = _sum(text, "mysterybot_visit_open_conversations")
    began = _sum(text, "mysterybot_visit_conversations_total")
    start = time.monotonic()
    took: list[float] = []
    idle: list[float] = []
    for _ in range(times):
        seconds, text = _get(port, "/metrics")
        took.append(seconds)
        time.sleep(PAUSE / 2)
        idle.append(_get(port, "/-/healthy")[0])
        time.sleep(PAUSE / 2)
    rate = (_sum(text, "mysterybot_visit_conversations_total") - began) / (time.monotonic() - start)
    series = sum(not line.startswith("#") for line in text.splitlines())
    assert series >= SERIES, f"only {series} series"
    assert open_now >= OPEN, f"only {open_now} conversations"
    beside = (
        f"half under {_ms(took, 0.5)}; {series:,} series, {open_now:.0f} conversations open, {rate:.1f} a second end"
    )
    healthy = f"half under {_ms(idle, 0.5)}; the same server and load"
    return [
        Figure("scrape under load, 99 in 100", 1000 * percentile(took, 0.99), "ms", beside, Aim("<=", 100)),
        Figure("/-/healthy under load, 99 in 100", 1000 * percentile(idle, 0.99), "ms", healthy),
    ]


def _ms(values: Sequence[float], share: float) -> str:
    return f"{1000 * percentile(values, share):.0f} ms"


def _get(port: int, path: str) -> tuple[float, str]:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Accept": OPENMETRICS})
    text = connection.getresponse().read()
    took = time.perf_counter() - began
    connection.close()
    return took, text.decode()


def _sum(text: str, name: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}\{{[^}}]*\}} (\S+)", text, re.MULTILINE))


async def _company(path: Path) -> None:
    """The company until SIGTERM, and a config for it."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    staff = {"support": ("Mira Vogt", Manner.PROMPT, (10.0, 20.0))}
    company = Company(now=lambda: datetime.now(UTC), rng=random.Random(5), staff=staff)
    await company.start()
    keys = list(company.customers)
    mailboxes = "".join(
        MAILBOX.format(
            key=key,
            address=customer.address,
            name=customer.name,
            smtp=company.mail.ports.smtp,
            imap=company.mail.ports.imap,
            variable=f"{key.upper()}_PASSWORD",
        )
        for key, customer in company.customers.items()
    )
    visits = "".join(VISIT.format(number=number, mailbox=keys[number % len(keys)]) for number in range(VISITS))
    path.write_text(CONFIG.format(mailboxes=mailboxes, visits=visits, each=EACH))
    print(json.dumps({"environ": company.environ, "port": 0}), flush=True)
    await stop.wait()
    await company.stop()


if __name__ == "__main__":
    asyncio.run(_company(Path(sys.argv[1])))
