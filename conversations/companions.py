"""Companions: conversations that a conversation begins, such as the same question over another channel.

A companion is a conversation of its own, with its own reference, times, promises and verdict, under the labels of its own
channel and as visit `VISIT/NAME`. Its key is that name and the due time of the conversation that began it, and its row is
written in the transaction of the step that begins it: it is begun once, whenever the process dies. The transaction that
ends it wakes the other.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from sqlalchemy.engine import Connection

from conversations import errors
from conversations.definition import Definition, Sender
from conversations.journal import lifecycle
from conversations.records import Conversation, Verdict
from conversations.scenario import Stage
from conversations.start import REASONS, NotStarted, begin
from conversations.times import Times, times
from conversations.visit import Persona

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


def _channel(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Stage):
        info.context.check("channel", name, info.context.channels)
    return name


def _mailbox(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Stage):
        info.context.check("mailbox", name, info.context.mailboxes)
    return name


ChannelName = Annotated[str, AfterValidator(_channel), Field(description="Name of a channel of the visit's desk")]
"""As a setting of a scenario: checked when the config is read."""

MailboxName = Annotated[str, AfterValidator(_mailbox), Field(description="Name of a mailbox")]
"""As a setting of a scenario: checked when the config is read."""


class Approach(BaseModel):
    """Another way to come to the same desk: what is left out is the visit's own.

    With another mailbox and no persona, the customer is the one of that mailbox.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    channel: ChannelName | None = None
    mailbox: MailboxName | None = None
    persona: Persona | None = None

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if self == type(self).model_construct():
            raise ValueError("should have at least one of channel, mailbox and persona")
        return self


@dataclass(frozen=True, slots=True)
class Companion:
    """A companion that was begun: the name that it was given, and its id."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a companion ended."""

    verdict: Verdict
    reason: str
    times: Times


def definition_of(own: Definition, name: str, scenario: str, parameters: Mapping[str, Any], by: Approach) -> Definition:
    """What a companion of this conversation needs to know. Raises ScenarioBroken for what cannot be."""
    if NAME.fullmatch(name) is None:  # it becomes a label of metrics
        raise errors.ScenarioBroken("the name of a companion is made of letters, digits, - _ and . (32 at most)")
    channel, mailbox = by.channel or own.channel_name, by.mailbox or own.mailbox
    if channel not in own.desk.channels:
        raise errors.ScenarioBroken(f"a companion needs a channel of the desk; there is no {channel}")
    sender = own.senders.get(mailbox)
    if mailbox == own.mailbox:
        sender = Sender(address=own.address, plus=own.plus, name=own.persona.name)
    if sender is None:
        raise errors.ScenarioBroken(f"a companion needs a mailbox that the visit's settings name; {mailbox} is not")
    persona = by.persona or own.persona.model_copy(update={"name": None})
    return own.model_copy(
        update={
            "visit": f"{own.visit}/{name}",
            "channel_name": channel,
            "channel": own.desk.channels[channel],
            "mailbox": mailbox,
            "address": sender.address,
            "plus": sender.plus,
            "persona": persona if persona.name else persona.model_copy(update={"name": sender.name}),
            "scenario": scenario,
            "parameters": dict(parameters),
        }
    )


def beginning(
    what: Definition, parent: Conversation, now: float, rng: Random
) -> Callable[[Connection], Mapping[str, Any] | errors.ConversationError]:
    """An operation that begins it, within the limits and unless contact is paused: the outcome of its step."""
    companion_id = secrets.token_hex(8)

    def operation(connection: Connection) -> Mapping[str, Any] | errors.ConversationError:
        begun = begin(
            connection,
            what,
            conversation_id=companion_id,
            due_at=parent.due_at,
            now=now,
            location=parent.location,
            rng=rng,
            open_allowed=None,
            scheduled=False,
            parent=parent.id,
        )
        if not isinstance(begun, NotStarted):
            return {"companion": begun}
        if begun.reason == "exists":
            return errors.ScenarioBroken("the scenario begins two companions of one name")
        return errors.NotBegun(f"its companion {what.visit} was not begun: {REASONS[begun.reason]}")

    return operation


def ending(companion_id: str) -> Callable[[Connection], Mapping[str, Any] | None]:
    """An operation that tells how it ended, as the outcome of a step; None while it is open."""

    def operation(connection: Connection) -> Mapping[str, Any] | None:
        whole = lifecycle.load(connection, companion_id)
        if whole is None:
            raise errors.ScenarioBroken("its companion has vanished from the journal")
        if whole.verdict is None:
            return None
        hours = Definition.model_validate_json(whole.definition).desk.business_hours
        return {"verdict": whole.verdict, "reason": whole.reason or "", "times": times(whole, hours).to_json()}

    return operation


def ended(outcome: Mapping[str, Any]) -> Ended:
    """The outcome of that step as a scenario sees it."""
    return Ended(Verdict(outcome["verdict"]), outcome["reason"], Times.from_json(outcome["times"]))
