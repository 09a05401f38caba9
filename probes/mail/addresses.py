"""Addresses as they go over the wire."""

import re

# Narrower than RFC 5322: nothing that another parser may read as two addresses, a comment or the end of a command.
_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\]{1,64}@[^\s<>@,;:\"()\\]{1,253}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def wire_address(address: str) -> str:
    """`address` with its domain in ASCII (IDNA). Raises ValueError when it is none, or could break out of its place."""
    if not _ADDRESS.fullmatch(address) or _CONTROL.search(address):
        raise ValueError("an address should be local@domain, without spaces or brackets")
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def can_be_written_to(address: str) -> bool:
    """Is it one that goes over the wire?"""
    try:
        return bool(wire_address(address))
    except ValueError:
        return False


def ascii_domain(domain: str) -> str:
    """The domain as it goes over the wire (IDNA). Raises ValueError when there is no such form."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("the domain has no ASCII form") from None
