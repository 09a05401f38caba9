"""Domains that no name server of the internet knows."""

RESERVED = frozenset(
    (
        *("test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"),  # RFC 2606, RFC 6761
        *("local", "onion", "alt", "internal", "home.arpa"),  # RFC 6762, RFC 7686, RFC 9476, ICANN 2024, RFC 8375
    )
)
"""They are for tests and local use: mail of the world never reaches them."""


def reserved(domain: str) -> bool:
    """Whether it is one of them, or lies below one."""
    labels = domain.lower().split(".")
    return any(".".join(labels[-length:]) in RESERVED for length in (1, 2))
