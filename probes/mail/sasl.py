"""Logging in with an access token: the SASL mechanisms OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's, and others')."""

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass

from probes.mail.connecting import one_line

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""In the order in which they are taken."""


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """What a client says; base64, as IMAP and SMTP want it."""

    mechanism: str
    initial: bytes
    to_challenge: bytes
    """The answer to the error that a server tells as a challenge; the refusal itself follows it."""


def offered(mechanisms: Collection[str]) -> str | None:
    """The mechanism to take of those that a server offers (upper case), None when it takes no tokens."""
    return next((name for name in MECHANISMS if name in mechanisms), None)


def exchange(mechanism: str, *, user: str, token: str, host: str, port: int) -> Exchange:
    """The words of a login as `user` at `host`."""
    if mechanism == "XOAUTH2":
        return Exchange(mechanism, _base64(f"user={user}\1auth=Bearer {token}\1\1"), b"")
    name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    said = f"n,a={name},\1host={host}\1port={port}\1auth=Bearer {token}\1\1"
    return Exchange(mechanism, _base64(said), _base64("\1"))


def error_status(challenge: bytes) -> str:
    """The `status` of an error challenge (RFC 7628 section 3.2.2), or "" for any other challenge."""
    try:
        told = json.loads(base64.b64decode(challenge[:8192], validate=True))
        return one_line(told["status"])
    except (binascii.Error, ValueError, LookupError, TypeError, RecursionError):
        return ""


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())
