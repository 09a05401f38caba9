"""What can go wrong when we touch the world, and whose fault it is.

    ProbeError
    ├── DeskError               theirs: the conversation has failed
    │   ├── AddressRefused      the desk's mail server refuses the address (SMTP 5.1.x, 5.2.x)
    │   ├── PageUnreachable     the desk's page does not load: refused, timed out, bad certificate, HTTP error
    │   └── NotConfirmed        the form was submitted and no confirmation appeared
    └── BotError                ours, or unknown: the conversation is faulted
        ├── LoginRefused        a mailbox does not let us in; trying again does not help
        ├── Unreachable         a server of ours cannot be reached; a retry may help
        ├── Deferred            a server says "later" (SMTP 4xx); a retry may help
        ├── SendRefused         our own provider refuses the mail for a reason that is not the address
        ├── SendUncertain       the line broke after the point of no return: it may have gone out
        ├── FieldNotFound       the form has no such field or button: their page, or our config, is out of date
        ├── NameNotResolved     a host name has no address; a retry may help
        ├── BrowserMissing      no browser is installed, or it does not start
        └── NoOpinion           whoever should give a second opinion gives none; concerns no conversation

`retry` says whether the same call may succeed later; nothing was sent when it is true.
"""

from typing import ClassVar


class ProbeError(Exception):
    """Something went wrong at a probe; `str()` of it is one line for a person, without secrets."""

    retry: ClassVar[bool] = False


class DeskError(ProbeError):
    """The desk's side failed: a customer would have failed too."""


class AddressRefused(DeskError):
    """The address of the desk was refused for good."""


class PageUnreachable(DeskError):
    """The desk's page did not load."""


class NotConfirmed(DeskError):
    """The form was submitted, and the page did not say that it was received."""


class BotError(ProbeError):
    """Our side failed, or whose fault it is cannot be known."""


class LoginRefused(BotError):
    """Wrong password, expired or revoked token, or a login method that the server does not offer."""


class Unreachable(BotError):
    """One of our own servers cannot be reached, or the connection broke before anything was sent."""

    retry = True


class Deferred(BotError):
    """A server put us off with a temporary answer; nothing was sent."""

    retry = True


class SendRefused(BotError):
    """Our provider refuses the message itself: too large, policy, not allowed to relay."""


class SendUncertain(BotError):
    """The message or form may or may not have gone out: never do it again."""


class FieldNotFound(BotError):
    """A configured field or button is not on the page."""


class NameNotResolved(BotError):
    """A host name could not be resolved."""

    retry = True


class BrowserMissing(BotError):
    """There is no browser to be had; the message says what to install."""


class NoOpinion(BotError):
    """The judge cannot be asked, takes too long, or answers something else."""

    retry = True
