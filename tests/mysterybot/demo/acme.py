"""The demo company with a quick staff, and a customer with a mail program."""

import asyncio
import random
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from mysterybot.demo.company import STAFF, Company

DEADLINE = 10.0


@asynccontextmanager
async def open_company() -> AsyncIterator[Company]:
    """The whole company, whose people need no time to think."""
    quick = {name: (person, manner, (0.0, 0.0)) for name, (person, manner, _) in STAFF.items()}
    company = Company(now=lambda: datetime.now(UTC), rng=random.Random(7), staff=quick, handling_time=(0.0, 0.05))
    await company.start()
    try:
        yield company
    finally:
        await company.stop()


async def write(
    company: Company,
    to: str,
    text: str,
    *,
    subject: str = "Hello",
    message_id: str = "<1@inbox.example>",
    **headers: str,
) -> None:
    """Anna writes a mail, over SMTP."""
    anna = company.customers["anna"]
    mail = EmailMessage()
    mail["From"] = f"{anna.name} <{anna.address}>"
    mail["To"], mail["Subject"], mail["Message-ID"] = to, subject, message_id
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", company.mail.ports.smtp, timeout=DEADLINE) as smtp:
            smtp.login(anna.address, anna.password)
            smtp.send_message(mail, anna.address, [to])

    await asyncio.to_thread(send)


async def received(company: Company, count: int) -> list[EmailMessage]:
    """Anna's mails, as soon as there are so many; TimeoutError when there are not."""
    folder = company.mail.post.folder(company.customers["anna"].address)
    came = asyncio.Event()
    folder.watchers.add(came.set)
    async with asyncio.timeout(DEADLINE):
        while len(folder.mails) < count:
            await came.wait()
            came.clear()
    return [message_from_bytes(mail.raw, policy=policy.default) for mail in folder.mails]


def body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
