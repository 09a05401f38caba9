"""What scenarios may rely on."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations import errors
from conversations.customer import Customer
from conversations.durations import Duration
from conversations.journal import lifecycle
from conversations.records import Status, Verdict
from conversations.scenario import Scenario, scenario
from probes.errors import AddressRefused, Deferred, LoginRefused, NotConfirmed, SendUncertain, Unreachable
from tests.conversations.desk import Life, Town, begin, definition, life

HOUR = Duration.parse("1 hour")
DAY = Duration.parse("1 day")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@scenario("Ask and wait")
async def ask(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.reply(within=DAY)


@scenario("Ask, wait, say thank you, wait")
async def ask_twice(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")
    await customer.acknowledgement(within=HOUR)
    first = await customer.reply(within=DAY)
    await customer.answer(f"You wrote: {first.text.strip()}. And when does it come?")
    await customer.reply(within=DAY)
    await customer.answer("Thank you.", closing=True)


def desk_that_answers(town: Town, mail: EmailMessage) -> None:
    town.acknowledge(mail)
    town.reply(mail, f"Hello Anna, this is answer number {len(town.delivered)}.\n\nRobin")


async def test_a_conversation_of_several_turns_passes_and_every_message_goes_out_once(town: Town) -> None:
    town.answer = desk_that_answers
    async with life(town, ask_twice) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.PASSED, conversation.reason
    assert [str(mail["Subject"]) for mail in town.delivered][1:] == [f"Re: {town.delivered[0]['Subject']}"] * 2
    assert [step.name for step in conversation.steps] == [
        "write",
        "acknowledgement",
        "reply",
        "answer",
        "reply",
        "answer",
    ]
    assert "answer number 1" in town.delivered[1].get_content()


async def test_our_answers_thread_as_rfc_5322_says(town: Town) -> None:
    town.answer = desk_that_answers
    async with life(town, ask_twice) as here:
        await here.play(await begin(here.journal, definition(), town.clock.now()))
    first, second, third = town.delivered
    assert second["In-Reply-To"] == "<1.1@desk.example>"
    assert second["References"].split()[-1] == "<1.1@desk.example>"
    assert third["In-Reply-To"] != second["In-Reply-To"]
    assert len({first["Message-ID"], second["Message-ID"], third["Message-ID"]}) == 3


async def test_a_parked_conversation_goes_on_in_another_life(town: Town) -> None:
    async with life(town, ask) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
        assert (await here.load(conversation_id)).owner is None
    town.clock.turn(600)
    town.reply(town.delivered[0], "It is on its way.")
    async with life(town, ask, owner="test:2") as here:
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.PASSED
    assert len(town.delivered) == 1
    assert conversation.messages[1].at - conversation.messages[0].at == 600


async def test_nobody_answers_and_the_customer_loses_patience(town: Town) -> None:
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert (conversation.verdict, conversation.reason) == (Verdict.FAILED, "no reply within 1 day")
    assert conversation.finished_at == conversation.started_at + 86_400


async def test_an_acknowledgement_is_not_a_reply(town: Town) -> None:
    town.answer = Town.acknowledge
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAILED
    assert [message.kind for message in conversation.messages] == ["sent", "acknowledgement"]


async def test_a_bounce_is_a_failure_of_the_desk_with_its_own_words(town: Town) -> None:
    def bounce(town: Town, mail: EmailMessage) -> None:
        lines = (
            "From: MAILER-DAEMON@mx.example",
            f"To: {mail['From']}",
            "Subject: Undelivered Mail Returned to Sender",
            "Auto-Submitted: auto-replied",
            "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
            "",
            "--x",
            "",
            "I'm sorry to have to inform you that your message could not be delivered.",
            "--x",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.example",
            "",
            "Final-Recipient: rfc822; support@desk.example",
            "Action: failed",
            "Status: 5.1.1",
            "Diagnostic-Code: smtp; 550 5.1.1 unknown user",
            "--x",
            "Content-Type: text/rfc822-headers",
            "",
            f"Message-ID: {mail['Message-ID']}",
            f"Subject: {mail['Subject']}",
            "--x--",
        )
        town.receive_raw("\r\n".join(lines).encode())

    town.answer = bounce
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAILED
    assert "our mail came back" in (conversation.reason or "")


@pytest.mark.parametrize("error", [AddressRefused("550 no such user"), NotConfirmed("no confirmation")])
async def test_what_the_desk_refuses_is_its_failure(town: Town, error: Exception) -> None:
    town.trouble.append(error)  # type: ignore[arg-type]
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert (conversation.verdict, conversation.reason) == (Verdict.FAILED, str(error))


async def test_a_refused_login_is_our_fault_and_is_not_tried_again(town: Town) -> None:
    town.trouble += [LoginRefused("wrong password")]
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert (conversation.verdict, conversation.reason) == (Verdict.FAULTED, "wrong password")
    assert conversation.finished_at == conversation.started_at


async def test_what_was_put_off_is_tried_again_with_the_same_message_id(town: Town) -> None:
    town.trouble += [Deferred("450 greylisted"), Unreachable("connection refused")]
    town.answer = desk_that_answers
    async with life(town, ask) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
        intended = (await here.load(conversation_id)).steps[0].intent["message_id"]
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.PASSED
    assert [mail["Message-ID"] for mail in town.delivered] == [intended]


async def test_a_server_that_stays_away_ends_it_as_our_fault(town: Town) -> None:
    town.trouble += [Unreachable("connection refused")] * 50
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAULTED
    assert conversation.reason == "connection refused (tried 4 times)"


async def test_a_line_lost_after_the_final_dot_is_uncertain_and_an_answer_proves_that_it_went(town: Town) -> None:
    def lost_but_delivered(town: Town, mail: EmailMessage) -> None:
        town.acknowledge(mail)
        town.reply(mail, "It is on its way.")
        raise SendUncertain("the line broke")

    town.answer = lost_but_delivered
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.PASSED
    assert len(town.delivered) == 1
    assert "proved_by" in conversation.steps[0].outcome


async def test_an_uncertain_send_without_proof_is_said_to_be_uncertain(town: Town) -> None:
    town.trouble_after += [SendUncertain("the line broke")]
    async with life(town, ask) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAULTED
    assert (conversation.reason or "").startswith("send uncertain: the line broke")
    assert conversation.steps[0].status is Status.UNCERTAIN
    assert town.delivered == []


async def test_a_form_is_submitted_once_and_its_answer_is_known_by_the_reference(town: Town) -> None:
    async with life(town, ask) as here:
        conversation_id = await begin(here.journal, definition(channel="form"), town.clock.now())
        await here.settle()
        (form,) = town.forms
        mail = EmailMessage()
        mail["From"], mail["To"] = "help@desk.example", "anna@inbox.example"
        mail["Subject"], mail["Message-ID"] = f"[DESK-12] {form['Subject']}", "<x@desk.example>"
        mail.set_content("Hello Anna,\n\nit comes tomorrow.\n\nRobin")
        town.clock.turn(60)
        town.receive(mail)
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.PASSED
    assert conversation.messages[1].matched_by == "token-in-subject"


Changed = Callable[[Customer], None]


@scenario("Changed text")
async def other_text(customer: Customer) -> None:
    await customer.write("Where is my other parcel?", subject="Parcel")
    await customer.reply(within=DAY)


@scenario("Changed order")
async def other_step(customer: Customer) -> None:
    await customer.pause(HOUR)


@scenario("Shorter")
async def shorter(customer: Customer) -> None:
    await customer.write("Where is my parcel?", subject="Parcel")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (other_text, "the scenario changed at step 1: 'write' has other arguments"),
        (other_step, "the scenario changed at step 1: it did 'write', it now does 'pause'"),
        (shorter, "the scenario changed at step 2: it no longer does 'reply'"),
    ],
)
async def test_code_that_changed_under_an_open_conversation_faults_it(
    town: Town, changed: Scenario, reason: str
) -> None:
    async with life(town, ask) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
    town.reply(town.delivered[0], "It is on its way.")
    async with life(town, changed, owner="test:2") as here:
        conversation = await here.play(conversation_id)
    assert (conversation.verdict, conversation.reason) == (Verdict.FAULTED, reason)
    assert len(town.delivered) == 1


async def test_a_scenario_that_raises_is_faulted_with_its_line_and_harms_nobody(town: Town) -> None:
    @scenario("Broken")
    async def broken(customer: Customer) -> None:
        raise ZeroDivisionError("of course")

    async with life(town, broken) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAULTED
    assert (conversation.reason or "").startswith("the scenario raised ZeroDivisionError: of course (test_replay.py:")


async def test_a_scenario_may_catch_that_nobody_answered_and_go_on(town: Town) -> None:
    @scenario("Insists")
    async def insists(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        try:
            await customer.reply(within=HOUR)
        except errors.NoReply:
            await customer.answer("Hello? Is anybody there?")
        await customer.reply(within=HOUR)

    def second_time(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 2:
            town.reply(mail, "Sorry for the wait.")

    town.answer = second_time
    async with life(town, insists) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.PASSED, conversation.reason
    assert town.delivered[1]["In-Reply-To"] == town.delivered[0]["Message-ID"]


async def test_a_scenario_that_swallows_every_exception_cannot_swallow_a_park(town: Town) -> None:
    @scenario("Swallows")
    async def swallows(customer: Customer) -> None:
        try:
            await customer.write("Where is my parcel?")
            await customer.reply(within=HOUR)
        except Exception:
            return

    async with life(town, swallows) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
        assert (await here.load(conversation_id)).verdict is None


async def test_time_and_chance_are_the_same_at_every_replay(town: Town) -> None:
    seen: list[tuple[object, float]] = []

    @scenario("Remembers")
    async def remembers(customer: Customer) -> None:
        seen.append((await customer.now(), customer.random.random()))
        await customer.pause(HOUR)
        seen.append((await customer.now(), 0.0))

    async with life(town, remembers) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.PASSED
    assert seen[0] == seen[1]
    assert seen[2][0] != seen[0][0]


async def test_the_hard_cap_on_messages_holds(town: Town) -> None:
    @scenario("Writes and writes")
    async def chatters(customer: Customer) -> None:
        while True:
            await customer.write("And another thing!")

    async with life(town, chatters) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAULTED
    assert len(town.delivered) == definition().limits.turns


async def test_two_steps_at_once_are_refused(town: Town) -> None:
    import asyncio

    @scenario("Hurries")
    async def hurries(customer: Customer) -> None:
        await asyncio.gather(customer.write("One"), customer.write("Two"))

    async with life(town, hurries) as here:
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert conversation.verdict is Verdict.FAULTED
    assert "two steps at the same time" in (conversation.reason or "")


async def test_a_message_that_comes_in_just_before_parking_is_not_slept_through(town: Town) -> None:
    async with life(town, ask) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        park = here.journal.write

        async def deliver_first(operation: Callable[..., object]) -> object:
            if "park" in operation.__qualname__ and town.delivered and not town.mailbox:
                town.reply(town.delivered[0], "It is on its way.")
                await here.poll()
            return await park(operation)

        here.journal.write = deliver_first  # type: ignore[method-assign, assignment]
        await here.dispatch.drain()
        conversation = await here.load(conversation_id)
    assert conversation.verdict is Verdict.PASSED


async def test_a_worker_whose_lease_ran_out_cannot_pass_the_point_of_no_return(town: Town) -> None:
    frozen: list[Life] = []

    async def thaw(here: Life) -> None:
        from conversations.journal import lifecycle

        now = town.clock.now() + 120
        (conversation_id,) = await here.journal.read(lifecycle.listed)
        assert await here.journal.write(lambda c: lifecycle.claim(c, conversation_id, "test:2", now, now + 60))

    async with life(town, ask) as here:
        frozen.append(here)
        world = here.engine.world

        async def slow(mailbox: str) -> None:
            await thaw(here)

        world.mailbox_ready = slow  # type: ignore[method-assign]
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.dispatch.drain()
        conversation = await here.load(conversation_id)
    assert town.delivered == []
    assert conversation.owner == "test:2"


@dataclass
class Deaf:
    """Our own mailbox, which cannot be read for so many times that it is asked."""

    here: Life
    times: int
    answer: bool = False

    async def mailbox_read(self, mailbox: str) -> None:
        self.times -= 1
        if self.times >= 0:
            raise Unreachable("imap.example does not answer")
        if self.answer:
            self.answer = False
            self.here.town.reply(self.here.town.delivered[0], "It comes on Friday.\n\nRobin")
            await self.here.poll()


@pytest.mark.parametrize(
    ("times", "answer", "verdict", "reason"),
    [
        (3, True, "passed", ""),
        (3, False, "failed", "no reply within 1 day"),
        (0, True, "passed", ""),
        (10_000, True, "faulted", "our own mailbox could not be read when the time ran out, nor in a day after it"),
    ],
)
async def test_nobody_is_called_silent_before_our_own_mailbox_was_read_to_its_end(
    town: Town, times: int, answer: bool, verdict: str, reason: str
) -> None:
    @scenario("Ask and wait for a reply")
    async def patient(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await customer.reply(within=DAY)

    async with life(town, patient) as here:
        here.engine.world.mailbox_read = Deaf(here, times, answer).mailbox_read  # type: ignore[method-assign]
        conversation = await here.play(await begin(here.journal, definition(), town.clock.now()))
    assert (conversation.verdict, conversation.reason or "") == (verdict, reason)


async def test_what_a_step_took_stays_taken_while_the_end_of_the_next_wait_listens(town: Town) -> None:
    @scenario("Wait for two replies")
    async def two(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await customer.reply(within=DAY)
        await customer.reply(within=Duration.parse("1s"))

    async with life(town, two) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.dispatch.drain()
        town.clock.turn(5)  # so that the time of the second wait is over when it begins
        town.reply(town.delivered[0], "It comes on Friday.\n\nRobin")
        conversation = await here.play(conversation_id)
    assert (conversation.verdict, conversation.reason) == ("failed", "no reply within 1 second")


async def test_a_closing_message_that_was_interrupted_is_not_waited_for(town: Town) -> None:
    @scenario("Says goodbye")
    async def goodbye(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await customer.reply(within=DAY)
        await customer.answer("Thank you.", closing=True)

    town.answer = desk_that_answers
    async with life(town, goodbye) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.dispatch.drain()
        town.trouble_after.append(SendUncertain("the line broke"))
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.FAULTED
    assert conversation.finished_at == conversation.started_at
    assert conversation.steps[-1].status is Status.UNCERTAIN


async def test_a_scenario_may_catch_that_it_wrote_too_often_and_go_on(town: Town) -> None:
    @scenario("Writes until it may not, then listens")
    async def insists(customer: Customer) -> None:
        try:
            while True:
                await customer.write("And another thing!")
        except errors.TooManyMessages:
            await customer.pause(HOUR)
        await customer.reply(within=DAY)

    async with life(town, insists) as here:
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        await here.settle()
    town.reply(town.delivered[-1], "Yes, yes.")
    async with life(town, insists, owner="test:2") as here:
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.PASSED, conversation.reason


async def test_stopped_on_the_way_to_the_point_of_no_return_nothing_is_uncertain(town: Town) -> None:
    import asyncio

    async with life(town, ask) as here:
        write, reached = here.journal.write, asyncio.Event()

        async def stop_there(operation: Callable[..., object]) -> object:
            result = await write(operation)
            if "point_of_no_return" in operation.__qualname__:
                reached.set()
                await asyncio.Event().wait()
            return result

        here.journal.write = stop_there  # type: ignore[method-assign, assignment]
        conversation_id = await begin(here.journal, definition(), town.clock.now())
        driving = asyncio.create_task(here.dispatch.drain())
        await reached.wait()
        here.journal.write = write  # type: ignore[method-assign]
        await here.dispatch.stop()
        await driving
        assert (await here.load(conversation_id)).steps[0].status is Status.INTENDED
    town.clock.turn(61)
    town.answer = desk_that_answers
    async with life(town, ask, owner="test:2") as here:
        conversation = await here.play(conversation_id)
    assert conversation.verdict is Verdict.PASSED
    assert len(town.delivered) == 1


async def test_a_form_without_a_subject_carries_the_reference_in_its_text(town: Town) -> None:
    what = definition(channel="form")
    bare = what.channel.model_copy(update={"fields": {"Message": "{body}"}})
    async with life(town, ask) as here:
        await begin(here.journal, what.model_copy(update={"channel": bare}), town.clock.now())
        await here.settle()
        (conversation_id,) = await here.journal.read(lifecycle.listed)
        reference = (await here.load(conversation_id)).reference
    assert town.forms == [{"Message": f"Where is my parcel?\n\n({reference})"}]
