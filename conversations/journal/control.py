"""Operations on control mails: sent by a mailbox of ours to itself or another of ours, to know our own provider."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema

mail = schema.control_mail

UNDER_WAY, ARRIVED, LOST, UNSENT = "under_way", "arrived", "lost", "unsent"
KEEP = 400 * 86_400.0
"""Seconds for which they are kept, for the conversations that they stand beside."""

_LAST = sa.select(mail).where(mail.c.mailbox == sa.bindparam("box")).order_by(mail.c.slot.desc()).limit(1)
_LAST_ARRIVED = _LAST.where(
    mail.c.seconds.is_not(None),
    mail.c.delivered_at <= sa.bindparam("until"),
    mail.c.slot <= sa.bindparam("until"),  # so that the key finds it, however many came since
)
_LAST_DECIDED = _LAST.where(mail.c.fate.in_((ARRIVED, LOST)))


@dataclass(frozen=True, slots=True)
class Intent:
    """A control mail about to be sent. `slot`: its place in the timetable of the mailbox, one mail each."""

    mailbox: str
    slot: float
    recipient: str  # name of the mailbox that receives it
    message_id: str


def intend(connection: Connection, new: Intent) -> bool:
    """Write it down before it is sent; False when this slot has its mail already, whatever became of that."""
    values = {name: getattr(new, name) for name in Intent.__slots__}
    return rows.insert_new(connection, mail, {**values, "fate": UNDER_WAY})


def sent(connection: Connection, which: Intent, at: float) -> None:
    """The provider has accepted it."""
    connection.execute(mail.update().where(*_this(which)).values(sent_at=at))
    _measure(connection, which.mailbox, which.slot)


def unsent(connection: Connection, which: Intent) -> None:
    """It certainly did not go out."""
    connection.execute(mail.update().where(*_this(which)).values(fate=UNSENT))


def arrived(connection: Connection, recipient: str, message_ids: Iterable[str], at: float) -> bool:
    """Note the arrival, the first of it; False when none of these ids is a control mail to this mailbox."""
    query = sa.select(mail).where(mail.c.recipient == recipient, mail.c.message_id.in_(list(message_ids)))
    row = connection.execute(query).first()
    if row is None:
        return False
    if row.delivered_at is None:
        this = (mail.c.mailbox == row.mailbox, mail.c.slot == row.slot)
        connection.execute(mail.update().where(*this).values(delivered_at=at, fate=ARRIVED))
        _measure(connection, row.mailbox, row.slot)
    return True


def give_up(connection: Connection, mailbox: str, before: float) -> int:
    """Count what was accepted before this time and has not arrived as lost; how many.

    What was intended and of which nobody knows whether it was sent, is only no longer waited for.
    """
    overdue = (mail.c.mailbox == mailbox, mail.c.fate == UNDER_WAY)
    lost = mail.update().where(*overdue, mail.c.sent_at < before).values(fate=LOST)
    count = connection.execute(lost).rowcount
    connection.execute(
        mail.update().where(*overdue, mail.c.sent_at.is_(None), mail.c.slot < before).values(fate=UNSENT)
    )
    connection.execute(mail.delete().where(mail.c.mailbox == mailbox, mail.c.slot < before - KEEP))
    if count:
        aggregates.add(connection, "control_mail_lost_total", {"mailbox": mailbox}, count)
    return count


def delivery_seconds(connection: Connection, mailbox: str, until: float) -> float | None:
    """What the last control mail of a mailbox up to then took from acceptance to delivery; None when none arrived."""
    row = connection.execute(_LAST_ARRIVED, {"box": mailbox, "until": until}).first()
    return None if row is None else row.seconds


def lost_at(connection: Connection, mailbox: str) -> float | None:
    """When the last control mail was sent whose fate is known, if it was lost; None when it arrived or there was none."""
    row = connection.execute(_LAST_DECIDED, {"box": mailbox}).first()
    return row.sent_at if row is not None and row.fate == LOST else None


def _this(which: Intent) -> tuple[sa.ColumnElement[bool], ...]:
    return (mail.c.mailbox == which.mailbox, mail.c.slot == which.slot)


def _measure(connection: Connection, mailbox: str, slot: float) -> None:
    """Once both ends are known, whichever became known first."""
    this = (mail.c.mailbox == mailbox, mail.c.slot == slot)
    row = connection.execute(sa.select(mail).where(*this)).one()
    if row.sent_at is not None and row.delivered_at is not None and row.seconds is None:
        seconds = max(0.0, row.delivered_at - row.sent_at)
        connection.execute(mail.update().where(*this).values(seconds=seconds))
        aggregates.observe(connection, "delivery_seconds", {"mailbox": mailbox}, seconds)
