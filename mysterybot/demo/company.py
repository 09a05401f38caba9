"""Acme Hosting, wired: its mail server, its staff, its helpdesk and its web site, and the customers' mail provider.

Both mail domains live on the one mail server, as two customers of one provider do. Everything listens on loopback.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

import aiosmtplib

from mysterybot.demo.agents import Agent, Manner
from mysterybot.demo.helpdesk import Helpdesk, Queue
from mysterybot.demo.mailserver import MailServer
from mysterybot.demo.site import Site

DOMAIN = "acme.example"
CUSTOMER_DOMAIN = "inbox.example"
MAILBOX_CAPACITY = 1000
SEND_TIMEOUT = 30.0  # seconds

STAFF: Mapping[str, tuple[str, Manner, tuple[float, float]]] = {
    "support": ("Mira Vogt", Manner.PROMPT, (1.0, 3.0)),
    "billing": ("Jonas Feld", Manner.FORGETFUL, (1.0, 3.0)),
    "hosting": ("Pavel Lindqvist", Manner.SLOW, (9.0, 12.0)),
    "sales": ("Lena Hart", Manner.NO_REPLY, (1.0, 3.0)),
    "domains": ("Tilda Roth", Manner.HASTY, (1.0, 3.0)),
    "abuse": ("Oskar Blum", Manner.SILENT, (1.0, 3.0)),
}
"""Who reads which address, in which manner, and how many seconds an answer takes."""

TOPICS: Mapping[str, str] = {
    "Technical support": "support",
    "Invoices and payment": "billing",
    "Plans and prices": "sales",
}
"""The topics of the contact form and the addresses they go to."""

CUSTOMERS: Mapping[str, str] = {"anna": "Anna Keller", "ben": "Ben Aldous", "carla": "Carla Moretti"}
"""The customers whom the bot plays; each has a mailbox."""

PROMISE = "We answer within 4 hours."


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's mailbox."""

    name: str
    address: str
    password: str = field(repr=False)


class Company:
    """The company and its customers' mailboxes. Passwords are made from `rng` at each start.

    `staff` may replace some or all of the staff (the same shape as STAFF), e.g. with quicker people for tests.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        rng: random.Random,
        staff: Mapping[str, tuple[str, Manner, tuple[float, float]]] = STAFF,
        handling_time: tuple[float, float] = (0.1, 0.5),
    ) -> None:
        self._now = now
        self._rng = rng
        self._staff = staff
        self._handling_time = handling_time
        self._closing = AsyncExitStack()
        self.customers = {
            key: Customer(name, f"{key}@{CUSTOMER_DOMAIN}", self._password()) for key, name in CUSTOMERS.items()
        }
        self.addresses = {name: f"{name}@{DOMAIN}" for name in staff}
        self._passwords = {address: self._password() for address in (*self.addresses.values(), f"no-reply@{DOMAIN}")}
        customers = {customer.address: customer.password for customer in self.customers.values()}
        self.mail = MailServer(
            self._passwords | customers, now=now, capacity=MAILBOX_CAPACITY, hostname=f"mail.{DOMAIN}"
        )
        self.helpdesk: Helpdesk
        self.site: Site

    @property
    def url(self) -> str:
        """The home page."""
        return self.site.url

    @property
    def contact_url(self) -> str:
        """The page with the contact form."""
        return f"{self.site.url}/contact"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that `configuration()` takes the customers' passwords from."""
        return {f"{key.upper()}_PASSWORD": customer.password for key, customer in self.customers.items()}

    async def start(
        self, host: str = "127.0.0.1", *, imap_port: int = 0, smtp_port: int = 0, http_port: int = 0
    ) -> None:
        """Open for business; 0 is any free port. OSError when a port is taken."""
        async with AsyncExitStack() as opening:
            await self.mail.start(host, imap_port, smtp_port)
            opening.push_async_callback(self.mail.stop)
            self.helpdesk = Helpdesk(
                self._send,
                no_reply_address=f"no-reply@{DOMAIN}",
                now=self._now,
                rng=self._rng,
                handling_time=self._handling_time,
            )
            opening.push_async_callback(self.helpdesk.aclose)
            self.site = Site(self.helpdesk, TOPICS)
            await self.site.start(host, http_port)
            opening.push_async_callback(self.site.stop)
            for queue in self._queues():
                self.helpdesk.open_queue(queue)
                self.mail.post.on_delivery(queue.address, self.helpdesk.delivered)
            self._closing = opening.pop_all()

    async def stop(self) -> None:
        """Close: the site first, then the helpdesk, then the mail."""
        await self._closing.aclose()

    def _queues(self) -> list[Queue]:
        return [
            Queue(name, self.addresses[name], Agent(person, manner, delay, self.contact_url), PROMISE)
            for name, (person, manner, delay) in self._staff.items()
        ]

    def _password(self) -> str:
        return f"{self._rng.getrandbits(96):024x}"

    async def _send(self, sender: str, recipient: str, mail: bytes) -> None:
        await aiosmtplib.send(
            mail,
            sender=sender,
            recipients=[recipient],
            hostname=self.mail.host,
            port=self.mail.ports.smtp,
            username=sender,
            password=self._passwords[sender],
            start_tls=False,
            timeout=SEND_TIMEOUT,
        )
