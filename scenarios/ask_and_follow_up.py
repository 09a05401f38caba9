"""The everyday case: a customer asks, waits for a person, asks again for what is missing, and says thank you."""

from conversations.customer import Customer
from conversations.scenario import scenario
from scenarios.questions import Questions, ask, say_thanks


@scenario("Ask one or more questions, follow up for what is missing, say thank you")
async def ask_and_follow_up(customer: Customer, questions: Questions) -> None:
    """Passes when every question is answered; fails when nobody answers in time, or not everything after three follow-ups."""
    await ask(customer, questions)
    await say_thanks(customer, questions)
