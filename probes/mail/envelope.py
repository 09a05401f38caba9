"""The envelope of a mail: who it is from and to, as SMTP carries it beside the mail itself (RFC 5321 section 2.3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import aiosmtplib
from aiosmtplib.protocol import normalize_message_line_endings

from probes.errors import SendRefused
from probes.mail.addresses import wire_address


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a mail is from and to, and what a server must be able to do for it."""

    sender: str
    recipients: Mapping[str, str]  # as the caller wrote it -> as it goes over the wire
    size: int
    utf8: bool
    eight_bit: bool

    @classmethod
    def of(cls, mail: bytes, sender: str, recipients: Sequence[str]) -> Self:
        """The envelope of `mail`. Raises ValueError for addresses that are none, and when there is no recipient."""
        if not recipients:
            raise ValueError("a mail needs a recipient")
        wire = {recipient: wire_address(recipient) for recipient in recipients}
        from_ = wire_address(sender)
        return cls(
            sender=from_,
            recipients=wire,
            size=len(normalize_message_line_endings(mail)),
            utf8=not (from_ + "".join(wire.values())).isascii(),
            eight_bit=not mail.isascii(),
        )

    def options(self, smtp: aiosmtplib.SMTP) -> list[str]:
        """The parameters of MAIL. Raises SendRefused, with nothing sent, when this server cannot carry the mail."""
        options = []
        if smtp.supports_extension("size"):  # RFC 1870
            limit = smtp.esmtp_extensions.get("size", "").strip()
            if limit.isdecimal() and 0 < int(limit) < self.size:
                raise SendRefused(f"the mail has {self.size} bytes, {smtp.hostname} takes at most {int(limit)}")
            options.append(f"SIZE={self.size}")
        if self.utf8:  # RFC 6531
            if not smtp.supports_extension("smtputf8"):
                raise SendRefused(f"{smtp.hostname} cannot send to or from an address beyond ASCII (no SMTPUTF8)")
            options.append("SMTPUTF8")
        if self.eight_bit:  # RFC 6152
            if not smtp.supports_extension("8bitmime"):
                raise SendRefused(f"{smtp.hostname} cannot send 8-bit mail (no 8BITMIME)")
            options.append("BODY=8BITMIME")
        return options
