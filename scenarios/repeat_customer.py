"""Must a customer who comes back over another channel tell everything again?"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from conversations.companions import ChannelName
from conversations.customer import Customer
from conversations.errors import NoReply
from conversations.records import StoredFinding
from conversations.reply import Reply
from conversations.scenario import Stage, scenario
from replies.finding import Finding, quoted
from scenarios.questions import Questions, ask, say_thanks

TOLD = "Hello\n\nas I wrote before:\n\n{told}\n\nKind regards\n{name}"


class Return(Questions):
    """What stands under `with:`: the first contact as in `ask_and_follow_up`, and the second one."""

    second: Annotated[ChannelName, Field(description="Name of the channel of the second contact")]
    again: Annotated[
        str, Field(min_length=1, max_length=20_000, description="The second contact; {ticket}: the number of the first")
    ]
    again_subject: Annotated[str | None, Field(max_length=200, description="Its subject; default: its first line")] = (
        None
    )

    @model_validator(mode="after")
    def _has_something_to_tell(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Stage) and not self.facts and not info.context.persona.facts:
            raise ValueError("needs facts, here or of the persona, that the desk might ask for again")
        return self


@scenario("Come back over another channel, and see whether everything must be told again")
async def repeat_customer(customer: Customer, back: Return) -> None:
    """Passes when a person answers the second contact and asks for nothing that was told before."""
    for text in (back.again, back.again_subject or ""):
        customer.filled(text, {**back.facts, "ticket": ""})
    await ask(customer, back)
    tickets = await customer.tickets()
    facts = {**back.facts, "ticket": tickets[0] if tickets else customer.facts["reference"]}
    await customer.write(back.again, subject=back.again_subject, facts=facts, over=back.second)
    patience = back.patience_of(customer)
    replies = [await customer.reply(within=patience)]
    asked = _asked_again(replies)
    if asked:  # a customer would sigh and tell it
        known = {**customer.facts, **back.facts}
        told = "\n".join(f"{name.replace('_', ' ')}: {known[name]}" for name in asked)
        await customer.answer(TOLD, facts={"told": told})
        with suppress(NoReply):
            replies.append(await customer.reply(within=patience))
    found = _context(replies, tickets, await customer.tickets())
    await customer.find(found)
    await say_thanks(customer, back)
    if found.result == "problem":
        raise customer.fail(f"had to be told again: {', '.join(asked)}")


def _asked_again(replies: Sequence[Reply]) -> list[str]:
    """Names of the facts that these replies ask for though they were told."""
    found = (each for each in _already_told(replies) if each.result == "problem")
    return list(dict.fromkeys(name for each in found for name in each.value))


def _already_told(replies: Sequence[Reply]) -> list[StoredFinding]:
    return [reply.findings["already_told"] for reply in replies if "already_told" in reply.findings]


def _context(replies: Sequence[Reply], before: Sequence[str], after: Sequence[str]) -> Finding:
    asked, found = _asked_again(replies), _already_told(replies)
    known = any(each.result == "ok" for each in found)
    value = {"asked": asked, "tickets": list(before), "new_tickets": [each for each in after if each not in before]}
    if asked:
        evidence = next(each.evidence for each in found if each.result == "problem")
        return Finding("context_lost", "problem", "context_lost.asked", evidence, value)
    rule = "context_lost.not_asked" if known else "context_lost.nothing_told"
    return Finding("context_lost", "ok" if known else "unknown", rule, quoted(replies[-1].text), value)
