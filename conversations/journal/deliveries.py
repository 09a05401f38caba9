"""Operations on deliveries: which place is told of which notice, and how far that has come. The outbox of notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import aggregates, rows, schema
from conversations.notice import Notice

delivery, notice = schema.delivery, schema.notice

WAITING, SENT, FAILED, UNWANTED = "waiting", "sent", "failed", "unwanted"
METRIC = "notifications_total"
AT_ONCE = 200

_earlier = delivery.alias()
_LAST = (
    sa.select(delivery.c.over)
    .where(delivery.c.place == sa.bindparam("at"), delivery.c.incident == sa.bindparam("of"))
    .order_by(delivery.c.notice.desc())
    .limit(1)
)
_DUE = (
    sa.select(delivery.c.notice, delivery.c.place, delivery.c.attempts, notice.c.at)
    .join(notice, delivery.c.notice == notice.c.id)
    .where(
        delivery.c.state == WAITING,
        delivery.c.try_at <= sa.bindparam("now"),
        ~sa.exists().where(  # that something is over is not told before that it began
            _earlier.c.state == WAITING,
            _earlier.c.place == delivery.c.place,
            _earlier.c.incident == delivery.c.incident,
            _earlier.c.notice < delivery.c.notice,
        ),
    )
    .order_by(delivery.c.notice)
    .limit(AT_ONCE)
)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that should be tried now. `at`: when the notice was written down."""

    notice: int
    place: str
    attempts: int
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a place stands: how many deliveries of each state, and the newest error of one that waits or failed."""

    counts: Mapping[str, int]
    error: str


def deal(connection: Connection, new: Notice, wanted: Mapping[str, bool], now: float) -> int:
    """Decide which places are told: those that want it and have not been told yet; how many.

    A place learns once that something began, and that it is over only where it learnt that it began.
    """
    told = 0
    for place, wants in wanted.items():
        last = connection.execute(_LAST, {"at": place, "of": new.incident}).first()
        open_there = last is not None and not last.over
        if open_there != new.over or not (wants or new.over):
            continue
        how = {"state": WAITING, "try_at": now} if wants else {"state": UNWANTED, "try_at": None}
        which = {"notice": new.id, "place": place, "incident": new.incident, "over": new.over}
        rows.insert_new(connection, delivery, {**which, **how})
        told += wants
    connection.execute(notice.update().where(notice.c.id == new.id).values(dealt_at=now))
    return told


def due(connection: Connection, now: float) -> Sequence[Due]:
    """Deliveries to be tried now, oldest first."""
    return [Due(*row) for row in connection.execute(_DUE, {"now": now})]


def begin(connection: Connection, which: Due, now: float, again_at: float) -> bool:
    """Take it to be tried by nobody else before `again_at`; False when somebody did."""
    taken = (delivery.c.state == WAITING, delivery.c.try_at <= now)
    values = {"try_at": again_at, "attempts": delivery.c.attempts + 1}
    return connection.execute(delivery.update().where(*_this(which), *taken).values(values)).rowcount == 1


def release_all(connection: Connection, now: float) -> None:
    """Have all that wait tried at once; only for a caller who knows that nobody is trying."""
    connection.execute(delivery.update().where(delivery.c.state == WAITING).values(try_at=now))


def sent(connection: Connection, which: Due) -> None:
    """It was taken in."""
    _end(connection, which, SENT, None)


def put_off(connection: Connection, which: Due, error: str, again_at: float) -> None:
    """It was not taken in; it is tried again."""
    connection.execute(delivery.update().where(*_this(which)).values(try_at=again_at, error=error))


def give_up(connection: Connection, which: Due, error: str) -> None:
    """It was not taken in, and is not tried any more."""
    _end(connection, which, FAILED, error)


def standing(connection: Connection) -> Mapping[str, Standing]:
    """By place."""
    counts: dict[str, dict[str, int]] = {}
    query = sa.select(delivery.c.place, delivery.c.state, sa.func.count()).group_by(delivery.c.place, delivery.c.state)
    for place, state, number in connection.execute(query):
        counts.setdefault(place, {})[state] = number
    return {place: Standing(states, _last_error(connection, place)) for place, states in counts.items()}


def _last_error(connection: Connection, place: str) -> str:
    newest = (
        sa.select(delivery.c.error)
        .where(delivery.c.place == place, delivery.c.state.in_((WAITING, FAILED)), delivery.c.error.is_not(None))
        .order_by(delivery.c.notice.desc())
        .limit(1)
    )
    return connection.execute(newest).scalar() or ""


def _end(connection: Connection, which: Due, state: str, error: str | None) -> None:
    this = (*_this(which), delivery.c.state == WAITING)
    values = {"state": state, "error": error, "try_at": None}
    if connection.execute(delivery.update().where(*this).values(values)).rowcount:
        aggregates.add(connection, METRIC, {"place": which.place, "result": state})


def _this(which: Due) -> tuple[sa.ColumnElement[bool], ...]:
    return (delivery.c.notice == which.notice, delivery.c.place == which.place)
