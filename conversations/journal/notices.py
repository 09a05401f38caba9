"""Operations on notices: what has happened that people should be told, written down once."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import rows, schema
from conversations.journal.visits import PROMISES, open_by_visit
from conversations.notice import About, Notice, What
from conversations.records import Conversation, Verdict
from probes.mail.connecting import one_line

notice, conversation = schema.notice, schema.conversation

AT_ONCE = 100
KEEP = 90 * 86_400.0
"""Seconds for which they are kept; what is not over yet is kept longer."""

_STREAKS = sa.select(schema.visit_state.c.consecutive_failures, schema.visit_state.c.consecutive_faults).where(
    schema.visit_state.c.visit == sa.bindparam("of")
)
_TO_DEAL = (
    sa.select(notice)
    .where(notice.c.dealt_at.is_(None), notice.c.id > sa.bindparam("after"))
    .order_by(notice.c.id)
    .limit(AT_ONCE)
)
_LAST = sa.select(notice).where(notice.c.incident == sa.bindparam("of")).order_by(notice.c.id.desc()).limit(1)


def note_verdict(connection: Connection, ended: Conversation) -> None:
    """Note what the end of a conversation changes for its visit; called before the visit's streaks are counted on."""
    streaks = connection.execute(_STREAKS, {"of": ended.visit}).first()
    failures, faults = (0, 0) if streaks is None else streaks

    def note(what: What, in_a_row: int, *, over: bool) -> None:
        about = About(
            desk=ended.desk,
            channel=ended.channel,
            visit=ended.visit,
            reason="" if over else one_line(ended.reason or ""),
            in_a_row=in_a_row,
        )
        assert ended.finished_at is not None
        write_down(
            connection, Notice(what, over, f"{what}:{ended.visit}", ended.finished_at, about, conversation=ended.id)
        )

    match ended.verdict:
        case Verdict.FAILED:
            note(What.FAILED, failures + 1, over=False)
        case Verdict.FAULTED:
            note(What.FAULTED, faults + 1, over=False)
        case Verdict.PASSED if failures:
            note(What.FAILED, failures, over=True)
    if faults and ended.verdict is not Verdict.FAULTED:
        note(What.FAULTED, faults, over=True)


def write_down(connection: Connection, new: Notice) -> bool:
    """Write it down; False when that very fact is there already."""
    values = {name: getattr(new, name) for name in ("token", "incident", "over", "at", "since", "conversation")}
    return rows.insert_new(
        connection, notice, {**values, "kind": new.what.value, "about": json.dumps(asdict(new.about))}
    )


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What news need to know besides the journal. `quiet`: desks of which nothing is told. `up`: mailboxes that receive, for in
    others an answer might not be seen. `down`: those that have been down for long: since when, and why.
    """

    quiet: Collection[str]
    up: Collection[str]
    down: Mapping[str, tuple[float, str]]


def news(connection: Connection, now: float, grace: float, around: Circumstances) -> Sequence[Notice]:
    """What time has brought about and nobody has written down: promises that ran out more than `grace` seconds ago while the
    customer waits, such customers who wait no longer, and mailboxes.
    """
    found: list[Notice | None] = []
    first = {visit: each.due for visit, each in open_by_visit(connection).items()}  # by an index that holds all of it
    for promise in PROMISES:
        late = [visit for visit, due in first.items() if due.get(promise, now) < now - grace]
        found += _overdue(connection, promise, late, now, grace, around) if late else ()
    found += [each for promise in PROMISES for each in _no_longer(connection, promise, now)]
    found += [_mailbox(connection, name, now, down=why) for name, why in around.down.items()]
    found += [_mailbox(connection, name, now, down=None) for name in around.up]
    return [each for each in found if each is not None]


def to_deal(connection: Connection, after: int = 0) -> Sequence[Notice]:
    """Those `after` this id of which nobody has decided yet who is told, oldest first, some at a time."""
    return [_notice(row._mapping) for row in connection.execute(_TO_DEAL, {"after": after})]


def last_of(connection: Connection, incident: str) -> Notice | None:
    """The last notice of an incident."""
    row = connection.execute(_LAST, {"of": incident}).first()
    return None if row is None else _notice(row._mapping)


def by_id(connection: Connection, notice_id: int) -> Notice:
    """One that exists."""
    return _notice(connection.execute(sa.select(notice).where(notice.c.id == notice_id)).one()._mapping)


def forget(connection: Connection, before: float) -> None:
    """Remove what was noted before and is over, or was never told."""
    delivery, later = schema.delivery, schema.delivery.alias()
    old = sa.select(notice.c.id).where(notice.c.at < before, notice.c.dealt_at.is_not(None))
    follows = sa.exists().where(
        later.c.place == delivery.c.place, later.c.incident == delivery.c.incident, later.c.notice > delivery.c.notice
    )
    connection.execute(delivery.delete().where(delivery.c.notice.in_(old), sa.or_(delivery.c.over, follows)))
    connection.execute(
        notice.delete().where(notice.c.id.in_(old), ~sa.exists().where(delivery.c.notice == notice.c.id))
    )


def _overdue(
    connection: Connection, promise: str, visits: Collection[str], now: float, grace: float, around: Circumstances
) -> Iterator[Notice | None]:
    due = conversation.c[f"{promise}_due"]
    noted = sa.exists().where(
        notice.c.incident == sa.literal(f"{What.OVERDUE}:{promise}:") + conversation.c.id, notice.c.since == due
    )
    query = (
        sa.select(
            conversation.c.id, conversation.c.desk, conversation.c.channel, conversation.c.visit, due.label("due")
        )
        .where(
            conversation.c.verdict.is_(None),
            conversation.c.visit.in_(visits),
            conversation.c.waiting_since.is_not(None),
            due < now - grace,
            conversation.c.desk.not_in(list(around.quiet)),
            (conversation.c.mailbox + "").in_(list(around.up)),  # not by the mailbox's index, which holds them all
            ~noted,
        )
        .order_by(due)
        .limit(AT_ONCE)
    )
    for row in connection.execute(query):
        about = About(desk=row.desk, channel=row.channel, visit=row.visit, promise=promise)
        yield Notice(What.OVERDUE, False, f"{What.OVERDUE}:{promise}:{row.id}", now, about, row.id, row.due)


def _no_longer(connection: Connection, promise: str, now: float) -> Iterator[Notice | None]:
    later = notice.alias()
    query = (
        sa.select(notice, conversation.c.verdict, conversation.c.reason)
        .join(conversation, notice.c.conversation == conversation.c.id)
        .where(
            notice.c.incident == sa.literal(f"{What.OVERDUE}:{promise}:") + conversation.c.id,
            notice.c.over.is_(False),
            conversation.c[f"{promise}_due"].is_distinct_from(notice.c.since),
            ~sa.exists().where(later.c.incident == notice.c.incident, later.c.id > notice.c.id),
        )
        .limit(AT_ONCE)
    )
    for row in connection.execute(query):
        began = _notice(row._mapping)
        unanswered = row.verdict not in {None, Verdict.PASSED}
        reason = f"the conversation ended as {row.verdict}: {row.reason}" if unanswered else ""
        about = About(**{**asdict(began.about), "reason": one_line(reason)})
        yield Notice(What.OVERDUE, True, began.incident, now, about, began.conversation, began.since)


def _mailbox(connection: Connection, mailbox: str, now: float, *, down: tuple[float, str] | None) -> Notice | None:
    """That it is down, or up again; None when that is known."""
    incident = f"{What.MAILBOX}:{mailbox}"
    last = last_of(connection, incident)
    if (last is not None and not last.over) == (down is not None):
        return None
    since, reason = down or (last.since if last else None, "")
    return Notice(
        What.MAILBOX, down is None, incident, now, About(mailbox=mailbox, reason=one_line(reason)), since=since
    )


def _notice(row: rows.Row | sa.RowMapping) -> Notice:
    return Notice(
        what=What(row["kind"]),
        about=About(**json.loads(row["about"])),
        **{name: row[name] for name in ("id", "over", "incident", "at", "conversation", "since")},
    )
