"""Is every customer treated alike? The same question over two channels, of two tiers or priorities, begun together."""

from typing import Annotated, Literal

from pydantic import Field

from conversations.companions import Approach
from conversations.customer import Customer
from conversations.durations import CalendarDuration, Duration
from conversations.errors import Failed, Faulted
from conversations.records import Verdict
from conversations.scenario import scenario
from conversations.times import Elapsed
from replies.finding import Finding, Result
from scenarios.questions import Questions, ask, say_thanks

Clock = Literal["business", "calendar"]


class Comparison(Questions):
    """What stands under `with:`: the questions, and with whom the visit's customer is compared."""

    compare: Annotated[Approach, Field(description="How the other customer comes to the desk")]
    tolerance: Annotated[
        float, Field(gt=0, le=1000, description="The first reply may take so many times as long as the other's")
    ] = 2.0
    leeway: Annotated[CalendarDuration, Field(description="and so much longer")] = Duration.parse("5 minutes")
    clock: Annotated[Clock, Field(description="business: only the desk's business hours count")] = "business"

    def questions_alone(self) -> dict[str, object]:
        """The settings with which the other customer asks the same."""
        return self.model_dump(mode="json", include=set(Questions.model_fields), exclude_none=True)

    def judged(self, own: Elapsed | None, other: Elapsed | None) -> Finding:
        """`own` and `other`: the first reply times of this and the other side; None for one that was not answered."""
        a, b = (None if wait is None else getattr(wait, self.clock) for wait in (own, other))
        result: Result = "unknown"
        if a is None or b is None:
            rule = "parity.nobody_answered" if a == b else "parity.one_answered"
            result = "unknown" if a == b else "problem"
        else:
            slower = a > self.tolerance * b + self.leeway.amount
            rule, result = ("parity.slower", "problem") if slower else ("parity.alike", "ok")
        value = {
            "clock": self.clock,
            "ratio": round(a / b, 3) if a is not None and b else None,
            "a_seconds": a,
            "b_seconds": b,
            "calendar_ratio": round(own.calendar / other.calendar, 3) if own and other and other.calendar else None,
            "answered": [side for side, wait in (("a", own), ("b", other)) if wait is not None],
        }
        evidence = f"first reply {_told(a)}, on the other side {_told(b)} ({self.clock} time)"
        return Finding("parity", result, rule, evidence, value)


@scenario("Ask the same over another channel, or as another customer, and compare")
async def parity(customer: Customer, comparison: Comparison) -> None:
    """Passes when both sides are answered and this one's first reply took no longer than the other's, within tolerance."""
    other = await customer.begin("other", "ask_and_follow_up", comparison.questions_alone(), by=comparison.compare)
    failure: Failed | None = None
    try:
        await ask(customer, comparison)
        await say_thanks(customer, comparison)
    except Failed as error:
        failure = error
    ended = await customer.finished(other)
    if ended.verdict is Verdict.FAULTED:
        raise Faulted(f"nothing to compare with: the other side faulted ({ended.reason})")
    own = None if failure else (await customer.measured()).first_reply
    found = comparison.judged(own, ended.times.first_reply if ended.verdict is Verdict.PASSED else None)
    await customer.find(found)
    if failure is not None:
        raise type(failure)(f"{failure}; {found.evidence}")
    if ended.verdict is Verdict.FAILED:
        raise customer.fail(f"the other side was not answered: {ended.reason}")
    if found.result == "problem":
        raise customer.fail(f"not treated alike: {found.evidence}")


def _told(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    if seconds < 120:
        return f"after {seconds:.1f} s"
    return f"after {seconds / 60:.0f} min" if seconds < 7200 else f"after {seconds / 3600:.1f} h"
