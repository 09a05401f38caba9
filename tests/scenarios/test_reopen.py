"""A customer who writes again after the desk closed the request, at a desk in memory."""

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest

from conversations.dry import dry_replay
from conversations.records import Conversation, StoredFinding
from scenarios.reopen import reopen
from tests.conversations.desk import Town, begin, definition, life

WITH: Mapping[str, object] = {
    "subject": "Saturday",
    "opening": "Are you open on Saturday?\n\n{name}",
    "questions": [{"ask": "Are you open on Saturday?", "expect": ["until noon"]}],
    "again": "It is me again: and on Sunday?\n\n{name}",
    "closes_within": "3 days",
    "patience": "1 day",
}
AUTOMATIC = {"Auto-Submitted": "auto-generated"}
CLOSED = "Your request has been solved and is now closed.\n\nThe Desk"

Answer = Callable[[Town, EmailMessage], None]


def solved(town: Town, mail: EmailMessage, number: int = 7) -> None:
    town.reply(mail, CLOSED, Subject=f"[DESK-{number}] Solved: Saturday", **AUTOMATIC)


def acknowledged(town: Town, mail: EmailMessage, number: int = 7) -> None:
    subject = f"[DESK-{number}] We have received your request: Saturday"
    town.reply(mail, "We have received your request and will answer soon.", Subject=subject, **AUTOMATIC)


def desk(again: Answer | None, *, closes: bool = True) -> Answer:
    """Answers, closes after the thanks, and does `again` with what comes then."""

    def answer(town: Town, mail: EmailMessage) -> None:
        match len(town.delivered):
            case 1:
                acknowledged(town, mail)
                town.reply(mail, "Yes, until noon.\n\nRobin", Subject="Re: [DESK-7] Saturday")
            case 2 if closes:
                town.reply(mail, "You are welcome!\n\nRobin", Subject="Re: [DESK-7] Saturday")
                solved(town, mail)
            case 3 if again:
                again(town, mail)

    return answer


async def played(town: Town) -> tuple[Conversation, StoredFinding]:
    async with life(town, reopen) as here:
        ended = await here.play(await begin(here.journal, definition(WITH), town.clock.now()))
    (found,) = (each for each in ended.findings if each.check == "reopened")
    return ended, found


def same(town: Town, mail: EmailMessage) -> None:
    town.reply(mail, "No, not on Sundays.\n\nRobin", Subject="Re: [DESK-7] Saturday")


def fresh(town: Town, mail: EmailMessage) -> None:
    acknowledged(town, mail, 8)
    town.reply(mail, "No, not on Sundays.\n\nKim", Subject="Re: [DESK-8] Saturday")


def numberless(town: Town, mail: EmailMessage) -> None:
    town.reply(mail, "No, not on Sundays.\n\nRobin", Subject="Re: Saturday")


def bounced(town: Town, mail: EmailMessage) -> None:
    town.reply(
        mail,
        "Delivery to support@desk.example has failed permanently: 550 5.1.1 no such user",
        From="Mail Delivery System <mailer-daemon@desk.example>",
        Subject="Undelivered Mail Returned to Sender",
        **AUTOMATIC,
    )


@pytest.mark.parametrize(
    ("again", "rule", "verdict", "reason"),
    [
        (same, "same_ticket", "passed", ""),
        (fresh, "new_ticket", "passed", ""),
        (numberless, "answered", "passed", ""),
        (bounced, "bounced", "failed", "our mail came back: "),
        (solved, "refused", "failed", "no answer within 1 day to what was written after the closing"),
        (None, "ignored", "failed", "no answer within 1 day to what was written after the closing"),
    ],
)
async def test_what_becomes_of_a_customer_who_writes_again(
    tmp_path: Path, again: Answer | None, rule: str, verdict: str, reason: str
) -> None:
    town = Town(tmp_path, answer=desk(again))
    ended, found = await played(town)
    assert (found.rule, found.result) == (
        f"reopened.{rule}",
        "ok" if rule in {"same_ticket", "answered"} else "problem",
    )
    assert ended.verdict == verdict
    assert (ended.reason or "").startswith(reason)
    assert town.delivered[2].get_content().startswith("It is me again")
    assert town.delivered[2]["References"], "in the thread that the desk has closed"
    assert len(town.delivered) == (4 if verdict == "passed" else 3), "thanks at the end"


async def test_a_new_ticket_is_told_with_both_numbers(tmp_path: Path) -> None:
    _, found = await played(Town(tmp_path, answer=desk(fresh)))
    assert found.value == {"tickets_before": ["DESK-7"], "tickets_after": ["DESK-8"]}


async def test_a_person_who_says_that_it_is_closed_closes_it(tmp_path: Path) -> None:
    def answer(town: Town, mail: EmailMessage) -> None:
        if len(town.delivered) == 1:
            said = "I have looked it up for you: yes, we are open until noon. Your ticket has been closed."
            town.reply(mail, f"Hello Anna,\n\n{said}\n\nKind regards\nRobin Agent")
        elif len(town.delivered) == 3:
            same(town, mail)

    ended, found = await played(Town(tmp_path, answer=answer))
    assert ended.verdict == "passed", ended.reason
    assert found.rule == "reopened.answered", "no ticket number was known before"


async def test_what_is_never_closed_needs_no_reopening(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=desk(None, closes=False))
    ended, found = await played(town)
    assert (ended.verdict, found.rule, found.result) == ("passed", "reopened.not_closed", "unknown")
    assert found.evidence == "no closing within 3 days"
    assert len(town.delivered) == 2


async def test_an_announcement_that_it_will_be_closed_is_no_closing(tmp_path: Path) -> None:
    def answer(town: Town, mail: EmailMessage) -> None:
        desk(None, closes=False)(town, mail)
        if len(town.delivered) == 2:
            soon = "Your request will be closed in 3 days unless you reply to this message."
            town.reply(mail, soon, Subject="[DESK-7] Saturday", **AUTOMATIC)

    _, found = await played(Town(tmp_path, answer=answer))
    assert found.rule == "reopened.not_closed"


async def test_it_goes_on_after_a_restart_wherever_it_stands(tmp_path: Path) -> None:
    town = Town(tmp_path, answer=desk(None, closes=False))
    async with life(town, reopen) as here:
        begun = await begin(here.journal, definition(WITH), town.clock.now())
        await here.settle()
        waiting = await here.load(begun)
        assert (waiting.steps[-1].name, waiting.steps[-1].status) == ("closing", "waiting")
        await dry_replay(waiting, reopen)
    solved(town, town.delivered[1])
    town.answer = desk(same)
    async with life(town, reopen, "test:2") as here:
        ended = await here.play(begun)
    assert ended.verdict == "passed"
    assert len(town.delivered) == 4, "nothing was sent twice"
