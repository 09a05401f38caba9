"""Control mails: a mailbox of ours writes to itself, or to another of ours, and waits for it to arrive.

When a desk is silent, they tell whether its people or our own mail provider is to blame.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from conversations.about import about
from conversations.clock import Clock
from conversations.durations import Duration, Interval
from conversations.journal import Journal, control
from conversations.visit import Name
from conversations.world import World
from probes.errors import ProbeError, SendUncertain
from probes.mail.account import Account
from probes.mail.letter import Letter, compose, new_message_id
from probes.settings import Settings

log = logging.getLogger(__name__)

MARKER = "X-Mysterybot-Control"
"""Header that holds the Message-ID once more, for providers that replace that."""

SUBJECT = "Control mail"
TEXT = "This is a control mail of mysterybot. It only has to arrive, and may be deleted."


class Control(Settings):
    """Mail that a mailbox sends to know its own provider."""

    every: Annotated[Interval, Field(description="Time from one control mail to the next")]
    to: Annotated[Name | None, Field(description="Name of the mailbox that receives it; default: the same")] = None
    within: Annotated[Interval, Field(description="After so long it counts as lost")] = Duration(seconds=600)


class Mailbox(Account):
    """A test account, and how its provider is watched."""

    control: Annotated[
        Control | None, Field(description="Control mails that this mailbox sends; none when left out")
    ] = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Who sends control mails to whom."""

    mailbox: str
    address: str
    recipient: str
    to: str
    control: Control


def plans(mailboxes: dict[str, Mailbox]) -> list[Plan]:
    """The plans of the mailboxes that have one."""
    return [
        Plan(name, mailbox.address, to, mailboxes[to].address, mailbox.control)
        for name, mailbox in mailboxes.items()
        if mailbox.control is not None
        for to in (mailbox.control.to or name,)
    ]


class ControlMails:
    """Sends what is due and gives up what is overdue; `tick` is called every few seconds."""

    def __init__(
        self, journal: Journal, world: World, clock: Clock, rng: random.Random, watched: Sequence[Plan]
    ) -> None:
        self._journal, self._world, self._clock, self._rng = journal, world, clock, rng
        self._watched = watched

    async def tick(self) -> None:
        """Once round."""
        for plan in self._watched:
            with about(mailbox=plan.mailbox):
                await self._look(plan)

    async def _look(self, plan: Plan) -> None:
        now = self._clock.now()
        overdue = now - plan.control.within.amount
        if await self._journal.write(lambda c: control.give_up(c, plan.mailbox, overdue)):
            log.warning("mailbox %s: a control mail to %s was lost", plan.mailbox, plan.to)
        every = plan.control.every.amount
        message_id = new_message_id(plan.address.rpartition("@")[2], self._rng)
        due = control.Intent(plan.mailbox, now - now % every, plan.recipient, message_id)
        if await self._journal.write(lambda c: control.intend(c, due)):
            await self._send(plan, due, now)

    async def _send(self, plan: Plan, due: control.Intent, now: float) -> None:
        """Send it once. What was interrupted is uncertain, and waits for its arrival like any other."""
        letter = Letter(
            sender_name="",
            sender=plan.address,
            to=plan.to,
            subject=SUBJECT,
            text=TEXT,
            message_id=due.message_id,
            date=datetime.fromtimestamp(now, UTC),
            headers={MARKER: due.message_id, "Auto-Submitted": "auto-generated"},
        )
        try:
            await self._world.mailbox_ready(plan.recipient)
            accepted = await self._world.send_mail(
                plan.mailbox,
                compose(letter),
                sender=plan.address,
                recipients=[plan.to],
                point_of_no_return=_nothing_to_write,
            )
        except SendUncertain as error:
            log.warning("mailbox %s: nobody knows whether a control mail went out: %s", plan.mailbox, error)
        except ProbeError as error:
            log.warning("mailbox %s: no control mail could be sent: %s", plan.mailbox, error)
            await self._journal.write(lambda c: control.unsent(c, due))
        else:
            await self._journal.write(lambda c: control.sent(c, due, accepted.at.timestamp()))


async def _nothing_to_write() -> None:
    """The intent is in the journal, and its slot is never used again: there is nothing to add at this point."""
