"""Tries a conversation over a line, and tells how it went: theirs and ours apart, and each kind of address for itself."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping

from probes.reach.line import Line, NoSuchAddress, NotReached, NotTried, one_line, why
from probes.reach.network import name_server_answers
from probes.reach.reached import Reached
from probes.reach.reserved import reserved

Conversation = Callable[[Line], Awaitable[None]]
"""Up is what ends without an error."""

KINDS: Mapping[str, socket.AddressFamily] = {"6": socket.AF_INET6, "4": socket.AF_INET}
"""Kinds of addresses, in the order in which a customer's machine takes them (RFC 6724)."""


async def reached(conversation: Conversation, seconds: float) -> Reached:
    """How it went over each kind of address that the host has, tried at the same time, each within `seconds`.

    It is up when one gets through, as a browser turns to the other kind (RFC 8305); the times are those of the first that did.
    """
    attempts = await asyncio.gather(*(attempt(conversation, seconds, family) for family in KINDS.values()))
    return _together({kind: tried for kind, tried in zip(KINDS, attempts, strict=True) if tried is not None})


async def attempt(
    conversation: Conversation, seconds: float, family: socket.AddressFamily = socket.AF_UNSPEC
) -> Reached | None:
    """How it went over one line within `seconds`; None when the host has no address of this kind."""
    line = Line(family)
    reason: str | None = None
    up: bool | None = False
    try:
        async with asyncio.timeout(seconds):
            await conversation(line)
        up = True
    except NoSuchAddress:
        return None
    except NotTried as error:
        up, reason = None, str(error)
    except NotReached as error:
        reason = str(error)
    except TimeoutError:
        reason = f"timed out after {seconds:g} seconds while {line.doing}"
    except (OSError, EOFError) as error:
        reason = f"the connection broke while {line.doing}: {why(error)}"
    finally:
        line.hang_up()
    if line.unanswered is not None and not reserved(line.unanswered) and not await name_server_answers():
        up, reason = None, f"no name server answers this machine: {reason}"
    told = line.remark if reason is None else reason
    over = {kind: up for kind, each in KINDS.items() if each is family and line.found and up is not None}
    return Reached(up, dict(line.phases), one_line(told) if told else None, line.expires, over)


def _together(attempts: Mapping[str, Reached]) -> Reached:
    """One result of those over several kinds of addresses."""
    tried = {kind: each for kind, each in attempts.items() if each.up is not None} or attempts
    chosen = next((each for each in tried.values() if each.up), next(iter(tried.values())))
    reasons = {kind: each.reason for kind, each in tried.items()}
    told = chosen.reason
    if len(set(reasons.values())) > 1:
        told = "; ".join(f"over IPv{kind}: {reason}" for kind, reason in reasons.items() if reason)
    addresses = {kind: up for each in tried.values() for kind, up in each.addresses.items()}
    return Reached(chosen.up, chosen.phases, told, chosen.certificate_expires, addresses)
