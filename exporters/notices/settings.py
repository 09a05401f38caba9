"""Settings of the places that are told."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from conversations.visit import Name
from exporters.notices import apprise
from probes.mail.account import Address, secrets_travel_encrypted
from probes.secret import Secret
from probes.settings import Settings

Event = Literal["failed", "faulted", "overdue", "mailbox", "recovered"]
"""What a place may be told of: whatever conversations.notice.What can go wrong, and that it is over."""

EVENTS: Final[tuple[Event, ...]] = get_args(Event)


def _http_address(url: Secret) -> Secret:
    if url.known:
        secrets_travel_encrypted(url.reveal())
    return url


def _service(url: Secret) -> Secret:
    if url.known:
        apprise.service(url)
    return url


HttpAddress = Annotated[Secret, AfterValidator(_http_address)]
"""An https address, or http of a loopback host; a secret, since whoever knows it may post there."""


class Place(Settings):
    """A place that is told, and what it is told of."""

    webhook: Annotated[HttpAddress | None, Field(description="An address that takes our JSON by POST (a secret)")] = (
        None
    )
    slack: Annotated[
        HttpAddress | None,
        Field(description="An incoming webhook of Slack, or of what understands the same (a secret)"),
    ] = None
    email: Annotated[Address | None, Field(description="An e-mail address; `mailbox` sends")] = None
    mailbox: Annotated[Name | None, Field(description="Name of the mailbox of ours that sends to `email`")] = None
    apprise: Annotated[
        Annotated[Secret, AfterValidator(_service)] | None,
        Field(description="Any other service, as an URL of Apprise (a secret)"),
    ] = None
    on: Annotated[frozenset[Event], Field(min_length=1, description="What it is told of; default: everything")] = (
        frozenset(EVENTS)
    )
    desks: Annotated[
        tuple[Name, ...] | None, Field(min_length=1, description="Names of the desks it is told of; default: all")
    ] = None
    after: Annotated[
        int, Field(ge=1, le=100, description="Conversations of a visit that fail or fault in a row before it is told")
    ] = 2

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.webhook, self.slack, self.email, self.apprise)) != 1:
            raise ValueError("should have exactly one of webhook, slack, email and apprise")
        if (self.email is None) != (self.mailbox is None):
            raise ValueError("email and mailbox belong together: who is written to, and which mailbox of ours sends")
        return self
