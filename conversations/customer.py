"""The handle that a scenario plays with: what a customer can do, each a durable step."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from conversations import companions, errors
from conversations.activation import Outcome
from conversations.companions import Approach, Companion, Ended
from conversations.contact import Contact
from conversations.correspondence import Correspondence, first_line
from conversations.definition import Definition
from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.records import StoredFinding
from conversations.replay import Replay
from conversations.reply import Reply, tickets
from conversations.templates import fill
from conversations.times import Times, moment, times
from conversations.world import World
from probes.mail.letter import new_message_id
from replies.finding import Finding
from replies.kind import Kind

FOREVER = Duration.parse("30 days")
"""How long a customer waits who was given no patience: nothing waits for ever."""


class Customer:
    """A mystery customer in one conversation.

    Everything that is awaited is a step: done once, remembered for ever, and given back at once when the scenario is called
    again. Take the time, chance and everything else that changes from here, never from the outside.
    """

    def __init__(self, replay: Replay, definition: Definition, world: World) -> None:
        self._replay = replay
        self._definition = definition
        self._mail = Correspondence(replay)
        self._contact = Contact(world, replay.held, definition)
        self._hours = definition.desk.business_hours
        self.random = random.Random(replay.held.id)  # noqa: S311 - the same at every replay is the point

    @property
    def name(self) -> str:
        """The name that the customer goes by."""
        return self._contact.values()["name"]

    @property
    def facts(self) -> Mapping[str, str]:
        """What this customer knows: facts of the persona, and `name`, `address`, `reference`."""
        return self._contact.values()

    @property
    def hours(self) -> BusinessHours:
        """When the desk is open; round the clock when its hours are not known."""
        return self._hours

    @property
    def confirmation(self) -> str:
        """What the page said after the last form that was sent; empty where none was."""
        said = (str(message.envelope.get("confirmation") or "") for message in reversed(self._mail.ours()))
        return next(filter(None, said), "")

    def promise(self, name: str) -> Duration | None:
        """What the desk promises (`acknowledgement`, `first_reply`, `next_reply`, `resolution`); None when it does not."""
        return self._definition.desk.promises.given().get(name)

    def patience(self, promise: str, times: int, least: Duration) -> Duration:
        """So many times the promise, but at least `least`; `least` when nothing is promised."""
        promised = self.promise(promise)
        if promised is None:
            return least
        now = moment(self._replay.held.started_at)
        return max(promised * times, least, key=lambda duration: self._hours.after(now, duration))

    # --- writing -----------------------------------------------------------------------------------------------

    async def write(
        self,
        text: str,
        *,
        subject: str | None = None,
        facts: Mapping[str, str] | None = None,
        attachments: Mapping[str, str] | None = None,
        over: str | None = None,
    ) -> None:
        """Contact the desk over the visit's channel, or `over` another one of it. `{placeholders}` in the texts stand for facts.

        `attachments`: small text files, name → text, sent as they are; over a form there are none.
        Raises Undelivered when the desk cannot be contacted, CouldNotSend when that is our fault, SendUncertain when nobody
        knows. Contacts nobody before the mailbox is known to receive.
        """
        text, subject = self.filled(text, facts), self.filled(subject or first_line(text), facts)

        def prepare() -> dict[str, Any]:
            now = self._replay.clock.now()
            return self._contact.prepare_contact(subject, text, self._message_id(), now, attachments, over)

        if over is not None and over not in self._definition.desk.channels:
            raise errors.ScenarioBroken(f"the desk has no channel {over}")
        more: dict[str, Any] = {"attachments": dict(attachments)} if attachments else {}
        more |= {"over": over} if over else {}
        await self._send("write", {"text": text, "subject": subject, **more}, prepare)

    async def answer(self, text: str, *, facts: Mapping[str, str] | None = None, closing: bool = False) -> None:
        """Answer the last message that a person wrote, in its thread; without one, follow up on our own last message.

        Automatic mail is never answered (RFC 3834). `closing` says that it is the customer's last word: no answer will prove
        that it went out, so an interrupted send is not waited for, and raises SendUncertain at once.
        """
        text = self.filled(text, facts)

        def prepare() -> dict[str, Any]:
            now = self._replay.clock.now()
            to, over = self._mail.to_answer(), self._mail.last_over()
            return self._contact.prepare_answer(to, text, self._message_id(), now, closing=closing, over=over)

        await self._send("answer", {"text": text, "closing": closing}, prepare, provable=not closing)

    # --- waiting -----------------------------------------------------------------------------------------------

    async def acknowledgement(self, *, within: Duration | None) -> Reply | None:
        """Wait for the automatic answer. None when none came in time, or when a person was faster, or without a time to wait."""
        until = within or Duration.parse("1s")

        def look() -> Outcome | errors.ConversationError | None:
            if self._mail.untaken({Kind.HUMAN}) and not self._mail.untaken({Kind.ACKNOWLEDGEMENT}):
                return {"messages": []}
            return self._mail.take({Kind.ACKNOWLEDGEMENT})

        return await self._wait("acknowledgement", until, look, lambda: {"messages": []})

    async def reply(self, *, within: Duration | None = None) -> Reply:
        """Wait for a person's reply. Raises NoReply when the customer's patience `within` runs out, Undelivered on a bounce."""
        until = within or FOREVER
        reply = await self._wait(
            "reply", until, lambda: self._mail.take({Kind.HUMAN}), lambda: errors.NoReply(f"no reply within {until}")
        )
        assert reply is not None
        return reply

    async def first_answer(self, *, within: Duration | None = None) -> Reply:
        """Wait for any sign of life, automatic or human. Raises NoReply when there is none, Undelivered on a bounce."""
        until, kinds = within or FOREVER, {Kind.ACKNOWLEDGEMENT, Kind.HUMAN}
        reply = await self._wait(
            "first_answer", until, lambda: self._mail.take(kinds), lambda: errors.NoReply(f"no answer within {until}")
        )
        assert reply is not None
        return reply

    async def closing(self, *, within: Duration) -> Reply | None:
        """Wait until the desk says that the request is closed: a notice, or a person, in a reply that was given out or not.

        None when nobody says so in time. Each is given out once; what came before it counts as read.
        """
        steps = self._replay.held.steps[: self._replay.seq]
        told = {each for step in steps if step.name == "closing" for each in step.outcome["messages"]}
        return await self._wait("closing", within, lambda: self._mail.closing(told), lambda: {"messages": []})

    async def pause(self, duration: Duration) -> None:
        """Do nothing for so long."""
        await self._wait("pause", duration, lambda: None, lambda: {"messages": []}, from_now=True)

    async def now(self) -> datetime:
        """The time, remembered."""
        return moment(await self._replay.value("now", {}, self._replay.clock.now))

    async def measured(self) -> Times:
        """The times of this conversation so far, remembered."""
        return Times.from_json(
            await self._replay.value("measured", {}, lambda: times(self._replay.held, self._hours).to_json())
        )

    async def tickets(self) -> Sequence[str]:
        """The ticket numbers that the desk has given this conversation so far, in order, remembered."""
        return tuple(await self._replay.value("tickets", {}, lambda: list(tickets(self._replay.held.messages))))

    # --- companions --------------------------------------------------------------------------------------------

    async def begin(self, name: str, scenario: str, parameters: Mapping[str, Any], *, by: Approach) -> Companion:
        """Begin a companion, once: another conversation with this desk, which plays a scenario of its own beside this one.

        `scenario`: a built-in one, or `/path/to/file.py:function`; `parameters`: what would stand under its `with:`; `by`:
        the channel, mailbox and customer that differ. Limits hold for it as for any other. Raises NotBegun when they, or a
        pause, forbid it.
        """
        if self._replay.held.parent is not None:
            raise errors.ScenarioBroken("a companion cannot begin companions")
        what = companions.definition_of(self._definition, name, scenario, parameters, by)
        arguments = {
            "name": name,
            "scenario": scenario,
            "parameters": what.parameters,
            "by": by.model_dump(mode="json"),
        }
        rng = random.Random(f"{self._replay.held.id}/{name}")  # noqa: S311 - its reference must be fresh, not secret
        operation = companions.beginning(what, self._replay.held, self._replay.clock.now(), rng)
        return Companion(name, (await self._replay.transact("begin", arguments, operation))["companion"])

    async def finished(self, companion: Companion) -> Ended:
        """Wait until a companion has ended; its verdict and its times."""
        return companions.ended(
            await self._replay.watch("finished", {"name": companion.name}, companions.ending(companion.id))
        )

    # --- judging -----------------------------------------------------------------------------------------------

    async def find(self, finding: Finding) -> None:
        """Write down what was found about the desk, with its evidence."""
        await self._replay.finding(
            StoredFinding(finding.check, finding.result, finding.rule, finding.evidence[:500], finding.value)
        )

    def fail(self, reason: str) -> errors.Failed:
        """An exception to raise when the desk did not do what a customer may expect: the verdict is `failed`."""
        return errors.Failed(reason)

    # --- how ---------------------------------------------------------------------------------------------------

    def filled(self, text: str, facts: Mapping[str, str] | None = None) -> str:
        """The text with its placeholders filled in, as `write` and `answer` do it. Raises ScenarioBroken for an unknown one."""
        try:
            return fill(text, {**self._contact.values(), **(facts or {})})
        except LookupError as error:
            raise errors.ScenarioBroken(str(error.args[0])) from error

    def _message_id(self) -> str:
        """Unique by conversation and step, and the same if the step is prepared again after a crash."""
        rng = random.Random(f"{self._replay.held.id}/{self._replay.seq}")  # noqa: S311 - unique is enough, secret it need not be
        return new_message_id(self._definition.address.rpartition("@")[2], rng)

    async def _send(
        self, name: str, arguments: Mapping[str, Any], prepare: Callable[[], dict[str, Any]], *, provable: bool = True
    ) -> None:
        def checked() -> dict[str, Any]:
            sent = len(self._mail.ours())
            if sent >= self._definition.limits.turns:
                raise errors.TooManyMessages(f"the scenario wants to write more than {sent} messages (limits.turns)")
            return prepare()

        grace = self._definition.limits.uncertain_grace.amount if provable else 0.0
        await self._replay.send(name, arguments, checked, self._contact.transmit, grace)

    async def _wait(
        self,
        name: str,
        within: Duration,
        look: Callable[[], Outcome | errors.ConversationError | None],
        expired: Callable[[], Outcome | errors.ConversationError],
        *,
        from_now: bool = False,
    ) -> Reply | None:
        def deadline() -> float:
            start = self._replay.clock.now()
            sent = [message.at for message in self._mail.ours()]
            if sent and not from_now:
                start = max(sent)
            return self._hours.after(moment(start), within).timestamp()

        outcome = await self._replay.wait(name, {"within": str(within)}, deadline, look, expired, for_mail=not from_now)
        taken = [message for message in self._replay.held.messages if message.id in set(outcome["messages"])]
        return Reply.of(taken, self._replay.held.findings)
