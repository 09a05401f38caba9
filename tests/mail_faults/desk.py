"""A desk at a real Postfix and Dovecot, on good lines of its own: what it received and what it answered is the truth."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from random import Random

import aiosmtplib

from conversations.reference import references_in
from tests.servers import DOMAIN, MailServers

DESK = f"support@{DOMAIN}"
US = f"anna@{DOMAIN}"
LOOK_EVERY = 0.05
SLOWEST_ANSWER = 1.0


class Desk:
    """Reads its mailbox and answers every mail, a first one also with an acknowledgement, in no order."""

    def __init__(self, servers: MailServers, rng: Random) -> None:
        self.received: Counter[str] = Counter()  # our Message-IDs
        self.answered: list[str] = []  # Message-IDs of its own
        self._servers, self._rng = servers, rng
        self._folder = servers.root / "mail" / DOMAIN / DESK.partition("@")[0] / "Maildir/new"
        self._seen = set(self._folder.glob("*"))  # what lies there is for somebody else's test
        self._writing: set[asyncio.Task[None]] = set()
        self._one = asyncio.Lock()

    @property
    def idle(self) -> bool:
        """Every mail that it has read is answered."""
        return not self._writing

    async def work(self) -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self._servers.mx_port, start_tls=False, timeout=30
        ) as smtp:
            while True:
                for path in sorted(set(self._folder.glob("*")) - self._seen):
                    self._seen.add(path)
                    task = asyncio.create_task(self._answer(smtp, path.read_bytes()))
                    self._writing.add(task)
                    task.add_done_callback(self._done)
                await asyncio.sleep(LOOK_EVERY)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.result()

    async def _answer(self, smtp: aiosmtplib.SMTP, raw: bytes) -> None:
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.received[str(mail["Message-ID"])] += 1
        await asyncio.sleep(self._rng.uniform(0, SLOWEST_ANSWER))
        references = references_in(f"{mail['Subject']} {mail.get_content()}")
        first = mail["In-Reply-To"] is None
        if first:
            await self._write(smtp, mail, "We have received your request and will answer soon.", automatic=True)
        turn = "first" if first else "second"
        await self._write(
            smtp, mail, f"Your order {references[0].upper()} will come on Thursday. That is my {turn} word."
        )

    async def _write(self, smtp: aiosmtplib.SMTP, to: EmailMessage, text: str, *, automatic: bool = False) -> None:
        answer = EmailMessage(policy=policy.SMTP)
        answer["From"], answer["To"] = f"Robin Agent <{DESK}>", str(to["From"])
        answer["Subject"] = f"Re: {str(to['Subject']).removeprefix('Re: ')}"
        answer["Message-ID"] = f"<{self._rng.getrandbits(64)}@{DOMAIN}>"
        answer["In-Reply-To"] = str(to["Message-ID"])
        if automatic:
            answer["Auto-Submitted"] = "auto-replied"
        answer.set_content(f"Hello Anna,\n\n{text}\n\nKind regards\nRobin")
        async with self._one:
            await smtp.sendmail(DESK, US, answer.as_bytes())
        self.answered.append(str(answer["Message-ID"]))


@contextlib.asynccontextmanager
async def desk(servers: MailServers, rng: Random) -> AsyncIterator[Desk]:
    """A desk at work."""
    working = Desk(servers, rng)
    task = asyncio.create_task(working.work())
    try:
        yield working
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
