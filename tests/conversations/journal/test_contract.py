"""What every journal keeps to, whatever database is below it."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conversations.journal import Journal, JournalError, aggregates, lifecycle, messages, reach, schema, visits
from conversations.records import Conversation, Verdict
from conversations.start import NotStarted, Started, start
from probes.mail.arrivals import Position
from probes.reach.reached import Reached
from tests.conversations.desk import MAILBOX, START, definition
from tests.conversations.journal.aggregated import everything
from tests.conversations.journal.conftest import Database, new, received

LEASE_END = START + 60


@pytest.fixture
async def journal(database: Database) -> AsyncIterator[Journal]:
    async with database.journal() as opened:
        yield opened


@pytest.fixture
async def another(database: Database, journal: Journal) -> AsyncIterator[Journal]:
    """The same database, opened as another process would."""
    async with database.journal() as opened:
        yield opened


async def begun(journal: Journal, conversation_id: str = "c1", **changes: Any) -> None:
    assert await journal.write(lambda c: lifecycle.start(c, new(conversation_id, **changes), START))


async def claimed(journal: Journal, owner: str, now: float = START) -> Conversation | None:
    return await journal.write(lambda c: lifecycle.claim(c, "c1", owner, now, now + 60))


async def held_by(journal: Journal, owner: str) -> Conversation:
    held = await claimed(journal, owner)
    assert held is not None
    return held


async def loaded(journal: Journal, conversation_id: str = "c1") -> Conversation:
    found = await journal.read(lambda c: lifecycle.load(c, conversation_id))
    assert found is not None
    return found


async def asked_to_start(journal: Journal, due_at: float, *, open_allowed: int | None) -> Started | NotStarted:
    return await start(
        journal,
        definition(),
        due_at=due_at,
        now=START,
        location="here",
        rng=random.Random(),
        open_allowed=open_allowed,
    )


# --- starting ---------------------------------------------------------------------------------------------------


async def test_the_same_slot_starts_once(journal: Journal) -> None:
    first = await asked_to_start(journal, START, open_allowed=None)
    second = await asked_to_start(journal, START, open_allowed=None)
    assert isinstance(first, Started)
    assert second == NotStarted("exists")


async def test_the_same_slot_starts_once_when_two_processes_ask_again_and_again(
    journal: Journal, another: Journal
) -> None:
    answers = await asyncio.gather(
        *(asked_to_start(each, START, open_allowed=None) for _ in range(10) for each in (journal, another))
    )
    assert sum(isinstance(answer, Started) for answer in answers) == 1
    assert [answer for answer in answers if not isinstance(answer, Started)] == [NotStarted("exists")] * 19
    assert len(await journal.read(lifecycle.listed)) == 1


async def test_never_two_open_when_two_processes_start_different_slots(journal: Journal, another: Journal) -> None:
    answers = await asyncio.gather(
        *(asked_to_start(each, START + n, open_allowed=1) for n in range(5) for each in (journal, another))
    )
    assert sum(isinstance(answer, Started) for answer in answers) == 1
    assert sum(answer == NotStarted("open") for answer in answers) == 9


async def test_a_reference_that_a_mailbox_has_already_starts_nothing(journal: Journal) -> None:
    await begun(journal)
    same = new("c2", due_at=START + 1, reference="ref-c1")
    assert not await journal.write(lambda c: lifecycle.start(c, same, START))
    elsewhere = new("c2", due_at=START + 1, reference="ref-c1", mailbox="ben")
    assert await journal.write(lambda c: lifecycle.start(c, elsewhere, START))


async def test_an_unscheduled_start_leaves_the_timetable_alone(journal: Journal) -> None:
    await begun(journal)
    await journal.write(lambda c: lifecycle.start(c, new("c2", due_at=START + 5), START + 5, scheduled=False))
    state = (await journal.read(visits.states))["test"]
    assert (state["last_due"], state["last_run"]) == (START, START + 5)


# --- claiming ---------------------------------------------------------------------------------------------------


async def test_one_of_many_gets_the_claim(journal: Journal, another: Journal) -> None:
    await begun(journal)
    claims = await asyncio.gather(*(claimed(each, f"w:{n}") for n, each in enumerate([journal, another] * 8)))
    winners = [claim.owner for claim in claims if claim is not None]
    assert len(winners) == 1
    assert (await loaded(journal)).owner == winners[0]


async def test_a_claim_lasts_until_its_lease_ends(journal: Journal) -> None:
    await begun(journal)
    await held_by(journal, "first")
    assert await claimed(journal, "second", LEASE_END) is None
    assert await claimed(journal, "second", LEASE_END + 0.1) is not None


async def test_a_renewed_claim_lasts_longer(journal: Journal) -> None:
    await begun(journal)
    await held_by(journal, "first")
    assert await journal.write(lambda c: lifecycle.renew(c, "c1", "first", LEASE_END + 60))
    assert await claimed(journal, "second", LEASE_END + 1) is None
    assert await claimed(journal, "second", LEASE_END + 61) is not None


async def test_a_claimed_conversation_is_due_again_when_its_lease_ends(journal: Journal) -> None:
    await begun(journal)
    assert await journal.read(lambda c: lifecycle.due(c, START, 10)) == ["c1"]
    await held_by(journal, "first")
    assert await journal.read(lambda c: lifecycle.due(c, LEASE_END - 1, 10)) == []
    assert await journal.read(lambda c: lifecycle.due(c, LEASE_END, 10)) == ["c1"]
    assert await journal.read(lifecycle.next_wake) == LEASE_END


async def test_who_lost_the_lease_can_do_nothing_more(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    await claimed(journal, "second", LEASE_END + 1)
    wrote: list[str] = []
    pending = [lambda c: wrote.append("pending")]
    attempts: list[Callable[[Connection], object]] = [
        lambda c: lifecycle.fence(c, "c1", "first"),
        lambda c: lifecycle.park(c, held, "first", None, pending),
        lambda c: lifecycle.finish(c, held, "first", Verdict.PASSED, "", START, pending),
    ]
    for attempt in attempts:
        with pytest.raises(lifecycle.LeaseLost):
            await journal.write(attempt)
    assert not await journal.write(lambda c: lifecycle.renew(c, "c1", "first", LEASE_END + 300))
    assert wrote == []
    assert (await loaded(journal)).verdict is None
    await journal.write(lambda c: lifecycle.fence(c, "c1", "second"))


async def test_what_has_ended_can_be_neither_claimed_nor_renewed(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    await journal.write(lambda c: lifecycle.finish(c, held, "first", Verdict.PASSED, "", START + 1, ()))
    assert await claimed(journal, "first", START + 1000) is None
    assert not await journal.write(lambda c: lifecycle.renew(c, "c1", "first", LEASE_END))
    assert await journal.read(lambda c: lifecycle.due(c, START + 10_000, 10)) == []


async def test_only_what_the_dead_of_that_name_held_is_freed(journal: Journal) -> None:
    for number, owner in enumerate(("run:1", "once:1", "run:2")):
        await begun(journal, f"c{number}", due_at=START + number)
        await journal.write(lambda c, n=number, o=owner: lifecycle.claim(c, f"c{n}", o, START, LEASE_END))  # type: ignore[misc]
    assert await journal.write(lambda c: lifecycle.release_all(c, "run:", START + 1)) == 2
    assert [(await loaded(journal, f"c{n}")).owner for n in range(3)] == [None, "once:1", None]
    assert set(await journal.read(lambda c: lifecycle.due(c, START + 1, 10))) == {"c0", "c2"}


# --- parking ----------------------------------------------------------------------------------------------------


async def test_a_parked_conversation_is_due_when_it_said_and_not_before(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    assert await journal.write(lambda c: lifecycle.park(c, held, "first", START + 500, ()))
    assert (await loaded(journal)).owner is None
    assert await journal.read(lambda c: lifecycle.due(c, START + 499, 10)) == []
    assert await journal.read(lambda c: lifecycle.due(c, START + 500, 10)) == ["c1"]


async def test_a_message_that_came_in_between_stops_the_parking_once(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    await journal.write(lambda c: messages.store(c, received("c1"), START + 1))
    assert not await journal.write(lambda c: lifecycle.park(c, held, "first", None, ()))
    fresh = await loaded(journal)
    assert (fresh.owner, fresh.wake_at, len(fresh.messages)) == ("first", LEASE_END, 1)
    assert await journal.write(lambda c: lifecycle.park(c, fresh, "first", None, ()))


async def test_a_message_wakes_a_parked_conversation(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    await journal.write(lambda c: lifecycle.park(c, held, "first", None, ()))
    assert await journal.read(lambda c: lifecycle.due(c, START + 10_000, 10)) == []
    await journal.write(lambda c: messages.store(c, received("c1"), START + 7))
    assert await journal.read(lambda c: lifecycle.due(c, START + 7, 10)) == ["c1"]


async def test_a_known_message_is_not_stored_and_wakes_nobody(journal: Journal) -> None:
    await begun(journal)
    assert await journal.write(lambda c: messages.store(c, received("c1"), START + 1))
    held = await held_by(journal, "first")
    assert not await journal.write(lambda c: messages.store(c, received("c1", folder="Junk", uid=9), START + 2))
    assert await journal.write(lambda c: lifecycle.park(c, held, "first", None, ()))
    assert len((await loaded(journal)).messages) == 1


# --- finishing --------------------------------------------------------------------------------------------------


async def test_the_verdict_and_what_metrics_read_are_written_together(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")
    await journal.write(lambda c: lifecycle.finish(c, held, "first", Verdict.FAILED, "no reply", START + 9, ()))
    ended = await loaded(journal)
    assert (ended.verdict, ended.reason, ended.finished_at) == (Verdict.FAILED, "no reply", START + 9)
    assert (ended.owner, ended.wake_at, ended.waiting_since) == (None, None, None)
    counted = (await journal.read(everything))["visit_conversations_total"]
    assert counted == [({"visit": "test", "desk": "desk", "channel": "support", "verdict": "failed"}, 1.0)]
    assert (await journal.read(visits.states))["test"]["consecutive_failures"] == 1


async def test_an_end_that_cannot_be_written_whole_is_not_written_at_all(journal: Journal) -> None:
    await begun(journal)
    held = await held_by(journal, "first")

    def breaks(connection: Connection) -> None:
        raise ValueError("a finding that cannot be stored")

    with pytest.raises(ValueError, match="cannot be stored"):
        await journal.write(
            lambda c: lifecycle.finish(
                c, held, "first", Verdict.PASSED, "", START, [lambda c: aggregates.add(c, "x", {}), breaks]
            )
        )
    assert (await loaded(journal)).verdict is None
    assert await journal.read(everything) == {}


# --- writing in groups ------------------------------------------------------------------------------------------


class Gate:
    """Holds the journal's writer, so that what is asked meanwhile makes one group."""

    def __init__(self, journal: Journal) -> None:
        self._open, self._reached = threading.Event(), threading.Event()
        self._holding = asyncio.ensure_future(journal.write(self._wait))

    def _wait(self, _: Connection) -> None:
        self._reached.set()
        assert self._open.wait(20)

    async def closed(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 20)

    async def opened(self) -> None:
        self._open.set()
        await self._holding


def counting(number: int, order: list[int]) -> Callable[[Connection], int]:
    def operation(connection: Connection) -> int:
        order.append(number)
        aggregates.add(connection, "counted", {"number": str(number)})
        return number

    return operation


async def test_a_group_keeps_the_order_and_gives_each_its_own_answer(journal: Journal) -> None:
    gate, order = Gate(journal), list[int]()
    await gate.closed()
    asked = [asyncio.ensure_future(journal.write(counting(number, order))) for number in range(300)]
    await asyncio.sleep(0)
    await gate.opened()
    assert await asyncio.gather(*asked) == list(range(300))
    assert order == list(range(300))


async def test_an_operation_that_fails_harms_no_other_of_its_group(journal: Journal) -> None:
    gate, order = Gate(journal), list[int]()
    await gate.closed()

    def breaks(connection: Connection) -> None:
        aggregates.add(connection, "half", {})
        connection.execute(sa.text("INSERT INTO step (conversation) VALUES ('nobody')"))

    asked = [asyncio.ensure_future(journal.write(counting(number, order))) for number in range(5)]
    bad = asyncio.ensure_future(journal.write(breaks))
    asked += [asyncio.ensure_future(journal.write(counting(number, order))) for number in range(5, 10)]
    await asyncio.sleep(0)
    await gate.opened()
    with pytest.raises(sa.exc.IntegrityError):
        await bad
    assert await asyncio.gather(*asked) == list(range(10))
    counted = await journal.read(everything)
    assert {int(labels["number"]): value for labels, value in counted["counted"]} == dict.fromkeys(range(10), 1.0)
    assert "half" not in counted


async def test_a_base_exception_in_an_operation_does_not_stop_the_journal(journal: Journal) -> None:
    def lost(_: Connection) -> None:
        raise lifecycle.LeaseLost("c1")

    with pytest.raises(lifecycle.LeaseLost):
        await journal.write(lost)
    await begun(journal)


async def test_what_a_cancelled_caller_asked_is_written_all_the_same(journal: Journal) -> None:
    gate = Gate(journal)
    await gate.closed()
    asked = [asyncio.ensure_future(journal.write(counting(number, []))) for number in range(20)]
    await asyncio.sleep(0)
    for caller in asked[::2]:
        caller.cancel()
    await gate.opened()
    await asyncio.gather(*asked, return_exceptions=True)
    await journal.write(lambda c: None)  # comes after all of them
    assert len((await journal.read(everything))["counted"]) == 20


async def test_a_read_sees_nothing_that_is_not_committed(journal: Journal) -> None:
    added, may_commit = threading.Event(), threading.Event()

    def adds(connection: Connection) -> None:
        aggregates.add(connection, "counted", {})
        added.set()
        assert may_commit.wait(20)

    writing = asyncio.ensure_future(journal.write(adds))
    assert await asyncio.to_thread(added.wait, 20)
    assert await journal.read(everything) == {}
    may_commit.set()
    await writing
    assert "counted" in await journal.read(everything)


async def test_many_processes_adding_to_one_counter_lose_nothing(journal: Journal, another: Journal) -> None:
    await asyncio.gather(
        *(each.write(lambda c: aggregates.add(c, "n", {})) for _ in range(100) for each in (journal, another))
    )
    assert (await journal.read(everything))["n"] == [({}, 200.0)]


# --- opening and closing ----------------------------------------------------------------------------------------


async def test_a_reopened_journal_knows_all_that_it_knew(database: Database) -> None:
    async with database.journal() as first:
        await begun(first)
        held = await held_by(first, "first")
        await first.write(lambda c: lifecycle.finish(c, held, "first", Verdict.PASSED, "", START, ()))
        before = await first.read(everything)
    async with database.journal() as second:
        assert await second.read(everything) == before
        await begun(second, "c2", due_at=START + 1)
        later = await second.write(lambda c: lifecycle.claim(c, "c2", "w", START, LEASE_END))
        assert later is not None
        await second.write(lambda c: lifecycle.finish(c, later, "w", Verdict.PASSED, "", START, ()))
        [(_, total)] = (await second.read(everything))["visit_conversations_total"]
    assert total == 2


async def test_closing_waits_for_what_was_asked(database: Database) -> None:
    journal = await database.journal().open()
    asked = [asyncio.ensure_future(journal.write(counting(number, []))) for number in range(50)]
    await asyncio.sleep(0)
    await journal.aclose()
    assert await asyncio.gather(*asked) == list(range(50))


async def test_a_closed_journal_says_so(database: Database) -> None:
    journal = await database.journal().open()
    await journal.aclose()
    await journal.aclose()
    with pytest.raises(JournalError, match="closed"):
        await journal.write(lambda c: None)
    with pytest.raises(JournalError, match="closed"):
        await journal.read(lambda c: None)


# --- positions --------------------------------------------------------------------------------------------------


async def test_a_position_never_goes_backwards_unless_the_mailbox_was_renumbered(journal: Journal) -> None:
    async def moved(uidvalidity: int, next_uid: int) -> Position | None:
        to = Position(uidvalidity, next_uid)
        await journal.write(lambda c: messages.move_position(c, MAILBOX, "INBOX", to))
        return await journal.read(lambda c: messages.position(c, MAILBOX, "INBOX"))

    assert await journal.read(lambda c: messages.position(c, MAILBOX, "INBOX")) is None
    assert await moved(7, 10) == Position(7, 10)
    assert await moved(7, 9) == Position(7, 10)
    assert await moved(7, 12) == Position(7, 12)
    assert await moved(8, 1) == Position(8, 1)
    assert await journal.read(lambda c: messages.position(c, MAILBOX, "Junk")) is None


async def test_unmatched_mail_is_kept_counted_and_listed(journal: Journal) -> None:
    assert await journal.write(lambda c: messages.store(c, received(None), START))
    assert not await journal.write(lambda c: messages.store(c, received(None), START))
    assert [mail["subject"] for mail in await journal.read(lambda c: messages.unmatched(c, 10))] == ["Re: Parcel"]
    counted = await journal.read(everything)
    assert counted["mailbox_unmatched_total"] == [({"mailbox": MAILBOX}, 1.0)]


async def test_rows_that_nothing_refers_to_are_refused(journal: Journal) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        await journal.write(
            lambda c: c.execute(
                schema.step.insert().values(
                    conversation="nobody", seq=1, name="x", digest="x", status="done", started_at=START
                )
            )
        )


async def test_the_end_of_a_certificate_is_known_while_its_server_is_down_and_forgotten_once_there_is_none(
    journal: Journal,
) -> None:
    ends = datetime(2026, 12, 1, tzinfo=UTC)
    shown, renewed = (Reached(True, {}, None, when) for when in (ends, ends.replace(year=2027)))
    ended, untried = Reached(False, {}, "bad certificate: certificate has expired"), Reached(None, {}, "no network")

    async def known_after(found: Reached) -> float | None:
        await journal.write(lambda c: reach.save(c, {"desk": "acme"}, [found], START))
        known: float | None = await journal.read(
            lambda c: c.execute(sa.select(schema.reach.c.certificate_expires)).scalar()
        )
        return known

    assert await known_after(ended) is None
    assert [await known_after(found) for found in (shown, ended, untried)] == [ends.timestamp()] * 3
    assert await known_after(renewed) == ends.replace(year=2027).timestamp()
    assert await known_after(Reached(True, {}, None)) is None
