"""What no part of the config can see alone: that its parts fit together."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from conversations.control import Mailbox
from conversations.scenario import Scenario, Stage
from conversations.templates import PLACEHOLDER, placeholders
from conversations.visit import Desk, EmailChannel, Visit
from mysterybot.complaints import ConfigError, at, complaints, suggestion
from mysterybot.yamlfile import Node
from probes.form.channel import FormChannel

ScenarioSource = Callable[[str, Path], Scenario]
"""Finds a scenario by what stands under `scenario:` and the folder of the config; LookupError or ValueError if not."""

PLACEHOLDERS: Final = frozenset({"name", "address", "subject", "body", "reference"})
"""What the templates of form fields may hold, besides the facts of the persona."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a config by name; None stands for one that is wrong in itself, so that its name is still known."""

    mailboxes: Mapping[str, Mailbox | None]
    desks: Mapping[str, Desk | None]
    visits: Mapping[str, Visit | None]


def cross_check(parts: Parts, root: Node, base: Path, scenarios: ScenarioSource | None) -> Iterator[ConfigError]:
    """Everything that does not fit together."""
    yield from _addresses(parts, root)
    yield from _templates(parts, root)
    yield from _control(parts, root)
    yield from _reach(parts, root)
    yield from _notify(parts, root)
    visits = root.child("visits")
    for name in parts.visits:
        # As it is written, so that what a visit refers to is checked even when something else in it is wrong.
        node = visits.child(name) if visits is not None else None
        written = node.plain() if node is not None else None
        if isinstance(written, Mapping):
            yield from _references(parts, name, written, root)
            if scenarios is not None:
                yield from _scenario(parts, name, written, root, base, scenarios)


def _addresses(parts: Parts, root: Node) -> Iterator[ConfigError]:
    owners: dict[str, str] = {}
    for name, account in parts.mailboxes.items():
        if account is None:
            continue
        first = owners.setdefault(account.address.lower(), name)
        if first != name:
            yield at(root, ("mailboxes", name, "address"), f"{first} has this address too; a mailbox has its own")
    for desk_name, desk in parts.desks.items():
        for channel_name, channel in desk.channels.items() if desk else ():
            if isinstance(channel, EmailChannel) and channel.email.lower() in owners:
                owner = owners[channel.email.lower()]
                where = ("desks", desk_name, "channels", channel_name, "email")
                yield at(root, where, f"this is the address of our own mailbox {owner}; it would write to itself")


def _control(parts: Parts, root: Node) -> Iterator[ConfigError]:
    for name, mailbox in parts.mailboxes.items():
        to = mailbox.control.to if mailbox and mailbox.control else None
        if to is not None and to not in parts.mailboxes:
            where = ("mailboxes", name, "control", "to")
            yield at(root, where, f"no such mailbox; {suggestion(to, parts.mailboxes, 'there are')}")


def _reach(parts: Parts, root: Node) -> Iterator[ConfigError]:
    reach = root.child("reach")
    for section in ("urls", "tcp"):
        node = reach.child(section) if reach is not None else None
        written = node.plain() if node is not None else None
        for name, target in written.items() if isinstance(written, Mapping) else ():
            desk = target.get("desk") if isinstance(target, Mapping) else None
            if isinstance(desk, str) and desk not in parts.desks:
                where = ("reach", section, name, "desk")
                yield at(root, where, f"no such desk; {suggestion(desk, parts.desks, 'there are')}")


def _notify(parts: Parts, root: Node) -> Iterator[ConfigError]:
    node = root.child("notify")
    written = node.plain() if node is not None else None
    ours = {account.address.lower(): f"our own mailbox {name}" for name, account in parts.mailboxes.items() if account}
    theirs = {
        channel.email.lower(): f"the desk {name}"
        for name, desk in parts.desks.items()
        for channel in (desk.channels.values() if desk else ())
        if isinstance(channel, EmailChannel)
    }
    for name, place in written.items() if isinstance(written, Mapping) else ():
        if not isinstance(place, Mapping):
            continue
        where = ("notify", name)
        mailbox, email, desks = place.get("mailbox"), place.get("email"), place.get("desks")
        if isinstance(mailbox, str) and mailbox not in parts.mailboxes:
            hint = suggestion(mailbox, parts.mailboxes, "there are")
            yield at(root, (*where, "mailbox"), f"no such mailbox; {hint}")
        if isinstance(email, str) and (whose := (theirs | ours).get(email.lower())):
            yield at(root, (*where, "email"), f"this is the address of {whose}; notices go to people of yours")
        for index, desk in enumerate(desks if isinstance(desks, list) else ()):
            if isinstance(desk, str) and desk not in parts.desks:
                hint = suggestion(desk, parts.desks, "there are")
                yield at(root, (*where, "desks", index), f"no such desk; {hint}")


def _references(parts: Parts, name: str, written: Mapping[str, object], root: Node) -> Iterator[ConfigError]:
    def unknown(field: str, known: Mapping[str, object]) -> Iterator[ConfigError]:
        reference = written.get(field)
        if isinstance(reference, str) and reference not in known:
            yield at(root, ("visits", name, field), f"no such {field}; {suggestion(reference, known, 'there are')}")

    yield from unknown("mailbox", parts.mailboxes)
    yield from unknown("desk", parts.desks)
    desk = parts.desks.get(str(written.get("desk")))
    if desk is None:
        return
    yield from unknown("channel", desk.channels)
    channel = desk.channels.get(str(written.get("channel")))
    visit = parts.visits[name]
    if visit is None or not isinstance(channel, FormChannel):
        return
    for fact in sorted(_wanted(channel) - PLACEHOLDERS - set(visit.persona.facts)):
        if any(fact in other.persona.facts for other in parts.visits.values() if other):  # else the template is wrong
            yield at(root, ("visits", name, "persona"), f"lacks the fact {fact}, which a field of the form asks for")


def _templates(parts: Parts, root: Node) -> Iterator[ConfigError]:
    facts = {fact for visit in parts.visits.values() if visit for fact in visit.persona.facts}
    for desk_name, desk in parts.desks.items():
        for channel_name, channel in desk.channels.items() if desk else ():
            for label, template in channel.fields.items() if isinstance(channel, FormChannel) else ():
                for mistake in _mistakes(template, facts):
                    yield at(root, ("desks", desk_name, "channels", channel_name, "fields", label), mistake)


def _mistakes(template: str, facts: set[str]) -> Iterator[str]:
    known = sorted(PLACEHOLDERS | facts)
    for placeholder in sorted(placeholders(template) - set(known)):
        yield f"unknown placeholder; {suggestion(placeholder, known, 'known')}"
    # What looks like one and is none would reach the desk as it is.
    if re.search(r"\{[^{}]*\}", PLACEHOLDER.sub("", template)):
        yield f"should hold plain placeholders such as {{name}}; known: {', '.join(known)}"


def _wanted(channel: FormChannel) -> set[str]:
    return {placeholder for template in channel.fields.values() for placeholder in placeholders(template)}


def _scenario(
    parts: Parts, name: str, written: Mapping[str, object], root: Node, base: Path, scenarios: ScenarioSource
) -> Iterator[ConfigError]:
    where = ("visits", name)
    reference, given = written.get("scenario"), written.get("with", {})
    if not isinstance(reference, str) or not reference or not isinstance(given, Mapping):
        return  # said already
    try:
        scenario = scenarios(reference, base)
    except (LookupError, ValueError, TypeError, ImportError, OSError) as error:
        # str() of a KeyError would be in quotes.
        message = str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
        yield at(root, (*where, "scenario"), message)
        return
    try:
        scenario.parameters(given, _stage(parts, name, written))
    except ValidationError as error:
        yield from complaints(error, root, scenario.settings, (*where, "with"))
    except Exception as error:  # a stranger's own checks: anything may come
        yield at(root, (*where, "with"), f"the scenario's own check broke: {type(error).__name__}")


def _stage(parts: Parts, name: str, written: Mapping[str, object]) -> Stage | None:
    """What stands around the visit; None when that is wrong, which was said already."""
    visit, desk = parts.visits[name], parts.desks.get(str(written.get("desk")))
    if visit is None or desk is None:
        return None
    return Stage(desk.channels, parts.mailboxes, visit.persona, desk.hours)
