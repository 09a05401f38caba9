"""Mail servers of an address, found over a scripted name server on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from probes.reach import mx
from probes.reach.reached import Reached
from tests.probes.reach.conftest import EXPIRES, Certificates, Serve

ADDRESS = "support@acme-desk.ch"
ONE_SERVER = {("acme-desk.ch.", "MX"): ["10 mail.acme-desk.ch."], ("mail.acme-desk.ch.", "A"): ["127.0.0.1"]}

REFUSES = "the server refuses mail for the address"
WOULD_NOT_SAY = "the server would not say whether it takes mail for the address"

Zone = Mapping[tuple[str, str], Sequence[str]]


class NameServer(asyncio.DatagramProtocol):
    """Answers what stands in its zone; a name that does not stand there does not exist."""

    def __init__(self, zone: Zone, rcode: dns.rcode.Rcode | None) -> None:
        self.zone, self.rcode, self.asked = zone, rcode, list[tuple[str, str]]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if records := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
        elif name not in {known for known, _ in self.zone}:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def names(zone: Zone, rcode: dns.rcode.Rcode | None = None) -> AsyncIterator[tuple[mx.Resolver, NameServer]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone, rcode), local_addr=("127.0.0.1", 0)
    )
    resolver = mx.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    try:
        yield resolver, server
    finally:
        transport.close()


def mail_server(
    *,
    tls: ssl.SSLContext | None = None,
    answers: Mapping[str, str] | None = None,
    heard: list[str] | None = None,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Speaks SMTP with everybody; `answers` by the first word of a command."""
    said = {
        "EHLO": "250-mail" + "\r\n250-STARTTLS" * bool(tls) + "\r\n250 SIZE 1000",
        "STARTTLS": "220 go",
        "QUIT": "221 bye",
    }
    said |= answers or {}

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said.get("banner", "220 mail ready").encode() + b"\r\n")
        while line := (await reader.readline()).decode().strip():
            if heard is not None:
                heard.append(line)
            command = line.split()[0]
            writer.write(said.get(command, "250 2.0.0 ok").encode() + b"\r\n")
            if command == "QUIT":
                return
            if command == "STARTTLS":
                assert tls
                await writer.start_tls(tls)

    return dialogue


async def looked_at(zone: Zone, *, address: str = ADDRESS, timeout: float = 10, **route: object) -> Reached:
    async with names(zone) as (resolver, _):
        return await mx.probe(address, timeout=timeout, route=mx.Route(resolver=resolver, **route))  # type: ignore[arg-type]


async def test_the_server_of_the_address_is_found_and_its_certificate_read(
    serve: Serve, certificates: Certificates
) -> None:
    heard: list[str] = []
    desk = await serve(mail_server(tls=certificates.server("mail.acme-desk.ch"), heard=heard))
    reached = await looked_at(ONE_SERVER, port=desk.port, ca_file=desk.ca_file)
    assert (reached.up, reached.reason, reached.certificate_expires) == (True, None, EXPIRES)
    assert list(reached.phases) == ["mx", "dns", "connect", "banner", "ehlo", "tls"]
    assert heard[:2] == ["EHLO [127.0.0.1]", "STARTTLS"]


async def test_a_domain_without_mx_is_its_own_server(serve: Serve) -> None:
    desk = await serve(mail_server())
    reached = await looked_at({("acme-desk.ch.", "A"): ["127.0.0.1"]}, port=desk.port)
    assert (reached.up, reached.reason) == (True, "acme-desk.ch offers no TLS: mail goes there in clear")


async def test_servers_are_tried_by_preference_until_one_speaks(serve: Serve) -> None:
    desk = await serve(mail_server())
    zone = {
        ("acme-desk.ch.", "MX"): [
            *("30 unasked.acme-desk.ch.", "20 good.acme-desk.ch.", "10 gone.acme-desk.ch.", "5 shut.acme-desk.ch.")
        ],
        ("shut.acme-desk.ch.", "A"): ["127.0.0.2"],
        ("good.acme-desk.ch.", "A"): ["127.0.0.2", "127.0.0.1"],
        ("unasked.acme-desk.ch.", "A"): ["127.0.0.1"],
    }
    async with names(zone) as (resolver, server):
        reached = await mx.probe(ADDRESS, timeout=10, route=mx.Route(resolver=resolver, port=desk.port))
    assert reached.up, reached.reason
    order = [name for name, kind in server.asked if kind == "A"]
    assert order == ["shut.acme-desk.ch.", "gone.acme-desk.ch.", "good.acme-desk.ch."]


async def test_a_server_that_is_silent_leaves_time_for_the_next(serve: Serve) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    desk = await serve(silent)
    zone = {("acme-desk.ch.", "MX"): ["10 a.acme-desk.ch.", "20 b.acme-desk.ch."]}
    zone |= {(f"{name}.acme-desk.ch.", "A"): ["127.0.0.1"] for name in "ab"}
    async with names(zone) as (resolver, server):
        reached = await mx.probe(ADDRESS, timeout=0.6, route=mx.Route(resolver=resolver, port=desk.port))
    assert not reached.up
    assert ("b.acme-desk.ch.", "A") in server.asked
    assert "timed out" in str(reached.reason)


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ({}, "there is no domain acme-desk.ch (DNS)"),
        ({("acme-desk.ch.", "MX"): ["0 ."]}, "the domain acme-desk.ch takes no mail (null MX, RFC 7505)"),
        ({("acme-desk.ch.", "TXT"): ['"v=spf1 -all"']}, "acme-desk.ch: the host has no address (DNS)"),
        ({("acme-desk.ch.", "MX"): ["5 gone.acme-desk.ch."]}, "gone.acme-desk.ch: there is no domain gone.acme-desk.ch (DNS)"),
    ],
)  # fmt: skip
async def test_a_domain_that_takes_no_mail_is_down_with_the_reason(zone: Zone, reason: str) -> None:
    reached = await looked_at(zone)
    assert (reached.up, reached.reason) == (False, reason)


async def test_a_name_server_that_fails_is_told() -> None:
    async with names({}, rcode=dns.rcode.SERVFAIL) as (resolver, _):
        reached = await mx.probe(ADDRESS, timeout=10, route=mx.Route(resolver=resolver))
    assert not reached.up
    assert str(reached.reason).startswith("the lookup of acme-desk.ch failed (DNS)")


@pytest.mark.parametrize(
    "domain",
    ["acme.example", "EXAMPLE.org", "mail.example.com", "desk.test", "localhost", "printer.local", "nas.home.arpa"],
)
async def test_nobody_is_asked_about_a_reserved_domain(domain: str) -> None:
    async with names({}) as (resolver, server):
        reached = await mx.probe(f"support@{domain}", timeout=10, route=mx.Route(resolver=resolver))
    assert not reached.up
    assert str(reached.reason).startswith(f"the domain {domain.lower()} is reserved")
    assert server.asked == []


async def test_a_domain_that_only_looks_reserved_is_asked_about() -> None:
    reached = await looked_at({}, address="support@contest.ch")
    assert reached.reason == "there is no domain contest.ch (DNS)"


@pytest.mark.parametrize("address", ["support@" + "x" * 70 + ".ch", "support@a..ch", "support@", "nothing"])
async def test_an_address_that_is_none_is_down(address: str) -> None:
    reached = await looked_at({}, address=address)
    assert (reached.up, bool(reached.reason)) == (False, True)


async def test_a_bad_certificate_is_told_and_does_not_stop_mail(serve: Serve, certificates: Certificates) -> None:
    heard: list[str] = []
    desk = await serve(mail_server(tls=certificates.server("other.acme-desk.ch"), heard=heard))
    reached = await looked_at(ONE_SERVER, port=desk.port, ca_file=desk.ca_file, sender="anna@inbox.ch")
    assert (reached.up, reached.certificate_expires) == (True, None)
    assert str(reached.reason).startswith("mail.acme-desk.ch: bad certificate")
    assert f"RCPT TO:<{ADDRESS}>" in heard


@pytest.mark.parametrize(
    ("answers", "up", "reason"),
    [
        ({}, True, None),
        ({"RCPT": "251 will forward"}, True, None),
        ({"RCPT": "550-5.1.1 no such\r\n550 5.1.1 user\x1b[31m"}, False, f"{REFUSES}: 550 5.1.1 no such 5.1.1 user [31m"),
        ({"RCPT": "450 4.7.1 greylisted"}, True, f"{WOULD_NOT_SAY}: 450 4.7.1 greylisted"),
        ({"RCPT": "554 5.7.1 blocked"}, True, f"{WOULD_NOT_SAY}: 554 5.7.1 blocked"),
        ({"MAIL": "550 who are you"}, True, f"{WOULD_NOT_SAY}: 550 who are you"),
    ],
)  # fmt: skip
async def test_a_server_is_asked_for_the_address_and_no_mail_is_given_to_it(
    serve: Serve, certificates: Certificates, answers: dict[str, str], up: bool, reason: str | None
) -> None:
    heard: list[str] = []
    desk = await serve(mail_server(tls=certificates.server("mail.acme-desk.ch"), answers=answers, heard=heard))
    reached = await looked_at(ONE_SERVER, port=desk.port, ca_file=desk.ca_file, sender="anna@inbox.ch")
    assert (reached.up, reached.reason) == (up, reason)
    assert heard[3] == "MAIL FROM:<anna@inbox.ch>"
    assert "DATA" not in heard
    assert list(reached.phases)[-1] == "rcpt"


@pytest.mark.parametrize("banner", ["554 go away", "421 too busy", "hello?"])
async def test_a_server_that_does_not_want_to_speak_is_down(serve: Serve, banner: str) -> None:
    desk = await serve(mail_server(answers={"banner": banner}))
    reached = await looked_at(ONE_SERVER, port=desk.port)
    assert (reached.up, reached.reason) == (False, f"mail.acme-desk.ch: the server answers the greeting with: {banner}")
