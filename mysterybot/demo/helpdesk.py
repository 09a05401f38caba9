"""The ticket system of the demo company: takes mails and forms, acknowledges, and has the staff answer.

A mail belongs to a ticket when its subject has the tag of it, or when it answers a mail of it. Automatic mails
are kept out, so that two robots never talk to each other (RFC 3834).
"""

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from mysterybot.demo.agents import ORDER_NUMBER, Agent, Case, Manner, Topic, topics_in
from mysterybot.demo.letters import MAX_IDS, Incoming, Outgoing, compose, one_line, quoted, read
from mysterybot.demo.post import Delivery

log = logging.getLogger(__name__)

FIRST_TICKET = 1042
MAX_TICKETS = 2000
MAX_MESSAGES = 40  # from one customer in one ticket; what comes after is ignored
MAX_AT_WORK = 500  # answers being written at once
MAX_LETTER_IDS = 200
_TAG = re.compile(r"\[ACME-(\d{1,9})\]")

Send = Callable[[str, str, bytes], Awaitable[None]]
"""Send a mail: envelope sender, recipient, and the mail itself."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One address of the company and who reads it. `promise` is what the acknowledgement says about the time."""

    name: str
    address: str
    agent: Agent
    promise: str


@dataclass(frozen=True, slots=True)
class ContactForm:
    """What a customer has typed into the contact form."""

    name: str
    address: str
    order: str
    subject: str
    message: str
    queue: str


@dataclass(slots=True)
class Ticket:
    """One customer's case."""

    number: int
    queue: Queue
    customer: str
    address: str
    subject: str
    order: str | None = None
    received: int = 0
    letters: list[str] = field(default_factory=list)
    asked: list[Topic] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    closed: bool = False

    @property
    def tag(self) -> str:
        """What the subject carries."""
        return f"[ACME-{self.number}]"


class Helpdesk:
    """Runs the queues. `handling_time` is the least and the most time until an acknowledgement goes out, in seconds."""

    def __init__(
        self,
        send: Send,
        *,
        no_reply_address: str,
        now: Callable[[], datetime],
        rng: random.Random,
        handling_time: tuple[float, float] = (0.1, 0.5),
    ) -> None:
        self.queues: dict[str, Queue] = {}
        self.tickets: dict[int, Ticket] = {}
        self._send = send
        self._no_reply_address = no_reply_address
        self._now = now
        self._rng = rng
        self._handling_time = handling_time
        self._next_number = FIRST_TICKET
        self._by_letter: dict[str, Ticket] = {}
        self._at_work: set[asyncio.Task[None]] = set()

    def open_queue(self, queue: Queue) -> None:
        """Read one more address; its deliveries have to be handed to `delivered`."""
        self.queues[queue.name] = queue

    def delivered(self, delivery: Delivery) -> None:
        """Take a mail that has just been delivered to a queue's address."""
        queue = next(
            (queue for queue in self.queues.values() if _same_mailbox(delivery.recipient, queue.address)), None
        )
        incoming = read(delivery.mail.raw)
        if queue is None or incoming.automatic or not _is_address(incoming.sender) or self._is_ours(incoming.sender):
            log.info("ignored a mail from %s", incoming.sender)
            return
        ticket = self._ticket_of(incoming)
        is_new = ticket is None
        if ticket is None:
            ticket = self._open(queue, incoming.sender_name, incoming.sender, incoming.subject)
        self._received(ticket, incoming, is_new=is_new)

    def submitted(self, form: ContactForm) -> Ticket:
        """Take a form; the ticket that was opened for it. KeyError when there is no such queue."""
        ticket = self._open(self.queues[form.queue], form.name, form.address.lower(), form.subject)
        ticket.order = form.order or None
        incoming = Incoming(
            sender=ticket.address,
            sender_name=ticket.customer,
            subject=form.subject,
            text=form.message,
            full_text=form.message,
            message_id=None,
            related=(),
            date=format_datetime(self._now()),
            automatic=False,
        )
        self._received(ticket, incoming, is_new=True)
        return ticket

    async def aclose(self) -> None:
        """Send everybody home; answers that are not written yet are not written."""
        tasks = list(self._at_work)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_ours(self, address: str) -> bool:
        ours = [queue.address for queue in self.queues.values()]
        return any(_same_mailbox(address, own) for own in (self._no_reply_address, *ours))

    def _ticket_of(self, incoming: Incoming) -> Ticket | None:
        """The open ticket that it belongs to."""
        if (tag := _TAG.search(incoming.subject)) and (tagged := self.tickets.get(int(tag[1]))):
            return None if tagged.closed else tagged
        found = (self._by_letter[known] for known in incoming.related if known in self._by_letter)
        return next((ticket for ticket in found if not ticket.closed), None)

    def _open(self, queue: Queue, customer: str, address: str, subject: str) -> Ticket:
        ticket = Ticket(
            self._next_number, queue, one_line(customer), address, " ".join(_TAG.sub("", one_line(subject)).split())
        )
        self._next_number += 1
        self.tickets[ticket.number] = ticket
        if len(self.tickets) > MAX_TICKETS:
            forgotten = self.tickets.pop(next(iter(self.tickets)))
            for known in forgotten.letters:
                self._by_letter.pop(known, None)
        log.info("ticket %s opened in %s", ticket.tag, queue.name)
        return ticket

    def _received(self, ticket: Ticket, incoming: Incoming, *, is_new: bool) -> None:
        ticket.received += 1
        if ticket.received > MAX_MESSAGES or len(self._at_work) >= MAX_AT_WORK:
            log.warning("too much to do: a mail in %s is ignored", ticket.tag)
            return
        if incoming.message_id:
            self._remember(ticket, incoming.message_id)
        if match := ORDER_NUMBER.search(incoming.full_text):
            ticket.order = match[0].upper()
        if is_new:
            self._work(self._acknowledge(ticket, incoming))
        self._work(self._answer(ticket, incoming))

    def _work(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _acknowledge(self, ticket: Ticket, incoming: Incoming) -> None:
        await asyncio.sleep(self._rng.uniform(*self._handling_time))
        text = (
            f"Hello {ticket.customer},\n\n"
            f"we have received your message and opened ticket {ticket.tag} for it. {ticket.queue.promise}\n\n"
            "This message was sent automatically.\n\n"
            "Acme Hosting customer service\n"
        )
        await self._write(
            ticket,
            incoming,
            subject=f"{ticket.tag} We have received your message: {ticket.subject}",
            text=text,
            sender=(f"Acme Hosting {ticket.queue.name}", ticket.queue.address),
            headers={"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"},
        )

    async def _answer(self, ticket: Ticket, incoming: Incoming) -> None:
        agent = ticket.queue.agent
        # The handling time comes first, so that the acknowledgement overtakes the quickest of agents.
        await asyncio.sleep(self._handling_time[1] + agent.thinking_time(self._rng))
        case = Case(ticket.customer, incoming.text, tuple(ticket.asked), frozenset(ticket.answered), ticket.order)
        answer = agent.answer(case)
        ticket.asked += [topic for topic in topics_in(incoming.text) if topic not in ticket.asked]
        if answer is None:
            if agent.manner is Manner.HASTY and ticket.answered and not ticket.closed:
                await self._close(ticket, incoming)
            return
        ticket.answered |= {topic.name for topic in answer.topics}
        from_no_reply = agent.manner is Manner.NO_REPLY
        await self._write(
            ticket,
            incoming,
            subject=f"Re: {ticket.tag} {ticket.subject}",
            text=f"{answer.text}\n\n{quoted(incoming.full_text, ticket.customer, incoming.date)}\n",
            sender=(agent.name, self._no_reply_address if from_no_reply else ticket.queue.address),
        )

    async def _close(self, ticket: Ticket, incoming: Incoming) -> None:
        ticket.closed = True
        await self._write(
            ticket,
            incoming,
            subject=f"{ticket.tag} Solved: {ticket.subject}",
            text=(
                f"Hello {ticket.customer},\n\n"
                f"your request {ticket.tag} has been solved and is now closed.\n\n"
                "This message was sent automatically.\n\n"
                "Acme Hosting customer service\n"
            ),
            sender=(f"Acme Hosting {ticket.queue.name}", ticket.queue.address),
            headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
        )

    async def _write(
        self,
        ticket: Ticket,
        incoming: Incoming,
        *,
        subject: str,
        text: str,
        sender: tuple[str, str],
        headers: dict[str, str] | None = None,
    ) -> None:
        name, address = sender
        message_id = f"<{ticket.number}.{self._rng.getrandbits(64):016x}@{address.partition('@')[2]}>"
        letter = Outgoing(
            sender_name=name,
            sender=address,
            to_name=ticket.customer,
            to=ticket.address,
            subject=subject,
            text=text,
            message_id=message_id,
            date=self._now(),
            in_reply_to=incoming.message_id,
            references=tuple(ticket.letters[-MAX_IDS:]),
            headers=headers or {},
        )
        self._remember(ticket, message_id)
        try:
            await self._send(address, ticket.address, compose(letter))
        except Exception:  # a customer who cannot be reached must not stop the desk
            log.exception("could not write to the customer of %s", ticket.tag)

    def _remember(self, ticket: Ticket, message_id: str) -> None:
        if len(ticket.letters) < MAX_LETTER_IDS:
            ticket.letters.append(message_id)
            self._by_letter[message_id] = ticket


def _same_mailbox(address: str, mailbox: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == mailbox.lower()


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^\s@<>\",;:()]{1,64}@[a-z0-9.-]{1,190}", text, re.IGNORECASE) is not None
