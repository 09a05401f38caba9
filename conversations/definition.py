"""Everything that a conversation needs to know, as it was when it began."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from conversations.visit import Channel, Desk, Limits, Persona


class Sender(BaseModel):
    """A mailbox of ours, as far as a letter shows it: its address without plus-addressing, and whose it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    address: str
    plus: str | None  # the separator for plus-addressing; None when the mailbox has none
    name: str | None


class Definition(BaseModel):
    """A visit, joined with what it refers to; kept in the conversation, so that a later change of the config does not touch it.

    It names the mailbox and holds no secrets.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    visit: str
    desk_name: str
    desk: Desk
    channel_name: str
    channel: Channel
    mailbox: str
    address: str  # of our mailbox, without plus-addressing
    plus: str | None  # the separator for plus-addressing; None when the mailbox has none
    persona: Persona
    scenario: str  # a built-in name, or an absolute path and a function
    parameters: dict[str, Any]  # what stands under `with:`
    limits: Limits
    senders: dict[str, Sender] = {}  # mailboxes that the parameters name: companions may write from them

    def facts(self) -> dict[str, str]:
        """What the customer knows: facts of the persona, and those that stand under `with:`."""
        own = self.parameters.get("facts")
        return {**self.persona.facts, **({str(k): str(v) for k, v in own.items()} if isinstance(own, dict) else {})}
