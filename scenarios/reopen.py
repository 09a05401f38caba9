"""What becomes of a customer who writes again after the desk has closed the request?"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import NoReply, Undelivered
from conversations.reply import Reply
from conversations.scenario import scenario
from replies.finding import Finding, Result, quoted
from replies.kind import Kind
from scenarios.questions import Questions, ask, say_thanks

AT_ONCE = Duration.parse("1 second")


class Reopening(Questions):
    """What stands under `with:`: the questions, and what the customer writes when the request has been closed."""

    again: Annotated[
        str, Field(min_length=1, max_length=5000, description="What the customer writes after the closing")
    ]
    closes_within: Annotated[Duration, Field(description="How long to wait for the closing")] = Duration.parse("5 days")


@scenario("Write again after the desk has closed the request")
async def reopen(customer: Customer, reopening: Reopening) -> None:
    """Passes when a person answers again, or nothing was ever closed; fails when nobody does, or it is refused."""
    customer.filled(reopening.again, reopening.facts)
    await ask(customer, reopening)
    await say_thanks(customer, reopening, last=False)
    closed = await customer.closing(within=reopening.closes_within)
    if closed is None:
        within = f"no closing within {reopening.closes_within}"
        await customer.find(Finding("reopened", "unknown", "reopened.not_closed", within))
        return
    known = await customer.tickets()
    await customer.answer(reopening.again, facts=reopening.facts)
    answers: list[Reply] = []
    try:
        await _answered(customer, reopening.patience_of(customer), answers)
    except Undelivered as error:
        await customer.find(_found("problem", "bounced", str(error), known, answers))
        raise
    except NoReply as error:
        refused = await customer.closing(within=AT_ONCE)
        rule, evidence = ("refused", refused.text) if refused else ("ignored", f"closed: {closed.text}")
        await customer.find(_found("problem", rule, evidence, known, answers))
        raise NoReply(f"{error} to what was written after the closing") from error
    numbers = _numbers(answers)
    if not known or not numbers:
        found = _found("ok", "answered", answers[-1].text, known, answers)
    elif numbers & set(known):
        found = _found("ok", "same_ticket", answers[-1].text, known, answers)
    else:
        found = _found("problem", "new_ticket", answers[-1].text, known, answers)
    await customer.find(found)
    await say_thanks(customer, reopening)


async def _answered(customer: Customer, patience: Duration, answers: list[Reply]) -> None:
    """Wait for a person; what came goes into `answers`, an acknowledgement too."""
    answers.append(await customer.first_answer(within=patience))
    while answers[-1].kind is not Kind.HUMAN:
        answers.append(await customer.reply(within=patience))


def _numbers(answers: list[Reply]) -> set[str]:
    return {number for answer in answers for number in answer.tickets}


def _found(result: Result, rule: str, evidence: str, known: Sequence[str], answers: list[Reply]) -> Finding:
    value = {"tickets_before": list(known), "tickets_after": sorted(_numbers(answers))}
    return Finding("reopened", result, f"reopened.{rule}", quoted(evidence), value)
