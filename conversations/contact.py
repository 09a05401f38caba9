"""How a message of the customer gets out: over e-mail or over a form, decided once and then carried out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from conversations.definition import Definition
from conversations.journal import aggregates, messages, steps
from conversations.records import Conversation, StoredFinding, StoredMessage, to_json
from conversations.templates import fill
from conversations.transmission import NotSent, Sent
from conversations.visit import Channel
from conversations.world import World
from probes.contact import PointOfNoReturn
from probes.errors import AddressRefused, DeskError, ProbeError
from probes.form.browser import Submitted
from probes.form.channel import FormChannel
from probes.mail.addresses import can_be_written_to
from probes.mail.letter import Attachment, Letter, compose
from replies.finding import quoted

DISCLOSURE_HEADER = {"X-Mysterybot": "this message is a test of your customer support"}
DISCLOSURE_CLOSING = (
    "PS: This was a test of your customer support by mysterybot; no real customer is waiting. Thank you."
)


class Contact:
    """Prepares and sends what the customer of one conversation writes.

    `prepare_…` makes every choice and returns the intent, plain JSON; `transmit` acts on an intent, in this life of the
    process or in a later one.
    """

    def __init__(self, world: World, conversation: Conversation, definition: Definition) -> None:
        self.world, self.conversation, self.definition = world, conversation, definition

    @property
    def address(self) -> str:
        """Our address in this conversation: with a plus-token where the mailbox has them, the same from first to last."""
        local, _, domain = self.definition.address.rpartition("@")
        if self.definition.plus is None:
            return self.definition.address
        return f"{local}{self.definition.plus}{self.conversation.reference.lower()}@{domain}"

    def values(self) -> dict[str, str]:
        """What placeholders stand for in this conversation."""
        persona = self.definition.persona
        return {
            **{name: str(value) for name, value in persona.facts.items()},
            "name": persona.name or self.definition.address,
            "address": self.address,
            "reference": self.conversation.reference,
        }

    def prepare_contact(
        self,
        subject: str,
        text: str,
        message_id: str,
        now: float,
        attachments: Mapping[str, str] | None = None,
        over: str | None = None,
    ) -> dict[str, Any]:
        """The intent of a new contact over the visit's channel, or `over` another one of the desk.

        `attachments`: name → text; a form takes none.
        """
        channel = self._channel(over)
        subject, text = self._with_reference(channel, subject, text)
        if isinstance(channel, FormChannel):
            values = self.values() | {"subject": subject, "body": text}
            fields = {field: fill(template, values) for field, template in channel.fields.items()}
            message = self._message(f"form:{message_id}", None, subject, text, channel.form)
            return {"form": fields, "over": over, "message": message}
        intent = self._mail_intent(subject, text, message_id, channel.email, now, over=over)
        if attachments:
            intent["letter"]["attachments"] = dict(attachments)
        return intent

    def _channel(self, name: str | None) -> Channel:
        return self.definition.channel if name is None else self.definition.desk.channels[name]

    def _with_reference(self, channel: Channel, subject: str, text: str) -> tuple[str, str]:
        """See to it that the message carries what an answer without threading headers is known by.

        In the subject, since acknowledgements quote that more often than the text; in the text where a form has no subject.
        """
        reference = self.conversation.reference
        templates = set(channel.fields.values()) if isinstance(channel, FormChannel) else {"{subject}"}
        if any("{reference}" in template for template in templates):
            return subject, text
        if any("{subject}" in template for template in templates):
            return (subject if reference in subject else f"{subject} ({reference})"), text
        return subject, (text if reference in text else f"{text.rstrip()}\n\n({reference})")

    def prepare_answer(
        self, to: StoredMessage, text: str, message_id: str, now: float, *, closing: bool, over: str | None = None
    ) -> dict[str, Any]:
        """The intent of an answer within the thread of a message, ours or theirs (RFC 5322 §3.6.4).

        `over`: as of `prepare_contact`, the channel that the thread belongs to.
        """
        if closing and self.definition.desk.disclosure == "closing":
            text = f"{text}\n\n{DISCLOSURE_CLOSING}"
        subject = "".join(char if char.isprintable() else " " for char in to.subject)  # theirs may hold anything
        subject = subject if subject[:3].lower() == "re:" else f"Re: {subject}"
        recipient = _who_takes_answers(to) if to.inbound else to.recipient
        parent = [to.message_id] if to.message_id else []
        references = [*to.envelope.get("references", ()), *parent][-20:]
        return self._mail_intent(
            subject, text, message_id, recipient, now, parent=to.message_id, references=references, over=over
        )

    async def transmit(self, intent: Mapping[str, Any], point_of_no_return: PointOfNoReturn) -> Sent:
        """Send what was intended; `transmission.Transmit`."""
        await self.world.mailbox_ready(self.definition.mailbox)
        if "form" in intent:
            return await self._submit(intent, point_of_no_return)
        letter = intent["letter"]
        try:
            if not can_be_written_to(letter["to"]):
                raise AddressRefused(f"the desk's mail names no address to answer to: {letter['to'][:100]!a}")
            accepted = await self.world.send_mail(
                self.definition.mailbox,
                _composed(letter),
                sender=letter["sender"],
                recipients=[letter["to"]],
                point_of_no_return=point_of_no_return,
            )
        except DeskError as error:
            if not letter["references"]:
                raise
            raise NotSent(error, (self._answer_refused(error),)) from error
        also: tuple[Callable[[Any], object], ...] = ()
        if accepted.server_message_id:  # the provider gave it another Message-ID: answers will refer to that one
            clue = [("message_id", accepted.server_message_id)]
            also = (lambda c: messages.add_clues(c, self.definition.mailbox, self.conversation.id, clue),)
        return Sent({**intent["message"], "at": accepted.at.timestamp()}, also)

    def _answer_refused(self, error: DeskError) -> Callable[[Any], object]:
        """The finding that the desk does not take answers to its own mail."""
        found = StoredFinding("threading", "problem", "threading.refused", quoted(str(error)))
        return steps.add_finding(self.conversation.id, found)

    async def _submit(self, intent: Mapping[str, Any], point_of_no_return: PointOfNoReturn) -> Sent:
        over = intent.get("over")
        channel = self._channel(over)
        assert isinstance(channel, FormChannel)
        folder = self.world.evidence_folder(self.conversation.id)
        before = set(folder.glob("*"))
        clicked = self.world.now()

        async def click() -> None:
            nonlocal clicked
            clicked = self.world.now()  # the customer begins to wait here, not when the page has said thank you
            await point_of_no_return()

        try:
            submitted = await self.world.submit_form(channel, intent["form"], evidence=folder, point_of_no_return=click)
        except ProbeError as error:
            made = sorted(set(folder.glob("*")) - before)
            now = self.world.now().timestamp()
            kinds = {".zip": "trace", ".jpg": "screenshot"}
            shown = tuple(self._evidence(kinds[path.suffix], path, now) for path in made if path.suffix in kinds)
            raise NotSent(error, shown) from error
        also = [self._observed(over, submitted, clicked.timestamp())]
        if submitted.screenshot is not None:
            also.append(self._evidence("screenshot", submitted.screenshot, clicked.timestamp()))
        envelope = {
            "phases": dict(submitted.phases),
            "page": submitted.page,
            "confirmation": submitted.confirmation,
            "url": submitted.url,
            **({"channel": over} if over else {}),
        }
        message = {**intent["message"], "at": clicked.timestamp(), "envelope": to_json(envelope)}
        return Sent(message, tuple(also))

    def _observed(self, over: str | None, submitted: Submitted, at: float) -> Callable[[Any], object]:
        channel = over or self.conversation.channel
        return partial(
            aggregates.observe,
            histogram="form_submit_seconds",
            labels={"visit": self.conversation.visit, "desk": self.conversation.desk, "channel": channel},
            seconds=sum(submitted.phases.values()),
            by=aggregates.By(self.conversation.id, at),
        )

    def _evidence(self, kind: str, path: Path, at: float) -> Callable[[Any], object]:
        folder = self.world.evidence_folder(self.conversation.id)
        return steps.add_evidence(self.conversation.id, kind, f"{self.conversation.id}/{path.relative_to(folder)}", at)

    def _mail_intent(
        self,
        subject: str,
        text: str,
        message_id: str,
        to: str,
        now: float,
        parent: str | None = None,
        references: list[str] | None = None,
        over: str | None = None,
    ) -> dict[str, Any]:
        letter = {
            "sender_name": self.definition.persona.name or "",
            "sender": self.address,
            "to": to,
            "subject": subject,
            "text": text,
            "message_id": message_id,
            "date": now,
            "in_reply_to": parent,
            "references": references or [],
            "headers": DISCLOSURE_HEADER if self.definition.desk.disclosure == "header" else {},
        }
        message = self._message(message_id, message_id, subject, text, to)
        message["envelope"] = to_json({"references": references or [], **({"channel": over} if over else {})})
        return {"letter": letter, "message_id": message_id, "message": message}

    def _message(self, fingerprint: str, message_id: str | None, subject: str, text: str, to: str) -> dict[str, Any]:
        return {
            "mailbox": self.definition.mailbox,
            "fingerprint": fingerprint,
            "message_id": message_id,
            "subject": subject,
            "sender": self.address,
            "recipient": to,
            "text": text,
        }


def _composed(letter: Mapping[str, Any]) -> bytes:
    return compose(
        Letter(
            **{
                **letter,
                "date": datetime.fromtimestamp(letter["date"], UTC),
                "references": tuple(letter["references"]),
                "attachments": tuple(Attachment(*file) for file in letter.get("attachments", {}).items()),
            }
        )
    )


def _who_takes_answers(mail: StoredMessage) -> str:
    """The first address in Reply-To, else From, that can be written to; theirs may hold anything. Without one, From."""
    return next(filter(can_be_written_to, [*mail.envelope.get("reply_to", ()), mail.sender]), mail.sender)
