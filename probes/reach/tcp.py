"""Can a port be connected to?"""

from probes.reach.line import Address, Line, reached
from probes.reach.reached import Reached


async def probe(target: tuple[str, int], *, timeout: float) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Connect to host and port. Phases: dns, connect. Never raises for trouble of the network."""
    host, port = target

    async def conversation(line: Line) -> None:
        await line.connect(Address(host, port))

    return await reached(conversation, timeout)
