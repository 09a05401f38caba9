"""A port, and what holds for every probe: kinds of addresses, and whose fault it is that nothing was reached."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
import trustme

from probes.reach import attempt, tcp
from probes.reach.line import Address
from tests.probes.reach.conftest import EXPIRES, Certificates, Serve

Names = dict[str, list[str] | int]


async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.fixture
def no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> bool:
        return False

    monkeypatch.setattr(attempt, "name_server_answers", silent)


@pytest.fixture
def a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers() -> bool:
        return True

    monkeypatch.setattr(attempt, "name_server_answers", answers)


async def test_a_port_is_open_or_refused(serve: Serve, unused_tcp_port: int) -> None:
    desk = await serve(listens)
    reached = await tcp.probe(desk, timeout=10)
    assert (reached.up, reached.result, reached.reason) == (True, "success", None)
    refused = await tcp.probe(Address("127.0.0.1", unused_tcp_port), timeout=10)
    assert (refused.up, refused.result) == (False, "failure")
    assert refused.reason == f"no connection to 127.0.0.1 port {unused_tcp_port}: Connection refused"
    assert list(refused.phases) == ["dns", "connect"]


async def test_a_port_in_tls_tells_when_its_certificate_expires(serve: Serve, certificates: Certificates) -> None:
    reached = await tcp.probe(await serve(listens, security="tls"), timeout=10)
    assert (reached.up, reached.certificate_expires) == (True, EXPIRES)
    assert list(reached.phases) == ["dns", "connect", "tls"]
    other = await serve(listens, security="tls", certificate=certificates.server("other.example"))
    assert str((await tcp.probe(other, timeout=10)).reason).startswith("bad certificate")


async def test_authorities_that_change_are_read_anew(serve: Serve, certificates: Certificates, tmp_path: Path) -> None:
    desk = await serve(listens, security="tls")
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    trusting = Address(desk.host, desk.port, "tls", file)
    assert not (await tcp.probe(trusting, timeout=10)).up
    file.write_bytes(certificates.ca_file.read_bytes())
    os.utime(file, (1, 1))
    assert (await tcp.probe(trusting, timeout=10)).up


async def test_a_host_is_tried_over_each_kind_of_address_that_it_has(serve: Serve, names: Names) -> None:
    four = await serve(listens)
    await serve(listens, host="::1", port=four.port)
    names["both.example"] = ["::1", "127.0.0.1"]
    names["four.example"] = ["127.0.0.1"]
    both = await tcp.probe(Address("both.example", four.port), timeout=10)
    assert (both.up, both.reason, both.addresses) == (True, None, {"6": True, "4": True})
    alone = await tcp.probe(Address("four.example", four.port), timeout=10)
    assert (alone.up, alone.reason, alone.addresses) == (True, None, {"4": True})


async def test_a_broken_aaaa_record_is_seen_although_the_host_is_up(serve: Serve, names: Names) -> None:
    four = await serve(listens)
    names["desk.example"] = ["::1", "127.0.0.1"]
    reached = await tcp.probe(Address("desk.example", four.port), timeout=10)
    assert (reached.up, reached.addresses) == (True, {"6": False, "4": True})
    assert reached.reason == f"over IPv6: no connection to ::1 port {four.port}: Connection refused"


async def test_a_host_that_is_down_over_both_kinds_says_why_for_each(unused_tcp_port: int, names: Names) -> None:
    names["desk.example"] = ["127.0.0.1", "::1"]
    reached = await tcp.probe(Address("desk.example", unused_tcp_port), timeout=10)
    assert (reached.up, reached.addresses) == (False, {"6": False, "4": False})
    assert reached.reason == "; ".join(
        f"over IPv{kind}: no connection to {address} port {unused_tcp_port}: Connection refused"
        for kind, address in ((6, "::1"), (4, "127.0.0.1"))
    )


async def test_the_second_address_of_a_kind_is_tried_when_the_first_refuses(serve: Serve, names: Names) -> None:
    desk = await serve(listens)
    names["desk.example"] = ["127.0.0.2", "127.0.0.1"]
    assert (await tcp.probe(Address("desk.example", desk.port), timeout=10)).addresses == {"4": True}


async def test_a_kind_that_this_machine_has_no_way_to_says_nothing_about_the_host(
    serve: Serve, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await serve(listens)
    names["desk.example"] = ["::1", "127.0.0.1"]
    monkeypatch.setattr("probes.reach.line.has_way", lambda family, address, port: family is not socket.AF_INET6)
    reached = await tcp.probe(Address("desk.example", desk.port), timeout=10)
    assert (reached.up, reached.reason, reached.addresses) == (True, None, {"4": True})


async def test_without_a_network_it_is_our_fault_and_not_the_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.reach.line.has_way", lambda family, address, port: False)
    reached = await tcp.probe(Address("192.0.2.1", 443), timeout=10)
    assert (reached.up, reached.result, reached.addresses) == (None, "fault", {})
    assert reached.reason == "this machine has no network route to 192.0.2.1"


@pytest.mark.usefixtures("no_name_server")
async def test_when_our_name_server_is_silent_it_is_our_fault(names: Names) -> None:
    names["desk.acme-hosting.ch"] = socket.EAI_AGAIN
    reached = await tcp.probe(Address("desk.acme-hosting.ch", 443), timeout=10)
    assert (reached.up, reached.addresses) == (None, {})
    assert str(reached.reason).startswith("no name server answers this machine")


@pytest.mark.usefixtures("a_name_server")
async def test_when_only_the_name_servers_of_the_host_are_silent_it_is_theirs(names: Names) -> None:
    names["desk.acme-hosting.ch"] = socket.EAI_AGAIN
    reached = await tcp.probe(Address("desk.acme-hosting.ch", 443), timeout=10)
    assert (reached.up, reached.addresses) == (False, {})
    assert reached.reason == "the host has no address (DNS): so it was told"


@pytest.mark.usefixtures("no_name_server")
@pytest.mark.parametrize("host", ["desk.acme-hosting.ch", "no-such-host.invalid", "x" * 70 + ".ch", "a..b", ""])
async def test_a_name_that_does_not_exist_is_theirs(host: str, names: Names) -> None:
    names["desk.acme-hosting.ch"] = socket.EAI_NONAME
    names["no-such-host.invalid"] = socket.EAI_AGAIN  # nobody need be asked to know that
    reached = await tcp.probe(Address(host, 1), timeout=10)
    assert (reached.up, reached.result) == (False, "failure")
    assert reached.reason
