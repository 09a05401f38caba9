"""`mysterybot run`, killed with SIGKILL again and again on a real Postfix and a real Dovecot."""

import imaplib
import json
import os
import random
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from conversations.journal import Journal, lifecycle
from conversations.records import Conversation, Status, Verdict
from tests.servers import DOMAIN, MailServers

DESK = f"support@{DOMAIN}"
US = f"anna@{DOMAIN}"
VISITS = 8
KILLS = 6
ENOUGH = 120.0  # seconds after which it is stuck; it takes about 30
LOOK_EVERY = 0.1


class Agent:
    """Reads the desk's mailbox over IMAP and answers through Postfix: first with a promise, then with the answer."""

    def __init__(self, servers: MailServers, rng: random.Random) -> None:
        self._servers, self._rng = servers, rng
        self.delivered: Counter[str] = Counter()
        self.trouble: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(ENOUGH)

    def _work(self) -> None:
        try:
            context = ssl.create_default_context(cafile=str(self._servers.ca_file))
            with imaplib.IMAP4_SSL("localhost", self._servers.imaps_port, ssl_context=context, timeout=30) as imap:
                imap.login(DESK, self._servers.users[DESK])
                while not self._stop.wait(LOOK_EVERY):
                    imap.select("INBOX")
                    for number in imap.search(None, "UNSEEN")[1][0].split():
                        self._read(imap.fetch(number, "(RFC822)")[1])
        except BaseException as error:
            self.trouble.append(error)

    def _read(self, fetched: Any) -> None:
        mail = message_from_bytes(fetched[0][1], policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.delivered[str(mail["Message-ID"])] += 1
        text = mail.get_content()
        if "Thank you" in text:
            return
        self._stop.wait(self._rng.uniform(0.2, 0.6))
        follow_up = "Please tell me" in text
        if not follow_up:
            self._write(mail, "We have received your request and will answer soon.", automatic=True)
        self._write(
            mail, "It will come on Thursday." if follow_up else "Let me look into this, I will ask a colleague."
        )

    def _write(self, to: EmailMessage, text: str, *, automatic: bool = False) -> None:
        answer = EmailMessage()
        answer["From"], answer["To"] = f"Robin Agent <{DESK}>", str(to["From"])
        answer["Subject"] = "We have received your request" if automatic else f"Re: {to['Subject']}"
        answer["Message-ID"] = f"<{self._rng.getrandbits(64)}@{DOMAIN}>"
        answer["In-Reply-To"] = str(to["Message-ID"])
        if automatic:
            answer["Auto-Submitted"] = "auto-replied"
        answer.set_content(f"Hello Anna,\n\n{text}\n\nKind regards\nRobin")
        self._servers.deliver(answer.as_bytes(), US, sender=DESK)


def config(folder: Path, servers: MailServers) -> Path:
    visit = {
        "desk": "desk",
        "channel": "support",
        "mailbox": "anna",
        "scenario": "ask_and_follow_up",
        "every": "300 days",  # begins at once, and not again during the test
        "with": {
            "opening": "When will my parcel come?\n\n{name}",
            "questions": [
                {"ask": "When will it come?", "expect": ["thursday"], "follow_up": "Please tell me when it will come."}
            ],
            "patience": "45 seconds",
        },
    }
    document = {
        "bot": {"data": "data", "listen": "127.0.0.1:0"},
        "mailboxes": {"anna": servers.account(US)},
        "desks": {"desk": {"name": "The Desk", "channels": {"support": {"email": DESK}}}},
        "visits": {f"visit-{number}": visit for number in range(VISITS)},
        "limits": {"uncertain_grace": "8 seconds"},
    }
    path = folder / "mysterybot.yaml"
    path.write_text(json.dumps(document))
    return path


@contextmanager
def life(path: Path, number: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`mysterybot run`; killed at the end if it still lives."""
    with (path.parent / f"life-{number}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mysterybot", "run", "-v", "-c", str(path)], stdout=log, stderr=log, env=os.environ
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(30)


def undecided(path: Path) -> int:
    """How many conversations have no verdict yet, those that have not begun among them."""
    journal = path.parent / "data" / "journal.sqlite"
    if not journal.exists():
        return VISITS
    with sqlite3.connect(journal, timeout=30) as connection:
        try:
            [[ended]] = connection.execute("SELECT count(*) FROM conversation WHERE verdict IS NOT NULL")
        except sqlite3.OperationalError:  # no tables yet
            return VISITS
    return VISITS - int(ended)


def listens(path: Path, number: int) -> bool:
    return "mysterybot runs:" in (path.parent / f"life-{number}.log").read_text()


def work_for(path: Path, number: int, agent: Agent, mails: int) -> None:
    """Return when this life has seen so many mails come to the desk, or when nothing more comes."""
    pause, end = threading.Event(), time.monotonic() + 30
    while not listens(path, number) and time.monotonic() < end:
        pause.wait(0.01)
    before, end = agent.delivered.total(), time.monotonic() + 5
    while agent.delivered.total() < before + mails and undecided(path) and time.monotonic() < end:
        pause.wait(0.01)


async def all_of(path: Path) -> list[Conversation]:
    async with Journal.at(path.parent / "data" / "journal.sqlite") as journal:
        ids = await journal.read(lifecycle.listed)
        found = [await journal.read(lambda c, i=each: lifecycle.load(c, i)) for each in ids]  # type: ignore[misc]
    return [each for each in found if each is not None]


async def test_killed_again_and_again_every_conversation_ends_and_no_mail_is_sent_twice_or_lost(
    mail: MailServers, tmp_path: Path
) -> None:
    rng = random.Random(20260302)
    path, pause, end = config(tmp_path, mail), threading.Event(), time.monotonic() + ENOUGH
    with Agent(mail, rng) as agent:
        for number in range(KILLS):
            with life(path, number) as process:
                if number:  # the first one is killed while it starts, the others after some mails more, at work
                    work_for(path, number, agent, rng.randrange(1, 4))
                    pause.wait(rng.uniform(0.0, 0.2))
                else:
                    pause.wait(rng.uniform(0.3, 1.2))
                assert process.poll() is None, (tmp_path / f"life-{number}.log").read_text()
                process.send_signal(signal.SIGKILL)
        with life(path, KILLS) as process:
            while (undecided(path) or not listens(path, KILLS)) and time.monotonic() < end:
                pause.wait(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        conversations = await all_of(path)
        sent = {m.message_id for each in conversations for m in each.messages if not m.inbound}
        while not sent <= set(agent.delivered) and time.monotonic() < end:
            pause.wait(0.1)
    assert agent.trouble == []

    logs = "\n".join(log.read_text() for log in sorted(tmp_path.glob("life-*.log")))
    assert len(conversations) == VISITS, logs[-3000:]
    assert [each.reason for each in conversations if each.verdict is None] == [], logs[-3000:]
    assert {message: times for message, times in agent.delivered.items() if times > 1} == {}, "sent twice"
    assert sent <= set(agent.delivered), "said to be sent, and never came"
    for each in conversations:
        if each.verdict is not Verdict.PASSED:
            assert each.verdict is Verdict.FAULTED
            assert (each.reason or "").startswith("send uncertain"), each.reason
    doubtful = {
        step.intent.get("message_id")
        for each in conversations
        for step in each.steps
        if step.status is Status.UNCERTAIN
    }
    assert set(agent.delivered) <= sent | doubtful, "came, and the journal does not know of it"
    passed = sum(each.verdict is Verdict.PASSED for each in conversations)
    assert passed >= VISITS // 2, "a kill spoils at most what was on the line at that moment"
    for secret in mail.users.values():
        assert secret not in logs


@pytest.fixture(autouse=True)
def empty_mailboxes(mail: MailServers) -> Iterator[None]:
    """The servers serve other tests too."""

    def empty() -> None:
        for user in (DESK, US):
            mail.doveadm("expunge", "-u", user, "mailbox", "INBOX", "all")

    empty()
    yield
    empty()
