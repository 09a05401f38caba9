"""`check --open`: would an open conversation go on with the code as it is now? Nothing is touched by the question."""

import asyncio
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations import errors
from conversations.customer import Customer
from conversations.dry import Mismatch, dry_replay
from conversations.durations import Duration
from conversations.scenario import Scenario, scenario
from probes.errors import Deferred, SendUncertain
from replies.finding import Finding
from tests.conversations.desk import Life, Town, begin, definition, life

DAY = Duration.parse("1 day")


@scenario("Ask twice")
async def ask_twice(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.acknowledgement(within=Duration.parse("1 hour"))
    await customer.reply(within=DAY)
    await customer.now()
    await customer.find(Finding("signed", "ok", "test", "Robin"))
    await customer.answer("And when does it come?")
    await customer.reply(within=DAY)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


async def begun(here: Life, scenario_: Scenario = ask_twice) -> str:
    conversation_id = await begin(here.journal, definition(), here.town.clock.now())
    await here.settle()
    return conversation_id


def answers_once(town: Town, mail: object) -> None:
    if len(town.delivered) == 1:
        town.acknowledge(town.delivered[0])
        town.reply(town.delivered[0], "It is on its way.")


@pytest.mark.parametrize("answer", [lambda town, mail: None, Town.acknowledge, answers_once])
async def test_the_same_code_goes_on_wherever_the_conversation_stands(
    town: Town, answer: Callable[[Town, object], None]
) -> None:
    town.answer = answer
    async with life(town, ask_twice) as here:
        await dry_replay(await here.load(await begun(here)), ask_twice)


async def test_a_conversation_that_has_not_taken_its_first_step_goes_on_with_any_code(town: Town) -> None:
    async with life(town, ask_twice) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await dry_replay(await here.load(conversation_id), ask_twice)


async def test_nothing_is_touched_and_nobody_is_contacted(town: Town) -> None:
    town.answer = answers_once
    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        before = str(await here.load(conversation_id))
        sent = len(town.delivered)
        for _ in range(2):
            await dry_replay(await here.load(conversation_id), ask_twice)
        assert str(await here.load(conversation_id)) == before
        assert len(town.delivered) == sent
        ended = await here.play(conversation_id)
    assert (ended.verdict, ended.reason) == ("failed", "no reply within 1 day")


async def test_a_message_that_has_come_in_meanwhile_is_gone_on_from_without_sending(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        monkeypatch.setattr(here.intake, "_nudge", lambda _: None)  # else the real engine goes on beside us
        town.reply(town.delivered[0], "It is on its way.")
        await here.poll()
        await dry_replay(await here.load(conversation_id), ask_twice)
        assert len(town.delivered) == 1


def changed(body: Callable[[Customer], Awaitable[None]]) -> Scenario:
    return scenario("Changed")(body)


async def _other_text(customer: Customer) -> None:
    await customer.write("Where is my letter?", subject="Parcel")
    await customer.reply(within=DAY)


async def _other_step(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.reply(within=DAY)


async def _other_wait(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.acknowledgement(within=Duration.parse("2 hours"))


async def _shorter(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")


async def _raises(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    raise KeyError("order")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (_other_text, "the scenario changed at step 1: 'write' has other arguments"),
        (_other_step, "the scenario changed at step 2: it did 'acknowledgement', it now does 'reply'"),
        (_other_wait, "the scenario changed at step 2: 'acknowledgement' has other arguments"),
        (_shorter, "the scenario changed at step 2: it no longer does 'acknowledgement'"),
        (_raises, "the scenario raises KeyError: 'order'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_code_that_has_changed_is_told_with_its_step(
    town: Town, body: Callable[[Customer], Awaitable[None]], told: str
) -> None:
    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        with pytest.raises(Mismatch) as mismatch:
            await dry_replay(await here.load(conversation_id), changed(body))
    assert str(mismatch.value) == told


async def test_a_longer_scenario_goes_on(town: Town) -> None:
    async def longer(customer: Customer) -> None:
        await ask_twice.play(customer)
        await customer.answer("And one thing more.")

    async with life(town, ask_twice) as here:
        await dry_replay(await here.load(await begun(here)), changed(longer))


async def test_settings_that_the_new_code_does_not_take_are_told(town: Town) -> None:
    @scenario("Wants a setting")
    async def wants(customer: Customer, order: int) -> None: ...

    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        with pytest.raises(Mismatch, match="order"):
            await dry_replay(await here.load(conversation_id), wants)


async def test_a_send_that_waits_to_be_tried_again_is_not_tried(town: Town) -> None:
    town.trouble = [Deferred("later")]
    async with life(town, ask_twice) as here:
        await dry_replay(await here.load(await begun(here)), ask_twice)
        assert town.delivered == []


async def test_a_send_whose_code_has_changed_before_it_went_out_is_told(town: Town) -> None:
    town.trouble = [Deferred("later")]
    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        with pytest.raises(Mismatch, match="step 1"):
            await dry_replay(await here.load(conversation_id), changed(_other_text))


async def test_a_send_that_is_uncertain_goes_on_waiting_for_its_proof(town: Town) -> None:
    town.trouble_after = [SendUncertain("the line was lost")]
    async with life(town, ask_twice) as here:
        await dry_replay(await here.load(await begun(here)), ask_twice)


async def test_a_send_whose_proof_has_just_come_in_goes_on(town: Town) -> None:
    town.trouble_after = [SendUncertain("the line was lost")]
    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        reference = (await here.load(conversation_id)).reference
        mail = EmailMessage()
        mail["From"], mail["Subject"] = "support@desk.example", f"Re: Parcel ({reference})"
        mail.set_content("It is on its way.")
        town.receive(mail)
        await here.poll()
        await dry_replay(await here.load(conversation_id), ask_twice)
        ended = await here.play(conversation_id)
    assert ended.steps[0].status == "done"


async def test_a_step_that_failed_and_was_caught_is_replayed_as_failed(town: Town) -> None:
    @scenario("Insists")
    async def insists(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        try:
            await customer.reply(within=DAY)
        except errors.NoReply:
            await customer.answer("Hello?")
        await customer.reply(within=DAY)

    async with life(town, insists) as here:
        conversation_id = await begun(here)
        town.clock.turn(86_401)
        await here.settle()
        assert len(town.delivered) == 2
        await dry_replay(await here.load(conversation_id), insists)


async def test_a_scenario_that_hangs_is_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversations.dry.LONGEST", 0.05)

    @scenario("Hangs")
    async def hangs(customer: Customer) -> None:
        await customer.write("Where is my parcel?", subject="Parcel")
        await asyncio.Event().wait()

    async with life(town, ask_twice) as here:
        conversation_id = await begun(here)
        async with asyncio.timeout(5):
            with pytest.raises(Mismatch, match="hangs"):
                await dry_replay(await here.load(conversation_id), hangs)
