"""What a customer can find out and do besides asking and waiting for a person."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.scenario import scenario
from replies.finding import Finding
from tests.conversations.desk import Town, begin, definition, life

HOUR = Duration.parse("1 hour")
AUTOMATIC = {"Auto-Submitted": "auto-generated"}
CLOSED = "Your request has been solved and is now closed."


async def played(town: Town, story: object, channel: str = "support") -> dict[str, object]:
    """What the story found, and how it ended."""
    async with life(town, story) as here:  # type: ignore[arg-type]
        ended = await here.play(await begin(here.journal, definition(channel=channel), town.clock.now()))
    return {"verdict": ended.verdict, "reason": ended.reason, **{each.rule: each.evidence for each in ended.findings}}


async def tell(customer: Customer, what: str, words: object) -> None:
    await customer.find(Finding("told", "ok", what, str(words)))


async def test_each_closing_is_given_out_once(tmp_path: Path) -> None:
    @scenario("Is closed, writes, is closed again")
    async def twice(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        for number in range(3):
            closed = await customer.closing(within=HOUR)
            await tell(customer, f"closing.{number}", closed and closed.subject)
            if number == 0:
                await customer.answer("And my letter?")

    def closes(town: Town, mail: EmailMessage) -> None:
        town.reply(mail, CLOSED, Subject=f"Closed {len(town.delivered)}", **AUTOMATIC)

    found = await played(Town(tmp_path, answer=closes), twice)
    assert [found[f"closing.{number}"] for number in range(3)] == ["Closed 1", "Closed 2", "None"]


async def test_what_came_before_a_closing_counts_as_read(tmp_path: Path) -> None:
    @scenario("Is closed and writes again")
    async def again(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await customer.closing(within=HOUR)
        await customer.answer("And my letter?")
        await tell(customer, "reply", (await customer.reply(within=HOUR)).text)

    def answers(town: Town, mail: EmailMessage) -> None:
        town.reply(mail, f"This is answer {len(town.delivered)}.")
        if len(town.delivered) == 1:
            town.reply(mail, CLOSED, **AUTOMATIC)

    assert (await played(Town(tmp_path, answer=answers), again))["reply"] == "This is answer 2."


async def test_the_ticket_numbers_of_the_desk_are_known(tmp_path: Path) -> None:
    @scenario("Which ticket?")
    async def which(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await tell(customer, "before", await customer.tickets())
        answer = await customer.first_answer(within=HOUR)
        await tell(customer, "answer", answer.tickets)
        await tell(customer, "after", await customer.tickets())

    def acknowledges(town: Town, mail: EmailMessage) -> None:
        subject = "[DESK-12] We have received your request"
        town.reply(mail, "We will answer soon.", Subject=subject, **AUTOMATIC)

    found = await played(Town(tmp_path, answer=acknowledges), which)
    assert (found["before"], found["answer"], found["after"]) == ("()", "('DESK-12',)", "('DESK-12',)")


@pytest.mark.parametrize(("channel", "said"), [("form", "Thank you"), ("support", "")])
async def test_what_the_page_said_after_a_form_is_known(tmp_path: Path, channel: str, said: str) -> None:
    @scenario("What did it say?")
    async def what(customer: Customer) -> None:
        await customer.write("Where is my parcel?")
        await tell(customer, "confirmation", customer.confirmation)

    assert (await played(Town(tmp_path), what, channel))["confirmation"] == said


async def test_a_channel_that_is_not_there_is_our_fault(tmp_path: Path) -> None:
    @scenario("Writes by chat")
    async def chats(customer: Customer) -> None:
        await customer.write("Where is my parcel?", over="chat")

    town = Town(tmp_path)
    found = await played(town, chats)
    assert (found["verdict"], found["reason"]) == ("faulted", "the desk has no channel chat")
    assert town.delivered == []
