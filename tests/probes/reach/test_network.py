"""How far inside an address lies, and whether our own name server speaks, over sockets on loopback."""

import asyncio
import socket
from typing import cast

import dns.asyncresolver
import dns.message
import dns.rcode
import pytest

from probes.reach.network import LOCAL, PRIVATE, PUBLIC, depth, has_way, name_server_answers


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("9.9.9.9", PUBLIC),
        ("2620:fe::fe", PUBLIC),
        ("10.1.2.3", PRIVATE),
        ("192.168.1.1", PRIVATE),
        ("100.64.0.1", PRIVATE),
        ("fd00::1", PRIVATE),
        ("::ffff:10.1.2.3", PRIVATE),
        ("64:ff9b::10.1.2.3", PRIVATE),
        ("64:ff9b::9.9.9.9", PUBLIC),
        ("2002:7f00:1::", LOCAL),  # 6to4 of 127.0.0.1
        ("127.0.0.1", LOCAL),
        ("::1", LOCAL),
        ("::ffff:127.0.0.1", LOCAL),
        ("0.0.0.0", LOCAL),
        ("169.254.169.254", LOCAL),
        ("fe80::1%eth0", LOCAL),
    ],
)
def test_an_address_lies_outside_inside_or_on_this_machine(address: str, expected: int) -> None:
    assert depth(address) == expected


def test_there_is_a_way_to_loopback_and_none_to_nonsense() -> None:
    assert has_way(socket.AF_INET, "127.0.0.1", 80)
    assert not has_way(socket.AF_INET6, "not an address", 80)


class NameServer(asyncio.DatagramProtocol):
    """Answers everything with one code."""

    def __init__(self, rcode: dns.rcode.Rcode | None) -> None:
        self.rcode = rcode

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.rcode is not None:
            answer = dns.message.make_response(dns.message.from_wire(data))
            answer.set_rcode(self.rcode)
            self.transport.sendto(answer.to_wire(), addr)


@pytest.mark.parametrize(
    ("rcode", "answers"),
    [
        (dns.rcode.NOERROR, True),
        (dns.rcode.REFUSED, True),
        (dns.rcode.SERVFAIL, True),
        (dns.rcode.NXDOMAIN, True),
        (None, False),
    ],
)
async def test_a_name_server_answers_with_whatever_it_says(
    rcode: dns.rcode.Rcode | None, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.reach.network.ANSWER_WITHIN", 0.3)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(rcode), local_addr=("127.0.0.1", 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    try:
        assert await name_server_answers(resolver) is answers
    finally:
        transport.close()


async def test_a_machine_where_no_name_server_listens_has_none(unused_tcp_port: int) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], unused_tcp_port
    assert not await name_server_answers(resolver)
