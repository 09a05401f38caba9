"""Questions that a customer has: how they are written in the config, and how a customer asks until they are answered."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.errors import Faulted, NoReply, SendUncertain, Unanswered
from conversations.reply import Reply
from replies.finding import Finding
from replies.questions import Question, answered

MOST_FOLLOW_UPS = 3
PATIENCE_TIMES = 4
LEAST_PATIENCE = Duration.parse("1 day")

THANKS = "Thank you, that answers my question.\n\nKind regards\n{name}"
FOLLOW_UP = "Thank you for your answer. One thing is still open for me:\n\n{ask}\n\nKind regards\n{name}"


class Asked(BaseModel):
    """One question: how it reads, what an answer to it looks like, and what to write when the answer is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ask: Annotated[str, Field(min_length=1, max_length=2000)]
    expect: Annotated[
        tuple[str, ...], Field(min_length=1, description="Regular expressions; one that is found answers")
    ]
    follow_up: Annotated[str | None, Field(max_length=5000)] = None

    @field_validator("expect")
    @classmethod
    def _can_be_searched(cls, expect: tuple[str, ...]) -> tuple[str, ...]:
        Question("", expect)  # raises ValueError naming the expression
        return expect

    @property
    def question(self) -> Question:
        """As the check on replies takes it."""
        return Question(self.ask, self.expect, self.follow_up)


class Questions(BaseModel):
    """What stands under `with:`. `{placeholders}` in texts stand for `facts` and for name, address and reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    subject: Annotated[str | None, Field(max_length=200)] = None
    opening: Annotated[str, Field(min_length=1, max_length=20_000)]
    questions: Annotated[tuple[Asked, ...], Field(min_length=1, max_length=20)]
    facts: Mapping[str, str] = {}
    thanks: Annotated[str, Field(min_length=1, max_length=5000)] = THANKS
    patience: Duration | None = None

    @field_validator("facts", mode="before")
    @classmethod
    def _facts_are_text(cls, facts: object) -> object:
        """A fact may be written without quotes: an order number is a number in YAML."""
        if not isinstance(facts, Mapping):
            return facts
        return {name: str(value) if isinstance(value, int | float) else value for name, value in facts.items()}

    def patience_of(self, customer: Customer) -> Duration:
        """How long this customer waits for each reply of a person."""
        return self.patience or customer.patience("first_reply", PATIENCE_TIMES, LEAST_PATIENCE)

    def later(self, missing: Sequence[Asked]) -> str:
        """What to write when these questions are still open."""
        return "\n\n".join(asked.follow_up or FOLLOW_UP.replace("{ask}", asked.ask) for asked in missing)

    def try_texts(self, customer: Customer) -> None:
        """Fill in the later texts, so that a mistake in one of them is found before anybody is contacted."""
        for text in (self.later(self.questions), self.thanks):
            customer.filled(text, self.facts)

    def unanswered_by(self, replies: Sequence[Reply]) -> list[Asked]:
        """The questions that no reply so far has answered."""
        return [asked for asked in self.questions if answered(asked.question, _text(replies)).result != "ok"]

    def coverage(self, replies: Sequence[Reply], missing: Sequence[Asked]) -> Finding:
        """How many of the questions are answered by now: `1 of 2`.

        Unknown where all that is `missing` may be answered all the same: what is expected took too long to search for.
        """
        value = done, asked = len(self.questions) - len(missing), len(self.questions)
        if not missing:
            return Finding("questions_answered", "ok", "questions.expected_fact", f"answered {done} of {asked}", value)
        found = [answered(each.question, _text(replies)) for each in missing]
        worst = next((each for each in found if each.result == "problem"), found[0])
        said = " ".join(replies[-1].text.split())[:200]
        evidence = f"answered {done} of {asked}; still open: {missing[0].ask}; the reply said: {said}"
        return Finding("questions_answered", worst.result, worst.rule, evidence, value)


async def ask(customer: Customer, questions: Questions) -> list[Reply]:
    """Write the opening and follow up until every question is answered; the replies.

    Raises NoReply when nobody answers in time, Unanswered when something is still open after three follow-ups, Faulted when
    that cannot be known.
    """
    questions.try_texts(customer)
    await customer.write(questions.opening, subject=questions.subject, facts=questions.facts)
    await customer.acknowledgement(within=customer.promise("acknowledgement"))
    return await follow_up(customer, questions)


async def follow_up(customer: Customer, questions: Questions, first: Reply | None = None) -> list[Reply]:
    """Wait for a person and ask again for what is missing, as `ask` does after the acknowledgement.

    Who announces another answer ("I will look into it and write to you tomorrow") is waited for first, as long as for any
    reply. `first`: a person's reply that has come already.
    """
    patience, asked_again = questions.patience_of(customer), 0
    replies = [first or await customer.reply(within=patience)]
    while missing := questions.unanswered_by(replies):
        coverage = questions.coverage(replies, missing)
        await customer.find(coverage)
        if "promise" in replies[-1].findings:
            with suppress(NoReply):
                replies.append(await customer.reply(within=patience))
                continue
        if asked_again == MOST_FOLLOW_UPS:
            after = f"{len(missing)} of {len(questions.questions)} questions unanswered after {len(replies)} replies"
            if coverage.result == "unknown":
                raise Faulted(f"{after}, or answered: the expressions under expect take too long to search for")
            raise Unanswered(after)
        await customer.answer(questions.later(missing), facts=questions.facts)
        asked_again += 1
        replies.append(await customer.reply(within=patience))
    await customer.find(questions.coverage(replies, missing))
    return replies


async def say_thanks(customer: Customer, questions: Questions, *, last: bool = True) -> None:
    """Say thank you. `last`: it is the customer's last word in this conversation."""
    # Whether our thanks went out says nothing about the desk; the step says that it is uncertain.
    with suppress(SendUncertain):
        await customer.answer(questions.thanks, facts=questions.facts, closing=last)


def _text(replies: Sequence[Reply]) -> str:
    return "\n\n".join(reply.text for reply in replies)
