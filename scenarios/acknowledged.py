"""Does the desk say that it received anything at all?"""

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.scenario import scenario

PATIENCE_TIMES = 4
LEAST_PATIENCE = Duration.parse("1 hour")


@scenario("Contact the desk and wait for the acknowledgement, or any reply")
async def acknowledged(
    customer: Customer, opening: str, subject: str | None = None, patience: Duration | None = None
) -> None:
    """Passes with the first sign of life; fails when none comes within `patience` (default: 4 × the promise, at least 1 hour)."""
    await customer.write(opening, subject=subject)
    await customer.first_answer(within=patience or customer.patience("acknowledgement", PATIENCE_TIMES, LEAST_PATIENCE))
