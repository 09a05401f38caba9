"""Conversations that a conversation begins: once, within the limits, and waited for."""

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations.companions import Approach
from conversations.customer import Customer
from conversations.dry import Mismatch, dry_replay
from conversations.durations import Duration
from conversations.journal import Journal, switches
from conversations.records import Status, Verdict
from conversations.scenario import scenario
from conversations.visit import Limits, Persona
from tests.conversations.desk import Town, begin, definition, life

OTHER: Mapping[str, object] = {"opening": "Are you open on Saturday?\n\n{name}", "patience": "1 hour"}
BY_FORM = Approach(channel="form")
DAY = Duration.parse("1 day")


@scenario("Ask twice at once")
async def both(customer: Customer) -> None:
    companion = await customer.begin("other", "acknowledged", OTHER, by=BY_FORM)
    await customer.write("Are you open on Saturday?")
    await customer.reply(within=DAY)
    ended = await customer.finished(companion)
    await customer.answer(f"The other: {ended.verdict}, {ended.reason}, {ended.times.acknowledgement}")


def answers(town: Town, mail: EmailMessage) -> None:
    if len(town.delivered) == 1:
        town.reply(mail, "Yes, until noon.")


def acknowledge_form(town: Town) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "support@desk.example", "anna@inbox.example"
    mail["Subject"], mail["Auto-Submitted"] = f"Received: {town.forms[0]['Subject']}", "auto-replied"
    mail.set_content("We have received your request and will answer soon.")
    town.receive(mail)


async def test_a_companion_is_a_conversation_of_its_own_with_the_labels_of_its_channel(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=answers)
    async with life(town, both) as here:
        begun = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
        town.clock.turn(60)
        acknowledge_form(town)
        ended = await here.play(begun)
        (other,) = await here.companions(begun)
    assert (ended.verdict, ended.reason) == ("passed", "")
    assert (other.visit, other.channel, other.desk, other.mailbox) == ("test/other", "form", "desk", "anna")
    assert (other.verdict, other.parent, other.due_at) == ("passed", ended.id, ended.due_at)
    assert other.reference != ended.reference
    assert [step.name for step in ended.steps] == ["begin", "write", "reply", "finished", "answer"]
    assert "The other: passed, , 60" in town.delivered[1].get_content()


async def test_the_other_waits_until_its_companion_has_ended_and_is_woken_by_that(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=answers)
    async with life(town, both) as here:
        begun = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
        waiting = await here.load(begun)
        assert (waiting.steps[-1].name, waiting.steps[-1].status) == ("finished", Status.WAITING)
        assert waiting.wake_at is None, "it costs nothing: its companion wakes it"
        ended = await here.play(begun)
    assert ended.verdict is Verdict.PASSED
    assert "The other: failed, no answer within 1 hour, None" in town.delivered[1].get_content()


async def test_a_companion_may_come_from_another_mailbox_as_its_customer(tmp_path: Path) -> None:
    @scenario("Ask as another")
    async def another(customer: Customer) -> None:
        await customer.finished(await customer.begin("ben", "acknowledged", OTHER, by=Approach(mailbox="ben")))

    town = Town(tmp_path, answer=Town.acknowledge)
    async with life(town, another) as here:
        begun = await begin(here.journal, definition(), town.clock.now())
        await here.play(begun)
        (other,) = await here.companions(begun)
    assert (other.verdict, other.mailbox) == ("passed", "ben")
    assert town.delivered[0]["From"] == "Ben Aldous <ben@inbox.example>"
    assert "Ben Aldous" in town.delivered[0].get_content()


async def test_a_companion_may_have_a_persona_of_its_own_and_keeps_the_name(tmp_path: Path) -> None:
    @scenario("Ask with another plan")
    async def another(customer: Customer) -> None:
        basic = Persona(tier="basic", facts={"plan": "Basic"})
        opening = {"opening": "I have the plan {plan}. {name}", "patience": "1 hour"}
        await customer.finished(await customer.begin("basic", "acknowledged", opening, by=Approach(persona=basic)))

    town = Town(tmp_path, answer=Town.acknowledge)
    async with life(town, another) as here:
        await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert "I have the plan Basic. Anna Keller" in town.delivered[0].get_content()


async def _pause(journal: Journal, town: Town) -> None:
    await journal.write(lambda c: switches.pause(c, town.clock.now()))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(desk_per_day=1), "its companion test/other was not begun: the desk was contacted as often as"),
        (Limits(), "its companion test/other was not begun: new contact is paused"),
    ],
    ids=["limits", "pause"],
)
async def test_limits_and_a_pause_hold_for_companions_and_nobody_is_contacted(
    tmp_path: Path, limits: Limits, told: str
) -> None:
    town = Town(tmp_path, answer=answers)
    async with life(town, both) as here:
        what = definition().model_copy(update={"limits": limits})
        begun = await begin(here.journal, what, town.clock.now())
        if limits.desk_per_day > 1:
            await _pause(here.journal, town)
        ended = await here.play(begun)
        assert await here.companions(begun) == []
    assert ended.verdict is Verdict.FAULTED
    assert (ended.reason or "").startswith(told)
    assert town.delivered == []
    assert town.forms == []


async def test_a_companion_cannot_begin_companions(tmp_path: Path) -> None:
    @scenario("Begins itself")
    async def again(customer: Customer) -> None:
        ended = await customer.finished(await customer.begin("again", "test", {}, by=BY_FORM))
        raise customer.fail(ended.reason)

    async with life(Town(tmp_path), again) as here:
        begun = await begin(here.journal, definition(), here.town.clock.now())
        ended = await here.play(begun)
        assert len(await here.companions(begun)) == 1
    assert ended.reason == "a companion cannot begin companions"


async def test_two_companions_of_one_name_are_a_fault_of_the_scenario(tmp_path: Path) -> None:
    @scenario("Begins twice")
    async def twice(customer: Customer) -> None:
        await customer.begin("other", "acknowledged", OTHER, by=BY_FORM)
        await customer.begin("other", "acknowledged", OTHER, by=BY_FORM)

    async with life(Town(tmp_path), twice) as here:
        begun = await begin(here.journal, definition(), here.town.clock.now())
        ended = await here.play(begun)
        assert len(await here.companions(begun)) == 1
    assert (ended.verdict, ended.reason) == ("faulted", "the scenario begins two companions of one name")


async def test_a_name_that_cannot_be_a_label_is_a_fault_of_the_scenario(tmp_path: Path) -> None:
    @scenario("Names badly")
    async def named(customer: Customer) -> None:
        await customer.begin("an/other", "acknowledged", OTHER, by=BY_FORM)

    async with life(Town(tmp_path), named) as here:
        ended = await here.play(await begin(here.journal, definition(), here.town.clock.now()))
    assert ended.verdict is Verdict.FAULTED
    assert "the name of a companion" in str(ended.reason)


@pytest.mark.parametrize(
    ("approach", "told"),
    [
        (Approach(channel="chat"), "a companion needs a channel of the desk; there is no chat"),
        (Approach(mailbox="carla"), "a companion needs a mailbox that the visit's settings name; carla is not"),
    ],
)
async def test_what_is_not_there_is_told_before_anybody_is_contacted(
    tmp_path: Path, approach: Approach, told: str
) -> None:
    @scenario("Goes astray")
    async def astray(customer: Customer) -> None:
        await customer.begin("other", "acknowledged", OTHER, by=approach)

    async with life(Town(tmp_path), astray) as here:
        ended = await here.play(await begin(here.journal, definition(), here.town.clock.now()))
    assert (ended.verdict, ended.reason) == ("faulted", told)


async def test_an_open_conversation_with_a_companion_goes_on_with_the_same_code(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with life(town, both) as here:
        begun = await begin(here.journal, definition(), town.clock.now())
        await dry_replay(await here.load(begun), both)
        await here.settle()
        await dry_replay(await here.load(begun), both)
        town.reply(town.delivered[0], "Yes.")
        await here.settle()
        assert (await here.load(begun)).steps[-1].name == "finished"
        await dry_replay(await here.load(begun), both)
        assert len(await here.companions(begun)) == 1


async def test_another_companion_than_before_is_told(tmp_path: Path) -> None:
    @scenario("Ask twice at once")
    async def changed(customer: Customer) -> None:
        await customer.begin("other", "acknowledged", {**OTHER, "patience": "2 hours"}, by=BY_FORM)

    async with life(Town(tmp_path), both) as here:
        begun = await begin(here.journal, definition(), here.town.clock.now())
        await here.settle()
        with pytest.raises(Mismatch, match="the scenario changed at step 1: 'begin' has other arguments"):
            await dry_replay(await here.load(begun), changed)
