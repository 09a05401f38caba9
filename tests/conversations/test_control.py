"""Control mails: who is to blame when a desk is silent."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conversations.control import MARKER, Control, ControlMails, Plan
from conversations.customer import Customer
from conversations.description import describe
from conversations.durations import Duration
from conversations.journal import messages
from conversations.scenario import scenario
from probes.errors import ProbeError, SendUncertain, Unreachable
from tests.conversations.desk import MAILBOX, Life, Town, World, begin, definition, life
from tests.conversations.journal.aggregated import everything

ADDRESS = "anna@inbox.example"
MINUTE = 60.0


@scenario("Wait for one answer of a person")
async def one_question(customer: Customer) -> None:
    await customer.write("Is anybody there?")
    await customer.reply(within=Duration.parse("1 hour"))


def returns(town: Town, mail: EmailMessage) -> None:
    """The provider delivers what we write to ourselves; the desk is silent."""
    if mail["To"] == ADDRESS:
        town.receive(mail)


def rewrites(town: Town, mail: EmailMessage) -> None:
    if mail["To"] == ADDRESS:
        mail.replace_header("Message-ID", "<another@provider.example>")
        town.receive(mail)


def control_mails(here: Life, seed: int = 1) -> ControlMails:
    settings = Control.model_validate({"every": "15m", "within": "10m"})
    plan = Plan(MAILBOX, ADDRESS, MAILBOX, ADDRESS, settings)
    return ControlMails(here.journal, World(here.town), here.town.clock, random.Random(seed), [plan])


@asynccontextmanager
async def watched(town: Town) -> AsyncIterator[tuple[Life, ControlMails]]:
    async with life(town, one_question) as here:
        yield here, control_mails(here)


def ours(town: Town) -> Sequence[EmailMessage]:
    return [mail for mail in town.delivered if mail["To"] == ADDRESS]


async def counted(here: Life) -> dict[str, float]:
    found = await here.journal.read(everything)
    names = ("control_mail_lost_total", "delivery_seconds_sum", "mailbox_unmatched_total")
    return {name: value for name in names for labels, value in found.get(name, ()) if labels == {"mailbox": MAILBOX}}


async def outcome(here: Life) -> dict[str, Any]:
    """A conversation that nobody answers, played to its end."""
    return describe(await here.play(await begin(here.journal, definition(), here.town.clock.now())))


@pytest.mark.parametrize("provider", [returns, rewrites])
async def test_a_control_mail_measures_delivery_and_is_no_message_of_anybody(tmp_path: Path, provider: Any) -> None:
    def slow(town: Town, mail: EmailMessage) -> None:
        town.clock.turn(7)
        provider(town, mail)
        town.clock.turn(-7)

    async with watched(Town(tmp_path, answer=slow)) as (here, mails):
        await mails.tick()
        await here.poll()
        assert await counted(here) == {"delivery_seconds_sum": pytest.approx(7.0)}
        assert await here.journal.read(lambda c: messages.unmatched(c, 10)) == []
        here.town.answer = lambda town, mail: None
        ended = await outcome(here)
    assert ours(here.town)[0]["Auto-Submitted"] == "auto-generated"
    assert (ended["verdict"], ended["reason"]) == ("failed", "no reply within 1 hour")
    assert ended["times"]["delivery_seconds"] == pytest.approx(7.0)


async def test_without_control_mails_there_is_no_delivery_time_and_the_desk_is_to_blame(tmp_path: Path) -> None:
    async with watched(Town(tmp_path)) as (here, _):
        ended = await outcome(here)
    assert (ended["verdict"], ended["times"]["delivery_seconds"]) == ("failed", None)


async def test_one_is_sent_in_each_interval_however_often_we_look(tmp_path: Path) -> None:
    async with watched(Town(tmp_path, answer=returns)) as (here, mails):
        for _ in range(3):
            for _ in range(4):
                await mails.tick()
            here.town.clock.turn(15 * MINUTE)
    assert len(ours(here.town)) == 3
    assert len({mail["Message-ID"] for mail in here.town.delivered}) == 3


async def test_a_lost_control_mail_is_counted_and_a_silent_desk_is_not_blamed(tmp_path: Path) -> None:
    async with watched(Town(tmp_path)) as (here, mails):
        await mails.tick()
        here.town.clock.turn(10 * MINUTE + 1)
        await mails.tick()
        await mails.tick()
        assert await counted(here) == {"control_mail_lost_total": 1}
        ended = await outcome(here)
        assert ended["verdict"] == "faulted"
        assert ended["reason"] == (
            "no reply within 1 hour, but the control mail of mailbox anna of 2026-03-02T09:00+00:00 was lost too: "
            "our provider may be to blame"
        )
        here.town.answer = returns
        await mails.tick()
        await here.poll()
        assert (await describe_last(here))["verdict"] == "failed", "the newest control mail counts"


async def describe_last(here: Life) -> dict[str, Any]:
    what = definition(visit="later")
    here.town.answer = lambda town, mail: None
    return describe(await here.play(await begin(here.journal, what, here.town.clock.now(), seed=2)))


async def test_a_late_control_mail_is_no_longer_taken_for_lost(tmp_path: Path) -> None:
    async with watched(Town(tmp_path)) as (here, mails):
        await mails.tick()
        here.town.clock.turn(11 * MINUTE)
        await mails.tick()
        here.town.receive(ours(here.town)[0])
        await here.poll()
        assert await counted(here) == {"control_mail_lost_total": 1, "delivery_seconds_sum": pytest.approx(11 * MINUTE)}
        assert (await outcome(here))["verdict"] == "failed"


def report(town: Town, mail: EmailMessage, *, action: str, returned: Sequence[str]) -> None:
    """A delivery status report on a control mail, with these headers of it."""
    if mail["To"] != ADDRESS:
        return
    lines = (
        "From: MAILER-DAEMON@provider.example",
        f"To: {ADDRESS}",
        "Subject: Delivery report",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
        "",
        "--x",
        "Content-Type: message/delivery-status",
        "",
        f"Action: {action}",
        "Status: 5.2.2",
        "Diagnostic-Code: smtp; 552 mailbox full",
        "--x",
        "Content-Type: message/rfc822",
        "",
        *(f"{name}: {mail[name]}" for name in returned),
        "Subject: Control mail",
        "",
        "--x--",
        "",
    )
    town.receive_raw("\r\n".join(lines).encode())


@pytest.mark.parametrize("returned", [["Message-ID"], [MARKER]])
async def test_a_control_mail_that_comes_back_is_lost_at_once_and_no_message_of_anybody(
    tmp_path: Path, returned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    town = Town(tmp_path, answer=partial(report, action="failed", returned=returned))
    async with watched(town) as (here, mails):
        await mails.tick()
        await here.poll()
        assert await counted(here) == {"control_mail_lost_total": 1}
        assert await here.journal.read(lambda c: messages.unmatched(c, 10)) == []
        [told] = [line for line in caplog.messages if "came back" in line]
        assert told.endswith("a control mail came back: Action: failed 5.2.2 smtp; 552 mailbox full")
        ended = await outcome(here)
        town.clock.turn(11 * MINUTE)
        await here.poll()
        assert (await counted(here))["control_mail_lost_total"] == 1, "it is not lost once more when its time is up"
    assert (ended["verdict"], "our provider may be to blame" in ended["reason"]) == ("faulted", True)


async def test_a_control_mail_that_is_delayed_still_waits_and_is_no_message_of_anybody(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=partial(report, action="delayed", returned=["Message-ID"]))
    async with watched(town) as (here, mails):
        await mails.tick()
        await here.poll()
        assert await counted(here) == {}
        assert await here.journal.read(lambda c: messages.unmatched(c, 10)) == []
        town.receive(ours(town)[0])
        await here.poll()
        assert await counted(here) == {"delivery_seconds_sum": 0.0}


class Killed(BaseException):
    """The process."""


@pytest.mark.parametrize("arrives", [True, False])
async def test_after_a_crash_in_the_middle_of_a_send_it_is_not_sent_again(tmp_path: Path, arrives: bool) -> None:
    def dies(town: Town, mail: EmailMessage) -> None:
        if arrives:
            town.receive(mail)
        raise Killed

    town = Town(tmp_path, answer=dies)
    async with watched(town) as (here, mails):
        with pytest.raises(Killed):
            await mails.tick()
    town.answer = returns
    async with life(town, one_question) as here:
        again = control_mails(here, seed=2)
        await again.tick()
        await here.poll()
        assert len(ours(town)) == 1
        town.clock.turn(11 * MINUTE)
        await again.tick()
        assert await counted(here) == {}, "neither lost nor measured: nobody knows whether it went out, or when"
        town.clock.turn(4 * MINUTE)
        await again.tick()
    assert len(ours(town)) == 2


@pytest.mark.parametrize("trouble", [Unreachable("no connection"), SendUncertain("the connection broke")])
async def test_what_could_not_be_sent_is_not_lost(tmp_path: Path, trouble: ProbeError) -> None:
    async with watched(Town(tmp_path, trouble=[trouble])) as (here, mails):
        await mails.tick()
        here.town.clock.turn(11 * MINUTE)
        await mails.tick()
        assert await counted(here) == {}
        assert (await outcome(here))["verdict"] == "failed"


@pytest.mark.parametrize("forged", ["<guessed@inbox.example>", "", "x" * 10_000])
async def test_a_forged_marker_is_an_unmatched_mail_like_any_other(tmp_path: Path, forged: str) -> None:
    async with watched(Town(tmp_path)) as (here, mails):
        await mails.tick()
        stray = EmailMessage()
        stray["From"], stray["Subject"], stray[MARKER] = "eve@shop.example", "Control mail", forged
        stray.set_content("Hello")
        here.town.receive(stray)
        await here.poll()
        assert await counted(here) == {"mailbox_unmatched_total": 1}
