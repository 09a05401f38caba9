"""A customer writes when nobody is there: what are they told to expect, and is it kept?"""

from datetime import datetime
from typing import Self

from pydantic import ValidationInfo, model_validator

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import NoReply
from conversations.hours import BusinessHours
from conversations.reply import Reply
from conversations.scenario import Stage, scenario
from replies.expectation import expectation
from replies.finding import Finding
from replies.kind import Kind
from scenarios.questions import Questions, follow_up, say_thanks

ACKNOWLEDGED_WITHIN = Duration.parse("15 minutes")


class OffHours(Questions):
    """What stands under `with:`."""

    @model_validator(mode="after")
    def _of_a_desk_that_closes(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Stage) and (info.context.hours is None or info.context.hours.never_close):
            raise ValueError("needs a desk with hours, outside of which the customer writes")
        return self


@scenario("Write outside the desk's hours")
async def off_hours(customer: Customer, questions: OffHours) -> None:
    """Passes when every question is answered, the first reply within the promise counted in business hours."""
    for text in (questions.later(questions.questions), questions.thanks):
        customer.filled(text, questions.facts)
    now = await customer.now()
    if customer.hours.is_open(now):
        await customer.pause(Duration(seconds=(customer.hours.closes(now) - now).total_seconds()))
    await customer.write(questions.opening, subject=questions.subject, facts=questions.facts)
    written = await customer.now()
    first: Reply | None = None
    try:
        first = await customer.first_answer(within=customer.promise("acknowledgement") or ACKNOWLEDGED_WITHIN)
    except NoReply:
        await customer.find(expectation(customer.confirmation or None))
    else:
        if first.kind is Kind.ACKNOWLEDGEMENT:
            await customer.find(expectation(f"{first.text}\n\n{customer.confirmation}"))
            first = None
    replies = await follow_up(customer, questions, first)
    kept = in_hours(customer.hours, customer.promise("first_reply"), written, replies[0])
    await customer.find(kept)
    await say_thanks(customer, questions)
    if kept.result == "problem":
        raise customer.fail(kept.evidence)


def in_hours(hours: BusinessHours, promised: Duration | None, written: datetime, reply: Reply) -> Finding:
    """Whether the reply came in time, counted while the desk is open: a promise of 4 hours is one of 4 business hours."""
    if promised is None:
        return Finding("kept_in_hours", "unknown", "kept_in_hours.no_promise", "")
    counted = promised if promised.seconds is None else Duration(business_hours=promised.seconds / 3600)
    due, waited = hours.after(written, counted), hours.between(written, reply.at)
    kept = reply.at <= due
    evidence = f"replied {reply.at:%a %H:%M} UTC, promised by {due:%a %H:%M} UTC ({counted})"
    value = {"business_seconds": waited, "due": due.isoformat()}
    return Finding(
        "kept_in_hours", "ok" if kept else "problem", f"kept_in_hours.{'kept' if kept else 'missed'}", evidence, value
    )
