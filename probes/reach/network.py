"""Where an address lies, and whether a failure is ours: no network, no name server."""

import ipaddress
import socket

import dns.asyncresolver
import dns.exception
import dns.resolver

ANSWER_WITHIN = 2.0

PUBLIC, PRIVATE, LOCAL = 0, 1, 2

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def depth(address: str) -> int:
    """How far inside it lies, as browsers see it: PUBLIC, PRIVATE (not of the internet), LOCAL (this machine or its link)."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or _translated(found) or found
    if found.is_loopback or found.is_link_local or found.is_unspecified:
        return LOCAL
    return PUBLIC if found.is_global else PRIVATE


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a NAT64 makes of it (RFC 6052)."""
    return ipaddress.IPv4Address(address.packed[-4:]) if address in _NAT64 else None


def has_way(family: socket.AddressFamily, address: str, port: int) -> bool:
    """Whether this machine has a network that leads there. Nothing is sent: the kernel only looks for a route."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect((address, port))
    except OSError:
        return False
    return True


async def name_server_answers(resolver: dns.asyncresolver.Resolver | None = None) -> bool:
    """Whether a name server of this machine (or of `resolver`) answers at all, if only with a refusal; it is asked for the
    root.
    """
    try:
        await (resolver or dns.asyncresolver.Resolver()).resolve(
            ".", "NS", lifetime=ANSWER_WITHIN, search=False, raise_on_no_answer=False
        )
    except dns.resolver.NoNameservers as error:  # each said something that helps no further, or could not be asked
        return any(answer is not None for *_, answer in error.kwargs["errors"])
    except (dns.exception.Timeout, dns.resolver.NoResolverConfiguration, OSError):
        return False
    except dns.exception.DNSException:
        return True
    return True
