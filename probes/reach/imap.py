"""Does a mail server greet and speak IMAP (RFC 3501), with TLS where it should? Nobody logs in."""

from probes.reach.attempt import reached
from probes.reach.line import Line, NotReached, Server, one_line
from probes.reach.reached import Reached

MAX_LINES = 100


async def probe(target: Server, *, timeout: float) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Connect, hear the greeting, start TLS, log out.

    Phases: dns, connect, tls, greeting. Never raises for trouble of the network.
    """

    async def conversation(line: Line) -> None:
        await line.connect(target)
        with line.phase("greeting", "waiting for its greeting"):
            greeting = await line.hear()
        if not greeting.upper().startswith(("* OK", "* PREAUTH")):
            raise NotReached(f"the server greets with: {one_line(greeting) or 'an empty line'}")
        if target.security == "starttls":
            await _start_tls(line, target)
        await line.say_goodbye("z LOGOUT")

    return await reached(conversation, timeout)


async def _start_tls(line: Line, target: Server) -> None:
    with line.phase("tls", "waiting for the answer to STARTTLS"):
        await line.say("a STARTTLS")
        for _ in range(MAX_LINES):
            text = await line.hear()
            if text.startswith("*"):  # an untagged line may come before the answer
                continue
            if not text.upper().startswith("A OK"):
                raise NotReached(f"the server answers STARTTLS with: {one_line(text)}")
            break
        else:
            raise NotReached("the server does not answer STARTTLS")
    await line.secure(target)
