"""The scenario of the parked conversations, and how a process tells the benchmark what happens when."""

import json
import os
import time

from conversations.customer import Customer
from conversations.durations import Duration
from conversations.scenario import scenario


@scenario("Write, and wait for a reply")
async def write_and_wait(customer: Customer) -> None:
    """Tells when it goes on after the reply."""
    await customer.write(
        "Hello,\n\nI ordered a lamp two weeks ago and nothing has come. Could you please find out where it is?\n\n"
        "Kind regards\n{name}",
        subject="Where is my lamp?",
    )
    await customer.reply(within=Duration.parse("30 days"))
    tell("went on", which=customer.facts["reference"])


def tell(what: str, **more: object) -> None:
    """A line on standard output, with the time on the clock that all processes of the machine share."""
    os.write(1, json.dumps({"what": what, "at": time.monotonic(), **more}).encode() + b"\n")
