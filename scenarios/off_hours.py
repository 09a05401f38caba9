"""A customer writes when nobody is there: what are they told to expect, and is it kept?"""

from datetime import datetime
from typing import Self

from pydantic import ValidationInfo, model_validator

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import NoReply
from conversations.hours import BusinessHours
from conversations.promised import deadline_of
from conversations.reply import Reply
from conversations.scenario import Stage, scenario
from replies.expectation import expectation
from replies.finding import Finding, Result
from replies.kind import Kind
from replies.promise import promise
from scenarios.questions import Questions, follow_up, say_thanks

ACKNOWLEDGED_WITHIN = Duration.parse("15 minutes")
HOUR, DAY = 3600, 86_400


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
    questions.try_texts(customer)
    now = await customer.now()
    if customer.hours.is_open(now):
        await customer.pause(Duration(seconds=(customer.hours.closes(now) - now).total_seconds()))
    await customer.write(questions.opening, subject=questions.subject, facts=questions.facts)
    written = await customer.now()
    first, told = None, customer.confirmation
    try:
        first = await customer.first_answer(within=customer.promise("acknowledgement") or ACKNOWLEDGED_WITHIN)
    except NoReply:
        await customer.find(expectation(told or None))
    else:
        if first.kind is Kind.ACKNOWLEDGEMENT:
            told = f"{first.text}\n\n{told}"
            await customer.find(expectation(told))
            first = None
    replies = await follow_up(customer, questions, first)
    due = due_by(customer.hours, customer.promise("first_reply"), told, written)
    kept = in_hours(customer.hours, due, written, replies[0])
    await customer.find(kept)
    await say_thanks(customer, questions)
    if kept.result == "problem":
        raise customer.fail(kept.evidence)


def due_by(hours: BusinessHours, promised: Duration | None, told: str, written: datetime) -> datetime | None:
    """When the answer is due, counted while the desk is open: hours as business hours, whole days as business days.

    `promised`: by the config; without it, what the desk `told` counts. None where no time was promised.
    """
    if promised is not None:
        return hours.after(written, promised if promised.seconds is None else _while_open(promised.seconds))
    stated = promise(told)
    if stated is None:
        return None
    if stated.unit in {"hours", "days"} and stated.seconds:
        return hours.after(written, _while_open(stated.seconds))
    return deadline_of(stated, written, hours)


def in_hours(hours: BusinessHours, due: datetime | None, written: datetime, reply: Reply) -> Finding:
    """Whether the reply came by then."""
    waited = hours.between(written, reply.at)
    if due is None:
        return Finding(
            "kept_in_hours", "unknown", "kept_in_hours.no_promise", "", {"business_seconds": waited, "due": None}
        )
    result: Result = "ok" if reply.at <= due else "problem"
    rule = "kept_in_hours.kept" if result == "ok" else "kept_in_hours.missed"
    evidence = f"replied {reply.at:%a %d %b %H:%M} UTC, due {due:%a %d %b %H:%M} UTC in business hours"
    return Finding("kept_in_hours", result, rule, evidence, {"business_seconds": waited, "due": due.isoformat()})


def _while_open(seconds: float) -> Duration:
    days, rest = divmod(seconds, DAY)
    return Duration(business_hours=seconds / HOUR) if rest or not days else Duration(business_days=int(days))
