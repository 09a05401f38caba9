"""Starts a conversation of a visit, or says why not."""

import random
import secrets
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from conversations.definition import Definition
from conversations.journal import Journal, lifecycle, messages, switches, visits
from conversations.maintenance import under_maintenance
from conversations.reference import new_reference

DAY = 86_400.0
TRIES = 20
MAINTENANCE = "maintenance"

REASONS = {
    "exists": "there is a conversation for this time already",
    "open": "its last conversation is still open",
    "desk_per_day": "the desk was contacted as often as limits.desk_per_day allows",
    "mailbox_per_day": "the mailbox sent as much as limits.mailbox_per_day allows",
    MAINTENANCE: "the desk is under maintenance",
    "paused": "new contact is paused (mysterybot resume starts it again)",
}
"""What a person reads when a conversation was not started."""


class Started(str):
    """The id of a conversation that was started."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class NotStarted:
    """Why no conversation was started: `exists`, `open`, `desk_per_day`, `mailbox_per_day`, `paused`, `maintenance`."""

    reason: str


async def start(
    journal: Journal,
    definition: Definition,
    *,
    due_at: float,
    now: float,
    location: str,
    rng: random.Random,
    owner: str | None = None,
    lease_until: float | None = None,
    open_allowed: int | None = 1,
    scheduled: bool = True,
    put_off: bool = False,
) -> Started | NotStarted:
    """Start the conversation of this visit that is due at `due_at`, once whoever calls how often, within the limits.

    `scheduled`: whether this is the timetable's doing, and its slot is done with by it. `open_allowed`: so many of the visit
    may be open at a time; None for any number. `put_off`: a slot that meets the desk's maintenance is not done with.
    """
    conversation_id = secrets.token_hex(8)

    def operation(connection: Connection) -> Started | NotStarted:
        return begin(
            connection,
            definition,
            conversation_id=conversation_id,
            due_at=due_at,
            now=now,
            location=location,
            rng=rng,
            owner=owner,
            lease_until=lease_until,
            open_allowed=open_allowed,
            scheduled=scheduled,
            put_off=put_off,
        )

    return await journal.write(operation)


def begin(
    connection: Connection,
    definition: Definition,
    *,
    conversation_id: str,
    due_at: float,
    now: float,
    location: str,
    rng: random.Random,
    owner: str | None = None,
    lease_until: float | None = None,
    open_allowed: int | None = None,
    scheduled: bool = False,
    put_off: bool = False,
    parent: str | None = None,
) -> Started | NotStarted:
    """`start` as an operation. `parent`: the conversation whose companion it is."""
    refusal = _refusal(connection, definition, now, open_allowed)
    if refusal is not None:
        if scheduled and not (put_off and refusal == MAINTENANCE):
            visits.note_slot(connection, definition.visit, due_at)
        return NotStarted(refusal)
    for _ in range(TRIES):
        new = lifecycle.Start(
            id=conversation_id,
            visit=definition.visit,
            due_at=due_at,
            desk=definition.desk_name,
            channel=definition.channel_name,
            mailbox=definition.mailbox,
            location=location,
            reference=new_reference(rng),
            definition=definition.model_dump_json(by_alias=True),
            parent=parent,
        )
        if lifecycle.start(connection, new, now, owner=owner, lease_until=lease_until, scheduled=scheduled):
            return Started(conversation_id)
        if visits.has_slot(connection, definition.visit, due_at):
            return NotStarted("exists")
    raise RuntimeError("no fresh reference could be found")


def _refusal(connection: Connection, definition: Definition, now: float, open_allowed: int | None) -> str | None:
    limits = definition.limits
    if switches.paused(connection):
        return "paused"
    desk = definition.desk
    decided = switches.maintenances(connection, now).get(definition.desk_name)
    if under_maintenance(desk.maintenance, desk.timezone, now, decided):
        return MAINTENANCE
    if open_allowed is not None and visits.count_open(connection, definition.visit) >= open_allowed:
        return "open"
    if visits.count_started(connection, definition.desk_name, now - DAY) >= limits.desk_per_day:
        return "desk_per_day"
    if messages.count_sent(connection, definition.mailbox, now - DAY) >= limits.mailbox_per_day:
        return "mailbox_per_day"
    return None
