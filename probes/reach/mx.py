"""Does a mail to an address find a server that takes it (RFC 5321 section 5.1)? Nothing is mailed."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from probes.mail.addresses import ascii_domain
from probes.reach import smtp
from probes.reach.attempt import attempt
from probes.reach.line import MOST_ADDRESSES, Address, Line, NotReached, NotTried, one_line
from probes.reach.network import name_server_answers
from probes.reach.reached import Reached
from probes.reach.reserved import reserved

Resolver = dns.asyncresolver.Resolver

MOST_SERVERS = 4


@dataclass(frozen=True, slots=True)
class Route:
    """How the servers of an address are reached.

    `resolver`: None for the one that this machine is set up with. `sender`: ask each server whether it takes mail of this
    address for the target, and stop before DATA; None: do not ask.
    """

    resolver: Resolver | None = None
    sender: str | None = None
    port: int = 25
    ca_file: Path | None = None


class Refused(NotReached):
    """The server answered for the whole domain: no other need be asked."""


async def probe(target: str, *, timeout: float, route: Route) -> Reached:  # noqa: ASYNC109 - the probes' one signature
    """Find the servers of the address `target`, and speak SMTP with the first that answers, in TLS where it offers that.

    Phases: mx, dns, connect, banner, ehlo, tls, rcpt; those that are gone through again add up. As with mail itself, a
    server without TLS or with a bad certificate is up; the reason then says so. Never raises for trouble of the network.
    """

    async def conversation(line: Line) -> None:
        ends = asyncio.get_running_loop().time() + timeout
        domain = _domain(target)
        resolver = route.resolver or _system()
        hosts = await _hosts(line, resolver, domain)
        failures: list[NotReached] = []
        for left, host in zip(range(len(hosts), 0, -1), hosts, strict=True):
            try:
                async with asyncio.timeout((ends - asyncio.get_running_loop().time()) / left):
                    return await _visit(line, resolver, host, target, route)
            except Refused:
                raise
            except NotReached as error:
                failures.append(type(error)(f"{host}: {error}"))
            except TimeoutError:
                failures.append(NotReached(f"{host}: timed out while {line.doing}"))
            except (OSError, EOFError):
                failures.append(NotReached(f"{host}: the connection broke while {line.doing}"))
        raise next((each for each in reversed(failures) if not isinstance(each, NotTried)), failures[-1])

    tried = await attempt(conversation, timeout)
    assert tried is not None  # that is for lines that want one kind of address
    return tried


def _domain(address: str) -> str:
    try:
        domain = ascii_domain(address.rpartition("@")[2]).lower()
    except ValueError as error:
        raise NotReached(str(error)) from None
    if reserved(domain):
        raise NotReached(
            f"the domain {domain} is reserved for tests and local use: no mail reaches it (RFC 2606, RFC 6761)"
        )
    return domain


def _system() -> Resolver:
    try:
        return Resolver()
    except dns.resolver.NoResolverConfiguration:
        raise NotTried("this machine has no DNS resolver") from None


async def _hosts(line: Line, resolver: Resolver, domain: str) -> list[str]:
    """The servers, best first; without an MX record the domain itself."""
    with line.phase("mx", "looking up the mail servers of the domain"):
        records = await _looked_up(resolver, domain, "MX")
    found = sorted((int(each.preference), each.exchange.to_text(omit_final_dot=True)) for each in records)
    if [host for _, host in found] == ["."]:
        raise NotReached(f"the domain {domain} takes no mail (null MX, RFC 7505)")
    return list(dict.fromkeys(host for _, host in found if host != "."))[:MOST_SERVERS] or [domain]


async def _looked_up(resolver: Resolver, name: str, kind: str) -> list[Any]:
    try:
        absolute = dns.name.from_text(name)
        answer = await resolver.resolve(absolute, kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        raise NotReached(f"there is no domain {name} (DNS)") from None
    except dns.exception.Timeout:
        if not await name_server_answers(resolver):
            raise NotTried(f"no name server answers this machine, as it looked up {name} (DNS)") from None
        raise NotReached(f"no name server answers for {name} (DNS)") from None
    except dns.exception.DNSException as error:
        raise NotReached(f"the lookup of {name} failed (DNS): {one_line(str(error))}") from None
    return list(answer.rrset or ())


async def _visit(line: Line, resolver: Resolver, host: str, target: str, route: Route) -> None:
    line.expires = line.remark = None
    with line.phase("dns", f"looking up {host}"):
        found = [await _looked_up(resolver, host, kind) for kind in ("A", "AAAA")]
    addresses = [str(each) for records in found for each in records][:MOST_ADDRESSES]
    if not addresses:
        raise NotReached("the host has no address (DNS)")
    for number, address in enumerate(addresses, 1):
        try:
            await line.connect(Address(address, route.port))
            break
        except NotReached:
            if number == len(addresses):
                raise
    where = Address(address, route.port)
    offered = await smtp.greeted(line)
    if not smtp.offers(offered, "STARTTLS"):
        line.remark = f"{host} offers no TLS: mail goes there in clear"
    elif (bad := await _secured(line, host, route)) is not None:
        line.remark = f"{host}: {bad}"
        if route.sender is not None:  # a sender would go on in clear (RFC 7435), on a new connection
            await line.connect(where)
            await smtp.greeted(line)
    elif route.sender is not None:
        await smtp.hello(line)
    if route.sender is not None:
        await _asked(line, route.sender, target)
    await line.say_goodbye("QUIT")


async def _secured(line: Line, host: str, route: Route) -> str | None:
    """Go over to TLS; why it cannot be done properly, if it cannot."""
    try:
        await smtp.start_tls(line, Address(host, route.port, "starttls", route.ca_file))
    except NotReached as error:
        return str(error)
    return None


async def _asked(line: Line, sender: str, target: str) -> None:
    """Whether the server takes mail for `target`. What it has against us, or puts off, says nothing about the address."""
    if not (sender.isascii() and target.isascii()):
        line.remark = "the address needs SMTPUTF8; the server was not asked whether it takes mail for it"
        return
    with line.phase("rcpt", "asking whether it takes mail for the address"):
        await line.say(f"MAIL FROM:<{sender}>")
        said = await smtp.heard(line)
        if said.startswith("2"):
            await line.say(f"RCPT TO:<{target}>")
            said = await smtp.heard(line)
            if said.startswith("5") and not said[4:].lstrip().startswith("5.7."):
                raise Refused(f"the server refuses mail for the address: {said}")
        if not said.startswith("2"):
            line.remark = f"the server would not say whether it takes mail for the address: {said}"
        await line.say("RSET")
        await smtp.heard(line)
