"""A customer complains: does anybody say sorry, and is it settled?"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from conversations.customer import Customer
from conversations.reply import Reply
from conversations.scenario import Stage, scenario
from replies.finding import Finding, quoted
from scenarios.questions import Questions, ask, say_thanks


class Complaint(Questions):
    """What stands under `with:`: the complaint as the opening, what would settle it as the questions."""

    insist: Annotated[
        str | None, Field(min_length=1, max_length=5000, description="Written once when nobody has said sorry so far")
    ] = None

    @model_validator(mode="after")
    def _of_somebody_upset(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Stage) and not info.context.persona.upset:
            raise ValueError("needs a persona with mood: upset (or angry), of whom an apology is expected")
        return self


@scenario("Complain, and see whether anybody says sorry")
async def upset_customer(customer: Customer, complaint: Complaint) -> None:
    """Passes when the complaint is answered; that nobody apologised is a finding, and no failure."""
    customer.filled(complaint.insist or "", complaint.facts)
    replies = await ask(customer, complaint)
    if complaint.insist is not None and apologised(replies).result == "problem":
        await customer.answer(complaint.insist, facts=complaint.facts)
        replies.append(await customer.reply(within=complaint.patience_of(customer)))
    await customer.find(apologised(replies))
    await say_thanks(customer, complaint)


def apologised(replies: Sequence[Reply]) -> Finding:
    """Whether any of a customer's replies has words of regret; `value`: in which of them they come first, from 1."""
    found = [reply.findings.get("apology") for reply in replies]
    for number, each in enumerate(found, 1):
        if each is not None and each.result == "ok":
            return Finding("apologised", "ok", "apologised.phrase", each.evidence, number)
    if any(each is None or each.result == "unknown" for each in found):
        return Finding("apologised", "unknown", "apologised.unknown", "")
    return Finding("apologised", "problem", "apologised.never", quoted(replies[-1].text))
