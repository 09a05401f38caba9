"""Takes in what a mailbox received: reads it, finds its conversation, stores it, and wakes whom it concerns.

Inbound mail is stored before it is acted upon, and the position in the mailbox moves after that: a crash between the two
reads the mail again, and the journal drops what it knows.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from conversations.clock import Clock
from conversations.control import MARKER, SUBJECT
from conversations.correlation import Match, correlate
from conversations.definition import Definition
from conversations.journal import Journal, control, lifecycle, lookback, messages
from conversations.reading import Around, reading
from conversations.records import StoredFinding, to_json
from probes.mail.arrivals import Arrival, Position
from replies.agents import agent
from replies.checks import findings
from replies.departments import department
from replies.finding import Finding
from replies.guard import guarded, no_kind
from replies.kind import Classified, Kind, classify
from replies.message import Message, read
from replies.new_text import new_text
from replies.threading import numbers

log = logging.getLogger(__name__)

SHORTEST_SKEW = 2.0
"""Seconds by which a server's clock must differ from ours before its stamps are corrected: below is rounding and transit."""


MAX_QUOTED = 4_000
"""Characters kept of what stands around the new text of a mail: our own words as the desk gives them back."""


MOST_RAW = 500
"""Raw mails kept as evidence of one conversation."""


class Intake:
    """The durable side of one mailbox; implements `probes.mail.inbox.Ledger`."""

    def __init__(
        self,
        journal: Journal,
        mailbox: str,
        address: str,
        clock: Clock,
        evidence: Path,
        nudge: Callable[[str], None],
        skew: Callable[[], float | None] = lambda: None,
        authserv_id: str | None = None,
    ) -> None:
        self._journal = journal
        self._mailbox = mailbox
        self._address = address.lower()
        self._clock = clock
        self._evidence = evidence
        self._nudge = nudge
        self._skew = skew
        self._authserv_id = authserv_id  # whose Authentication-Results are trusted (RFC 8601), None for nobody's
        self._one_by_one = (
            asyncio.Lock()
        )  # INBOX and Junk: an acknowledgement must be learnt from before its reply is read

    async def position(self, folder: str) -> Position | None:
        """How far this folder was read."""
        return await self._journal.read(lambda c: messages.position(c, self._mailbox, folder))

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        """Store these and move the position. What is known already is dropped."""
        async with self._one_by_one:
            for arrival in arrivals:
                await self._take_in(arrival)
            await self._journal.write(lambda c: messages.move_position(c, self._mailbox, folder, position))

    async def _take_in(self, arrival: Arrival) -> None:
        message = await asyncio.to_thread(read, arrival.raw)
        if await self._is_control_mail(arrival, message):
            return
        match, around = await self._journal.read(lambda c: self._match(c, message))
        ours = around.ours if around else ()
        text = await asyncio.to_thread(_new_text, message, ours)
        kind = guarded("the kind", partial(self._classify, message, text, match, ours), no_kind)
        found = [] if around is None else await self._findings(message, text, kind, around, arrival.folder)
        evidence = None if await self._flooded(match) else await asyncio.to_thread(self._keep_raw, arrival, match)
        received = messages.Received(
            mailbox=self._mailbox,
            conversation=match.conversation if match else None,
            values=self._values(arrival, message, text, kind, match),
            tickets=guarded("the ticket", partial(self._tickets, message, kind), lambda _: ()) if match else (),
            findings=[StoredFinding(f.check, f.result, f.rule, f.evidence, f.value) for f in found],
            evidence=evidence,
        )
        now = self._clock.now()
        new = await self._journal.write(lambda c: messages.store(c, received, now))
        if not new:
            return
        if match is None:
            log.warning("mailbox %s: a mail from %s matches no conversation", self._mailbox, message.sender or "nobody")
            return
        log.info("mailbox %s: %s for conversation %s (%s)", self._mailbox, kind.kind, match.conversation, match.rule)
        self._nudge(match.conversation)

    async def _is_control_mail(self, arrival: Arrival, message: Message) -> bool:
        """Whether it is one that we sent ourselves; then its arrival is noted, and it belongs to nobody."""
        if MARKER.lower() not in message.headers and message.subject != SUBJECT:
            return False
        ids = [each for each in (message.message_id, message.header(MARKER.lower()).strip()) if each]
        _, delivered = self._delivered(arrival.internal_date, arrival.detected_at)
        known = await self._journal.write(lambda c: control.arrived(c, self._mailbox, ids, delivered))
        if known and arrival.folder != "INBOX":
            log.warning("mailbox %s: a control mail was delivered to the folder %s", self._mailbox, arrival.folder)
        return known

    async def _flooded(self, match: Match | None) -> bool:
        """Whether so many mails have come in this conversation that a robot would fill the disk with them."""
        if match is None:
            return False
        return await self._journal.read(lambda c: messages.count_received(c, match.conversation)) >= MOST_RAW

    def _match(self, connection: Connection, message: Message) -> tuple[Match | None, Around | None]:
        """The conversation, and what stands around the mail in it."""
        match = correlate(connection, self._mailbox, message)
        if match is None:
            return None, None
        definition = Definition.model_validate_json(lifecycle.definition_of(connection, match.conversation))
        ours = messages.our_texts(connection, match.conversation)
        return match, Around(ours, lookback.earlier(connection, match.conversation), definition)

    async def _findings(
        self, message: Message, text: str, kind: Classified, around: Around, folder: str
    ) -> list[Finding]:
        """What can be said about it."""
        definition = around.definition
        elsewhere: list[lookback.Exchange] = []
        if kind.kind is Kind.HUMAN:
            elsewhere = await self._journal.read(
                lambda c: lookback.elsewhere(c, definition.desk_name, definition.visit)
            )
        put = partial(reading, folder=folder, authserv_id=self._authserv_id, elsewhere=elsewhere)
        return await asyncio.to_thread(lambda: findings(put(message, text, kind, around)))

    def _classify(self, message: Message, text: str, match: Match | None, ours: Sequence[str]) -> Classified:
        if match is not None and match.rule == "own-message-id":
            return Classified(Kind.OTHER, "own-message-id", "our own message came back", None)
        if message.sender == self._address and match is not None:
            return Classified(Kind.OTHER, "own-address", "sent from our own address", None)
        return classify(message, text, ours)

    def _tickets(self, message: Message, kind: Classified) -> Sequence[str]:
        """What later mail may be known by."""
        return () if kind.rule == "own-message-id" else numbers(message, kind.kind)

    def _values(
        self, arrival: Arrival, message: Message, text: str, kind: Classified, match: Match | None
    ) -> dict[str, Any]:
        answers = [*message.in_reply_to, *message.references, *message.returned_ids]
        earliest, latest = self._delivered(arrival.internal_date, arrival.detected_at)
        envelope = {
            "earliest": earliest,
            "answers": answers[-50:],
            "references": message.references[-20:],
            "reply_to": message.reply_to[:5],
            "sender_name": message.sender_name,
            "evidence": kind.evidence,
            "quoted": message.text.replace(text, "", 1).strip()[:MAX_QUOTED],
            "truncated": message.truncated or arrival.size > len(arrival.raw),
            **guarded("who wrote it", partial(self._who, message, text, kind), lambda _: {}),
        }
        return {
            "kind": kind.kind,
            "rule": kind.rule,
            "permanent": kind.permanent,
            "matched_by": match.rule if match else None,
            "fingerprint": fingerprint(message, arrival.raw),
            "message_id": message.message_id,
            "subject": message.subject[:500],
            "sender": message.sender,
            "recipient": next(iter(message.recipients), ""),
            "text": text,
            "envelope": to_json(envelope),
            "at": latest,
            "detected_at": arrival.detected_at.timestamp(),
            "folder": arrival.folder,
            "uidvalidity": arrival.uidvalidity,
            "uid": arrival.uid,
            "size": arrival.size,
        }

    def _who(self, message: Message, text: str, kind: Classified) -> dict[str, Any]:
        """What later mails of the conversation are compared with: who wrote, for whom, under which numbers."""
        if kind.rule == "own-message-id":
            return {}
        who: dict[str, Any] = {"tickets": numbers(message, kind.kind)}
        if kind.kind is Kind.HUMAN:
            where = department(message, text)
            who |= {"agent": agent(message, text), "department": [where.signature, where.sender]}
        return who

    def _delivered(self, stamped: datetime, detected: datetime) -> tuple[float, float]:
        """The first and the last moment at which the mail can have been delivered; the last one is what counts.

        The stamp has whole seconds, by the server's own clock, and is corrected by the measured skew of that clock. A skew
        too small to correct makes the range wider where the server's clock is ahead. Delivery is never later than detection.
        """
        skew = self._skew() or 0.0
        corrected = stamped.timestamp() + (skew if abs(skew) >= SHORTEST_SKEW else 0.0)
        earliest = stamped.timestamp() + skew if skew < 0 else corrected
        latest = min(corrected + 1.0, detected.timestamp())
        return min(earliest, latest), latest

    def _keep_raw(self, arrival: Arrival, match: Match | None) -> str | None:
        folder = match.conversation if match else f"unmatched-{self._mailbox}"
        name = f"{hashlib.sha256(arrival.raw).hexdigest()[:16]}.eml"
        path = self._evidence / folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(arrival.raw)
        except OSError as error:  # the mail itself is safe in the mailbox and its text in the journal
            log.error("the raw mail could not be kept at %s: %s", path, os.strerror(error.errno or 0))  # noqa: TRY400 - no bug
            return None
        return f"{folder}/{name}"


def _new_text(message: Message, ours: Sequence[str]) -> str:
    return guarded("the new text", lambda: new_text(message.text, ours), lambda _: message.text)


def fingerprint(message: Message, raw: bytes) -> str:
    """The same for copies of one mail (two folders, two deliveries, a renumbered mailbox), different for different mails.

    Headers that delivery adds are left out; a desk that gives two mails the same Message-ID is seen through.
    """
    head, blank, body = raw.partition(b"\r\n\r\n")
    parts = (
        message.message_id or "",
        message.header("date"),
        message.subject,
        message.sender,
        hashlib.sha256(body if blank else head).hexdigest(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
