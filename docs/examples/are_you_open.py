"""A customer asks whether the desk is open on some day, asks once more when nobody answers, and says thank you."""

import re

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import NoReply
from conversations.scenario import scenario
from replies.finding import Finding, quoted

OPENINGS = ("are you open on {day}?", "can I reach somebody on {day}?", "will anybody be there on {day}?")
GREETING = "\n\nKind regards\n{name}"
A_DAY = Duration.parse("1 day")


@scenario("Ask whether the desk is open, and insist once")
async def are_you_open(customer: Customer, day: str, patience: Duration = A_DAY) -> None:
    """Passes when a person says yes or no; fails when nobody answers twice, or the answer says neither."""
    question = customer.random.choice(OPENINGS)
    await customer.write(f"Hello\n\n{question}{GREETING}", subject="Opening days", facts={"day": day})
    try:
        reply = await customer.reply(within=patience)
    except NoReply:
        await customer.answer(f"Hello again\n\nDid you get my question?{GREETING}")
        reply = await customer.reply(within=patience)
    said = re.search(r"\b(yes|no|open|closed)\b", reply.text, re.IGNORECASE)
    evidence = quoted(said[0] if said else reply.text)
    await customer.find(Finding("clear_answer", "ok" if said else "problem", "yes-or-no", evidence))
    await customer.answer(f"Thank you.{GREETING}", closing=True)
    if not said:
        raise customer.fail("the answer does not say whether they are open")
