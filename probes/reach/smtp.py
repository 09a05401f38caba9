"""Does a mail server greet and speak SMTP (RFC 5321), with TLS where it should (RFC 3207)? Nothing is mailed."""

from probes.reach.attempt import reached
from probes.reach.line import Line, NotReached, Server, one_line
from probes.reach.reached import Reached

MAX_LINES = 100


async def probe(target: Server, *, timeout: float) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Connect, hear the banner, say EHLO, start TLS, say QUIT.

    Phases: dns, connect, tls, banner, ehlo. Never raises for trouble of the network.
    """

    async def conversation(line: Line) -> None:
        await line.connect(target)
        offered = await greeted(line)
        if target.security == "starttls":
            if not offers(offered, "STARTTLS"):
                raise NotReached("the server does not offer STARTTLS")
            await start_tls(line, target)
        await line.say_goodbye("QUIT")

    return await reached(conversation, timeout)


async def greeted(line: Line) -> list[str]:
    """Hear the banner and say EHLO; the lines of its answer. NotReached when the server does not want to speak."""
    with line.phase("banner", "waiting for its greeting"):
        await _reply(line, "220", "the greeting")
    return await hello(line)


async def hello(line: Line) -> list[str]:
    """Say EHLO, the first time or again in TLS; the lines of its answer."""
    with line.phase("ehlo", "waiting for the answer to EHLO"):
        await line.say(f"EHLO {_ourselves(line)}")
        return await _reply(line, "250", "EHLO")


def offers(lines: list[str], extension: str) -> bool:
    """Whether the answer to EHLO names this extension."""
    return any(text.upper().split(" ")[0] == extension for text in lines)


async def start_tls(line: Line, target: Server) -> None:
    """Say STARTTLS and go over to TLS. NotReached when the server refuses, or its certificate is bad."""
    with line.phase("tls", "waiting for the answer to STARTTLS"):
        await line.say("STARTTLS")
        await _reply(line, "220", "STARTTLS")
    await line.secure(target)


async def heard(line: Line) -> str:
    """A whole reply, whatever its code, on one line that begins with the code (RFC 5321 section 4.2)."""
    texts: list[str] = []
    for _ in range(MAX_LINES):
        text = await line.hear()
        texts.append(text[4:].strip() if texts else f"{text[:3]} {text[4:].strip()}")
        if text[3:4] != "-":
            return one_line(" ".join(texts))
    raise NotReached(f"the server's answer has more than {MAX_LINES} lines")


async def _reply(line: Line, code: str, to: str) -> list[str]:
    """The texts of a reply's lines; NotReached unless it has `code`."""
    texts = []
    for _ in range(MAX_LINES):
        text = await line.hear()
        if text[:3] != code:
            raise NotReached(f"the server answers {to} with: {one_line(text) or 'an empty line'}")
        texts.append(text[4:].strip())
        if text[3:4] != "-":
            return texts
    raise NotReached(f"the server's answer to {to} has more than {MAX_LINES} lines")


def _ourselves(line: Line) -> str:
    """Our address literal (RFC 5321, 4.1.3): we may have no name that the server could check."""
    host = str(line.writer.get_extra_info("sockname")[0]).partition("%")[0]
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
