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
    document = definition.model_dump_json(by_alias=True)

    def operation(connection: Connection) -> Started | NotStarted:
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
                definition=document,
            )
            if lifecycle.start(connection, new, now, owner=owner, lease_until=lease_until, scheduled=scheduled):
                return Started(conversation_id)
            if visits.has_slot(connection, definition.visit, due_at):
                return NotStarted("exists")
        raise RuntimeError("no fresh reference could be found")

    return await journal.write(operation)


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
