"""Who is told what, and when: once, in order, and whatever becomes of the process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from conversations.journal import deliveries, notices
from exporters.notices.notifier import DOWN_FOR, GIVE_UP_AFTER, GRACE, LONGEST_PAUSE, UNDER_WAY_FOR, MailboxState
from tests.conversations.desk import MAILBOX, Town
from tests.exporters.notices.newsroom import Newsroom, newsroom, place
from tests.exporters.notices.receiver import Receiver, receiver

HOUR = 3600.0


async def test_the_second_failure_in_a_row_is_told_once_and_so_is_its_end(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url)) as news:
        await news.ended("failed", "no reply within 1 day")
        await news.round()
        assert oncall.requests == []
        second = await news.ended("failed", "no reply within 1 day")
        await news.ended("failed", "no reply within 1 day")
        for _ in range(3):
            await news.round()
        assert oncall.told == [("failed", "problem")]
        await news.ended("passed")
        await news.ended("passed")
        for _ in range(3):
            await news.round()
        assert await news.counted() == {"sent": 2}
    first, last = (each.json for each in oncall.requests)
    assert first == {
        "version": 1,
        "id": oncall.requests[0].headers["idempotency-key"],
        "event": "failed",
        "state": "problem",
        "incident": "failed:test",
        "summary": "The Desk: 2 customers in a row were let down (visit test, channel support)",
        "at": "2026-03-02T09:02:00Z",
        "location": "zurich",
        "desk": "desk",
        "desk_name": "The Desk",
        "channel": "support",
        "visit": "test",
        "conversation": second,
        "mailbox": None,
        "promise": None,
        "since": None,
        "in_a_row": 2,
        "reason": "no reply within 1 day",
    }
    assert (last["incident"], last["state"], last["in_a_row"]) == ("failed:test", "recovered", 3)
    assert last["summary"] == "The Desk: visit test passes again, after 3 conversations that failed"
    assert last["id"] != first["id"]


async def test_one_failure_between_passes_is_told_to_nobody_but_those_who_want_every_one(
    tmp_path: Path, oncall: Receiver
) -> None:
    async with receiver() as eager:
        places: dict[str, Any] = {"oncall": place(webhook=oncall.url), "eager": place(webhook=eager.url, after=1)}
        async with newsroom(tmp_path, **places) as news:
            for verdict in ("passed", "failed", "passed"):
                await news.ended(verdict)
                await news.round()
    assert oncall.told == []
    assert eager.told == [("failed", "problem"), ("failed", "recovered")]


async def test_ours_and_theirs_are_never_mixed(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url)) as news:
        for verdict in ("failed", "faulted", "failed", "faulted", "faulted", "failed", "passed"):
            await news.ended(verdict)
            await news.round()
    assert oncall.told == [
        ("failed", "problem"),  # the second, whatever faulted in between
        ("faulted", "problem"),
        ("faulted", "recovered"),  # by one that failed: the fault, at least, was not ours
        ("failed", "recovered"),
    ]


async def test_a_promise_that_runs_out_is_told_before_any_reply_and_the_reply_ends_it(
    tmp_path: Path, oncall: Receiver
) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url)) as news:
        which, clock = await news.asked(), news.here.town.clock
        clock.turn(HOUR + GRACE - 1)
        await news.round()
        assert oncall.requests == []
        clock.turn(2)
        for _ in range(3):
            await news.round()
            clock.turn(300)
        assert oncall.told == [("overdue", "problem")]
        problem = oncall.requests[0].json
        assert (problem["conversation"], problem["promise"]) == (which, "first_reply")
        assert problem["since"] == "2026-03-02T10:00:00Z"
        news.here.town.reply(news.here.town.delivered[0], "Here I am.")
        await news.here.settle()
        for _ in range(3):
            await news.round()
    assert oncall.told == [("overdue", "problem"), ("overdue", "recovered")]
    assert oncall.requests[1].json["summary"] == (
        "The Desk: the customer has been answered (first reply due 2026-03-02T10:00:00Z, 16 min late, visit test)"
    )


async def test_a_customer_who_gives_up_is_not_said_to_be_answered(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, on=["overdue", "recovered"])) as news:
        which = await news.asked()
        news.here.town.clock.turn(2 * HOUR)
        await news.round()
        await news.here.play(which)
        await news.round()
    end = oncall.requests[-1].json
    assert end["state"] == "recovered"
    assert end["reason"] == "the conversation ended as failed: no reply within 1 day"
    assert end["summary"].startswith("The Desk: a customer waits no longer (")


async def test_nobody_is_blamed_for_silence_while_our_own_mailbox_is_down(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url)) as news:
        await news.asked()
        news.here.town.clock.turn(2 * HOUR)
        news.mailboxes[MAILBOX] = MailboxState(False, news.here.town.clock.now(), "cannot be reached")
        await news.round()
        assert oncall.told == []
        news.mailboxes[MAILBOX] = MailboxState(True, news.here.town.clock.now(), "")
        await news.round()
    assert oncall.told == [("overdue", "problem")]


async def test_a_desk_under_maintenance_is_not_told_about(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url)) as news:
        await news.asked()
        news.here.town.clock.turn(2 * HOUR)
        news.quiet.add("desk")
        for _ in range(3):
            await news.ended("failed")
            await news.round()
        assert oncall.told == []
        news.quiet.clear()
        await news.round()
        assert oncall.told == [("overdue", "problem")]  # the customer waits still
        await news.ended("failed")
        await news.round()
    assert oncall.told[1:] == [("failed", "problem")]
    assert oncall.requests[1].json["in_a_row"] == 4


async def test_good_news_waits_for_the_end_of_the_maintenance(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1)) as news:
        await news.ended("failed")
        await news.round()
        news.quiet.add("desk")
        await news.ended("passed")
        await news.round()
        assert oncall.told == [("failed", "problem")]
        news.quiet.clear()
        await news.round()
    assert oncall.told == [("failed", "problem"), ("failed", "recovered")]


async def test_a_mailbox_that_stays_down_is_told_once_over_two_lives_and_when_it_is_up(
    tmp_path: Path, oncall: Receiver
) -> None:
    town = Town(tmp_path)
    async with newsroom(tmp_path, town=town, oncall=place(webhook=oncall.url)) as news:
        news.mailboxes[MAILBOX] = MailboxState(False, town.clock.now() - DOWN_FOR + 1, "the login was refused")
        await news.round()
        assert oncall.told == []
        town.clock.turn(1)
        await news.round()
        await news.round()
    async with newsroom(tmp_path, town=town, oncall=place(webhook=oncall.url)) as news:
        town.clock.turn(60)
        news.mailbox_down()
        await news.round()
        assert oncall.told == [("mailbox", "problem")]
        news.mailboxes[MAILBOX] = MailboxState(True, town.clock.now(), "")
        await news.round()
        await news.round()
    assert oncall.told == [("mailbox", "problem"), ("mailbox", "recovered")]
    assert oncall.requests[0].json["reason"] == "the login was refused"
    assert {each.json["mailbox"] for each in oncall.requests} == {"anna"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"on": ["overdue"]}, []),
        ({"on": ["failed"]}, [("failed", "problem")]),
        ({"on": ["mailbox", "recovered"]}, [("mailbox", "problem")]),
        ({"desks": ["another"]}, []),
        ({"desks": ["another", "desk"]}, [("failed", "problem"), ("mailbox", "problem"), ("failed", "recovered")]),
    ],
)
async def test_a_place_is_told_what_it_asked_for(
    tmp_path: Path, oncall: Receiver, settings: dict[str, list[str]], told: list[tuple[str, str]]
) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1, **settings)) as news:
        await news.ended("failed")
        news.mailbox_down()
        await news.round()
        await news.ended("passed")
        await news.round()
    assert oncall.told == told


async def test_who_is_not_told_of_ends_is_told_of_the_next_beginning(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1, on=["failed"])) as news:
        for verdict in ("failed", "passed", "failed"):
            await news.ended(verdict)
            await news.round()
    assert oncall.told == [("failed", "problem")] * 2


async def test_what_is_refused_is_told_again_later_with_the_same_id_and_in_order(
    tmp_path: Path, oncall: Receiver
) -> None:
    oncall.answers = [500, 429, 503]
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1)) as news:
        await news.ended("failed")
        await news.round()
        await news.ended("passed")
        for _ in range(4):
            news.here.town.clock.turn(LONGEST_PAUSE)
            await news.round()
        assert await news.counted() == {"sent": 2}
    assert oncall.told == [("failed", "problem")] * 4 + [("failed", "recovered")]
    assert len({each.headers["idempotency-key"] for each in oncall.requests[:4]}) == 1
    assert len({each.json["id"] for each in oncall.requests}) == 2


async def test_a_place_in_trouble_is_left_alone_for_longer_and_longer(tmp_path: Path, oncall: Receiver) -> None:
    oncall.answers = [500] * 1000
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1)) as news:
        await news.ended("failed")
        tries = []
        for _ in range(3600 // 5):
            await news.round()
            news.here.town.clock.turn(5)
            tries.append(len(oncall.requests))
    assert 5 <= tries[-1] <= 10
    assert tries[359] > tries[-1] / 2


async def test_it_is_given_up_after_a_day_with_a_word_in_the_log(
    tmp_path: Path, oncall: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    oncall.answers = [500] * 1000
    async with newsroom(tmp_path, oncall=place(webhook=f"{oncall.url}/hunter2", after=1)) as news:
        await news.ended("failed")
        for _ in range(60):
            await news.round()
            news.here.town.clock.turn(LONGEST_PAUSE)
        assert await news.counted() == {"failed": 1}
        before = len(oncall.requests)
        news.here.town.clock.turn(GIVE_UP_AFTER)
        await news.round()
        assert len(oncall.requests) == before
        standing = (await news.here.journal.read(deliveries.standing))["oncall"]
    assert (standing.counts, standing.error) == ({"failed": 1}, "127.0.0.1 answered HTTP 500")
    assert "notify oncall: given up after a day: 127.0.0.1 answered HTTP 500" in caplog.messages
    assert "hunter2" not in caplog.text


async def test_what_was_under_way_when_the_process_died_is_told_again_under_its_id(
    tmp_path: Path, oncall: Receiver
) -> None:
    town, settings = Town(tmp_path), place(webhook=oncall.url, after=1)
    async with newsroom(tmp_path, town=town, oncall=settings) as news:
        await news.ended("failed")
        await news.notifier.look()
        oncall.open.clear()
        dying = asyncio.create_task(news.notifier.deliver())
        await asyncio.wait_for(oncall.arrived.wait(), 20)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    oncall.open.set()
    async with newsroom(tmp_path, town=town, oncall=settings) as news:
        await news.round()
        assert len(oncall.requests) == 1, "the other one may still be at it"
        town.clock.turn(UNDER_WAY_FOR)
        await news.round()
        await news.round()
        assert await news.counted() == {"sent": 1}
    assert len(oncall.requests) == 2
    assert oncall.requests[0].json == oncall.requests[1].json


async def test_what_happened_just_before_the_process_died_is_told_by_the_next(tmp_path: Path, oncall: Receiver) -> None:
    town, settings = Town(tmp_path), place(webhook=oncall.url)
    async with newsroom(tmp_path, town=town, oncall=settings) as news:
        await news.ended("failed")
        await news.ended("failed")
    async with newsroom(tmp_path, town=town, oncall=settings) as news:
        await news.notifier.look()
    async with newsroom(tmp_path, town=town, oncall=settings) as news:
        await news.notifier.deliver()
        await news.round()
    assert oncall.told == [("failed", "problem")]


async def test_news_of_another_day_are_no_news(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1)) as news:
        await news.ended("failed")
        news.here.town.clock.turn(GIVE_UP_AFTER + 1)
        await news.round()
    assert oncall.told == []


async def test_a_place_that_hangs_keeps_nobody_else_waiting(tmp_path: Path, oncall: Receiver) -> None:
    async with receiver() as slow:
        slow.open.clear()
        places: dict[str, Any] = {
            "slow": place(webhook=slow.url, after=1),
            "oncall": place(webhook=oncall.url, after=1),
        }
        async with newsroom(tmp_path, **places) as news:
            await news.ended("failed")
            await news.notifier.look()
            delivering = asyncio.create_task(news.notifier.deliver())
            await asyncio.wait_for(oncall.arrived.wait(), 20)
            slow.open.set()
            await delivering
            assert await news.counted() == {"sent": 1}  # of each place


async def test_a_place_at_which_telling_breaks_is_tried_later_and_harms_no_other(
    tmp_path: Path, oncall: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    broken = place(email="lead@example.net", mailbox="nobodys", after=1)
    async with newsroom(tmp_path, a=broken, b=place(webhook=oncall.url, after=1), c=broken) as news:
        await news.ended("failed")
        await news.round()
        standing = await news.here.journal.read(deliveries.standing)
    assert oncall.told == [("failed", "problem")]
    assert {name: dict(each.counts) for name, each in standing.items()} == {
        "a": {"waiting": 1},
        "b": {"sent": 1},
        "c": {"waiting": 1},
    }
    assert standing["a"].error == "broke: KeyError"
    assert "notify a: not told, it is tried again" in caplog.text


async def test_a_place_that_is_gone_from_the_config_is_given_up(tmp_path: Path, oncall: Receiver) -> None:
    town = Town(tmp_path)
    async with newsroom(tmp_path, town=town, oncall=place(webhook=oncall.url, after=1)) as news:
        await news.ended("failed")
        await news.notifier.look()
    async with newsroom(tmp_path, town=town) as news:
        await news.round()
        assert await news.counted() == {"failed": 1}


async def test_old_notices_are_forgotten_but_what_goes_on_is_remembered(tmp_path: Path, oncall: Receiver) -> None:
    async with newsroom(tmp_path, oncall=place(webhook=oncall.url, after=1)) as news:
        for verdict in ("failed", "passed", "failed"):
            await news.ended(verdict)
            await news.round()
        news.here.town.clock.turn(notices.KEEP + HOUR)
        await news.here.journal.write(lambda c: notices.forget(c, news.here.town.clock.now() - notices.KEEP))
        assert [each.place for each in await _rows(news)] == ["oncall"]
        await news.ended("failed")
        await news.ended("passed")
        await news.round()
    assert oncall.told[3:] == [("failed", "recovered")]


async def _rows(news: Newsroom) -> list[deliveries.Due]:
    def read(connection: object) -> list[deliveries.Due]:
        query = deliveries.delivery.select()
        return [
            deliveries.Due(row.notice, row.place, row.attempts, 0.0)
            for row in connection.execute(query)  # type: ignore[attr-defined]
        ]

    return await news.here.journal.read(read)
