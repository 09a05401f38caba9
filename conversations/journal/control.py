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

_TO = sa.select(mail).where(
    mail.c.recipient == sa.bindparam("box"), mail.c.message_id.in_(sa.bindparam("any", expanding=True))
)
_FROM = sa.select(mail.c.message_id).where(
    mail.c.mailbox == sa.bindparam("box"),
    mail.c.slot >= sa.bindparam("since"),  # the key finds these
    mail.c.message_id.in_(sa.bindparam("any", expanding=True)),
)
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


def arriving(connection: Connection, recipient: str, message_ids: Iterable[str]) -> bool:
    """Whether one of these ids is of a control mail to this mailbox."""
    return connection.execute(_TO, {"box": recipient, "any": list(message_ids)}).first() is not None


def arrived(connection: Connection, recipient: str, message_ids: Iterable[str], at: float) -> None:
    """Note the arrival of the control mail to this mailbox that has one of these ids, the first arrival of it."""
    row = connection.execute(_TO, {"box": recipient, "any": list(message_ids)}).first()
    if row is not None and row.delivered_at is None:
        this = (mail.c.mailbox == row.mailbox, mail.c.slot == row.slot)
        connection.execute(mail.update().where(*this).values(delivered_at=at, fate=ARRIVED))
        _measure(connection, row.mailbox, row.slot)


def answered(connection: Connection, sender: str, message_ids: Iterable[str], since: float) -> set[str]:
    """Which of these ids are of control mails that this mailbox has sent since then."""
    asked = {"box": sender, "any": list(message_ids), "since": since}
    return set(connection.execute(_FROM, asked).scalars())


def bounced(connection: Connection, sender: str, message_ids: Iterable[str]) -> bool:
    """Note that the control mail of this mailbox with one of these ids came back for good; False when that is known."""
    this = (mail.c.mailbox == sender, mail.c.message_id.in_(list(message_ids)), mail.c.fate == UNDER_WAY)
    lost = connection.execute(mail.update().where(*this).values(fate=LOST)).rowcount
    if lost:
        aggregates.add(connection, "control_mail_lost_total", {"mailbox": sender}, lost)
    return bool(lost)


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
    if row is None or row.fate != LOST:
        return None
    return float(row.slot if row.sent_at is None else row.sent_at)  # one may come back before we know that it went


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
