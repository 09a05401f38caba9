"""Can a port be connected to, in TLS where it should?"""

from probes.reach.attempt import reached
from probes.reach.line import Line, Server
from probes.reach.reached import Reached


async def probe(target: Server, *, timeout: float) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Connect, and start TLS. Phases: dns, connect, tls. Never raises for trouble of the network."""

    async def conversation(line: Line) -> None:
        await line.connect(target)

    return await reached(conversation, timeout)
