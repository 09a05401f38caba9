"""What may be made to go wrong at the demo's mail server, and it does so at once.

Everything is off by default. A number is how many times it still happens; it counts down.
"""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(slots=True)
class ImapFaults:
    """Faults of the IMAP server; each is looked at when it could happen, on new and on open connections."""

    bye: str | None = None
    """Greet with `* BYE` and this text instead of letting the client in."""
    refuse_login: bool = False
    """Refuse every login, whatever the password."""
    login_answer: str = "NO [AUTHENTICATIONFAILED] wrong user name or password"
    """The answer to a refused login, e.g. `NO [LIMIT] too many connections`."""
    cut_after: int | None = None
    """Every connection breaks when it sends one command more than this."""
    cuts: int | None = None
    """How many connections `cut_after` may still cut; None is all."""
    stall: bool = False
    """Take commands and never answer; the line stays up."""
    deaf_idle: bool = False
    """Accept IDLE and never push anything."""
    idle: bool = True
    """Whether IDLE is offered at all."""
    slow: float = 0.0
    """Seconds of waiting before every command."""


@dataclass(slots=True)
class SmtpFaults:
    """Faults of the SMTP server."""

    refuse_login: bool = False
    """Answer 535 to every login."""
    defer_rcpt: int = 0
    """Answer 451 to this many RCPT commands, as greylisting does."""
    defer_data: int = 0
    """Answer 451 to this many mails after DATA; they are not delivered."""
    refuse_rcpt: str | None = None
    """The answer to every RCPT, e.g. `550 5.7.1 not from you`."""
    refuse_data: str | None = None
    """The answer to every mail after DATA, e.g. `552 5.3.4 too large`."""
    drop_after_data: int = 0
    """Break the line after this many mails, when all of the mail is here and before the 250."""
    dropped_are_delivered: bool = True
    """Whether a mail whose line broke so was delivered all the same."""
    stall_hello: bool = False
    """Never answer EHLO."""
    stall_data: int = 0
    """Never answer after DATA, for this many mails; they are delivered."""
    folder: str = "INBOX"
    """The folder where mail is delivered to: `Junk` plays a spam filter."""
    reply: str = "250 2.0.0 delivered"
    """The answer to a mail that was taken."""


@dataclass(slots=True)
class Faults:
    """All faults of one mail server."""

    imap: ImapFaults = field(default_factory=ImapFaults)
    smtp: SmtpFaults = field(default_factory=SmtpFaults)
    skew: timedelta = timedelta(0)
    """How far the server's clock is ahead of the true one; negative is behind."""
