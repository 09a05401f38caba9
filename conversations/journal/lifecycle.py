"""Operations on conversations: start, claim, park, finish."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import aggregates, control, notices, opinions, rows, schema
from conversations.records import Conversation, StoredFinding, StoredMessage, Verdict

conversation = schema.conversation

MOST_OF_A_KIND = 200
"""So many messages of each kind are loaded of a conversation; what a robot sends beyond that is kept and not looked at."""

Pending = Sequence[Callable[[Connection], object]]
"""Operations of steps that are carried out in the transaction of whatever is written next."""

FREE: Mapping[str, None] = {"owner": None, "lease_until": None}

WAITS = ("waiting_since", "acknowledgement_due", "first_reply_due", "next_reply_due", "resolution_due")
"""Columns that tell since when the customer waits, and until when the desk has promised to answer."""

_THIS = conversation.c.id == sa.bindparam("of")

HELD = (_THIS, conversation.c.owner == sa.bindparam("by"), conversation.c.verdict.is_(None))
"""Conditions that conversation `of` is in the hands of owner `by`."""

_CLAIM = conversation.update().where(
    _THIS,
    conversation.c.verdict.is_(None),
    sa.or_(
        conversation.c.owner.is_(None),
        conversation.c.owner == sa.bindparam("by"),
        conversation.c.lease_until < sa.bindparam("at"),
    ),
)
_FENCE = sa.select(conversation.c.id).where(*HELD)
_PARK = conversation.update().where(*HELD, conversation.c.rev == sa.bindparam("seen"))
_FINISH = conversation.update().where(_THIS)
_WAKE = (
    conversation.update()
    .where(_THIS)
    .values(
        rev=conversation.c.rev + 1,
        wake_at=sa.case(
            (conversation.c.verdict.is_not(None), None),
            (conversation.c.owner.is_(None), sa.bindparam("now", type_=schema.Time())),
            else_=conversation.c.wake_at,
        ),
    )
)
_DUE = (
    sa.select(conversation.c.id)
    .where(conversation.c.wake_at <= sa.bindparam("at"))
    .order_by(conversation.c.wake_at)
    .limit(sa.bindparam("most"))
)
_NEXT_WAKE = sa.select(sa.func.min(conversation.c.wake_at))
_NEW_CLUE = schema.clue.insert()
_LOAD = sa.select(conversation).where(_THIS)
_REV = sa.select(conversation.c.rev).where(_THIS)


def _parts(table: sa.Table, order: sa.Column[int]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.conversation == sa.bindparam("of")).order_by(order)


def _first_of_each_kind() -> sa.Select[Any]:
    """Messages up to MOST_OF_A_KIND of each kind, so that a thousand robots do not hide a person, and as many again that
    each step took, so that what was dealt with hides nothing new; `total` counts all.

    The oldest ones: what a step has taken must still be there when it is replayed.
    """
    message = schema.message
    place = (
        sa.func.row_number()
        .over(partition_by=(message.c.kind, message.c.taken_by), order_by=message.c.id)
        .label("place")
    )
    numbered = (
        sa.select(message, place, sa.func.count().over().label("total"))
        .where(message.c.conversation == sa.bindparam("of"))
        .subquery()
    )
    return sa.select(numbered).where(numbered.c.place <= MOST_OF_A_KIND).order_by(numbered.c.id)


_LOAD_STEPS = _parts(schema.step, schema.step.c.seq)
_LOAD_MESSAGES = _first_of_each_kind()
_LOAD_FINDINGS = _parts(schema.finding, schema.finding.c.id)


@dataclass(frozen=True, slots=True)
class Start:
    """A conversation about to begin."""

    id: str
    visit: str
    due_at: float
    desk: str
    channel: str
    mailbox: str
    location: str
    reference: str
    definition: str
    parent: str | None = None


class LeaseLost(BaseException):
    """Somebody else works on this conversation now: stop, touch nothing more.

    A BaseException, so that a scenario's `except Exception` does not swallow it.
    """


def start(
    connection: Connection,
    new: Start,
    now: float,
    *,
    owner: str | None = None,
    lease_until: float | None = None,
    scheduled: bool = True,
) -> bool:
    """Insert it, due at once; False when this visit already has a conversation for that due time, or the reference is taken.

    With an owner it starts claimed, so that no other process takes it. One that is not `scheduled` leaves the timetable alone.
    """
    values = {field: getattr(new, field) for field in Start.__slots__}
    wake_at = lease_until if owner else now
    values |= {"started_at": now, "wake_at": wake_at, "owner": owner, "lease_until": lease_until}
    if not rows.insert_new(connection, conversation, values):
        return False
    state = {"visit": new.visit, "last_run": now}
    if scheduled:
        state["last_due"] = new.due_at
    rows.upsert(connection, schema.visit_state, state)
    clue = {"mailbox": new.mailbox, "kind": "token", "value": new.reference.lower(), "conversation": new.id}
    connection.execute(_NEW_CLUE, clue)
    return True


def claim(
    connection: Connection, conversation_id: str, owner: str, now: float, lease_until: float
) -> Conversation | None:
    """Take it for this owner and load it whole; None when it has ended or another owner's lease still runs."""
    which = {"of": conversation_id, "by": owner, "at": now}
    taken = connection.execute(_CLAIM, {**which, "owner": owner, "lease_until": lease_until, "wake_at": lease_until})
    return load(connection, conversation_id) if taken.rowcount else None


def fence(connection: Connection, conversation_id: str, owner: str) -> None:
    """Raise LeaseLost unless this owner still holds it."""
    if connection.execute(_FENCE, {"of": conversation_id, "by": owner}).first() is None:
        raise LeaseLost(conversation_id)


def renew(connection: Connection, conversation_id: str, owner: str, lease_until: float) -> bool:
    """Hold it longer; False when it is no longer this owner's."""
    return (
        connection.execute(
            conversation.update()
            .where(
                conversation.c.id == conversation_id, conversation.c.owner == owner, conversation.c.verdict.is_(None)
            )
            .values(lease_until=lease_until, wake_at=lease_until)
        ).rowcount
        == 1
    )


def park(connection: Connection, held: Conversation, owner: str, wake_at: float | None, pending: Pending) -> bool:
    """Let go until `wake_at` or a message. False when a message came in since it was loaded: look again before parking."""
    which = {"of": held.id, "by": owner, "seen": held.rev}
    parked = connection.execute(_PARK, {**which, **FREE, "wake_at": wake_at}).rowcount == 1
    if not parked:
        fence(connection, held.id, owner)
    for operation in pending:
        operation(connection)
    return parked


def finish(
    connection: Connection, held: Conversation, owner: str, verdict: Verdict, reason: str, now: float, pending: Pending
) -> None:
    """End it, count it where metrics read, and wake who began it, all in this transaction."""
    fence(connection, held.id, owner)
    for operation in pending:
        operation(connection)
    if held.left_out:
        reason = "; ".join(filter(None, (reason, f"{held.left_out} more mails of a flood were not looked at")))
    end = {"verdict": verdict, "reason": reason, "finished_at": now, "wake_at": None}
    connection.execute(_FINISH, {"of": held.id, **FREE, **dict.fromkeys(WAITS), **end})
    if held.parent is not None:
        wake(connection, held.parent, now)
    whole = load(connection, held.id)
    assert whole is not None
    notices.note_verdict(connection, whole)
    aggregates.count_finished(connection, whole)


def wake(connection: Connection, conversation_id: str, now: float, **changes: object) -> None:
    """Something happened that this conversation may wait for: look at it soon. `changes`: other columns to set with it."""
    connection.execute(_WAKE, {"of": conversation_id, "now": now, **changes})


def release_all(connection: Connection, owner_prefix: str, now: float) -> int:
    """Free what dead workers of this name hold; only for a caller that knows them to be dead. How many it were."""
    return connection.execute(
        conversation.update()
        .where(conversation.c.verdict.is_(None), conversation.c.owner.startswith(owner_prefix))
        .values(owner=None, lease_until=None, wake_at=now)
    ).rowcount


def due(connection: Connection, now: float, limit: int, only: Collection[str] | None = None) -> list[str]:
    """Open conversations that somebody should look at, longest due first; or only those of these that are due."""
    query = _DUE if only is None else _DUE.where(conversation.c.id.in_(only))
    return list(connection.execute(query, {"at": now, "most": limit}).scalars())


def next_wake(connection: Connection) -> float | None:
    """When the next conversation is due; None when none is."""
    return connection.execute(_NEXT_WAKE).scalar()


def load(connection: Connection, conversation_id: str) -> Conversation | None:
    """One conversation with its steps, findings and messages, up to MOST_OF_A_KIND of each kind that no step has taken."""
    which = {"of": conversation_id}
    row = connection.execute(_LOAD, which).first()
    if row is None:
        return None
    whole = rows.conversation(row._asdict())
    whole.steps = [rows.step(row._asdict()) for row in connection.execute(_LOAD_STEPS, which)]
    found = [row._asdict() for row in connection.execute(_LOAD_MESSAGES, which)]
    whole.messages = [rows.message(row) for row in found]
    whole.left_out = found[0]["total"] - len(found) if found else 0
    until = float("inf") if whole.finished_at is None else whole.finished_at
    whole.delivery_seconds = control.delivery_seconds(connection, whole.mailbox, until)
    whole.findings = [rows.finding(row._asdict()) for row in connection.execute(_LOAD_FINDINGS, which)]
    whole.opinions = opinions.of(connection, conversation_id)
    return whole


def load_all(connection: Connection, ids: Iterable[str]) -> list[Conversation]:
    """Those of these conversations that there are."""
    return [whole for each in ids if (whole := load(connection, each)) is not None]


def news(connection: Connection, conversation_id: str) -> tuple[int, list[StoredMessage], list[StoredFinding]]:
    """`rev`, messages and findings, as `load` has them: what may have changed while somebody works on a conversation."""
    which = {"of": conversation_id}
    messages = [rows.message(row._asdict()) for row in connection.execute(_LOAD_MESSAGES, which)]
    findings = [rows.finding(row._asdict()) for row in connection.execute(_LOAD_FINDINGS, which)]
    return connection.execute(_REV, which).scalar_one(), messages, findings


def family(connection: Connection, conversation_id: str) -> list[str]:
    """Its id and those of its companions, in the order in which they began."""
    query = sa.select(conversation.c.id).where(conversation.c.parent == conversation_id)
    return [
        conversation_id,
        *connection.execute(query.order_by(conversation.c.started_at, conversation.c.id)).scalars(),
    ]


def listed(
    connection: Connection, *, visit: str | None = None, open_only: bool = False, limit: int | None = None
) -> list[str]:
    """Ids of conversations, newest first."""
    query = (
        sa.select(conversation.c.id).order_by(conversation.c.started_at.desc(), conversation.c.id.desc()).limit(limit)
    )
    if visit is not None:
        query = query.where(conversation.c.visit == visit)
    if open_only:
        query = query.where(conversation.c.verdict.is_(None))
    return list(connection.execute(query).scalars())


def mailboxes_of_open(connection: Connection) -> list[str]:
    """The mailboxes of all open conversations, each as often as it has one."""
    return list(connection.execute(sa.select(conversation.c.mailbox).where(conversation.c.verdict.is_(None))).scalars())


def definition_of(connection: Connection, conversation_id: str) -> str:
    """The definition of a conversation that exists, JSON."""
    query = sa.select(conversation.c.definition).where(conversation.c.id == conversation_id)
    return str(connection.execute(query).scalar_one())


def beginning_with(connection: Connection, prefix: str) -> list[str]:
    """At most two ids that begin so; an id that is exactly so is the only one."""
    query = sa.select(conversation.c.id).where(conversation.c.id.startswith(prefix, autoescape=True)).limit(2)
    found = list(connection.execute(query).scalars())
    return [prefix] if prefix in found else found
