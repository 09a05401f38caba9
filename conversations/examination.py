"""What is noted of an inbound mail: its kind, its new text, the findings, when it was delivered, and its raw form."""

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from conversations.journal import lookback, messages
from conversations.reading import reading
from conversations.recognition import MOST_RAW, Recognised
from conversations.records import StoredFinding, to_json
from probes.mail.arrivals import Arrival
from replies.agents import agent
from replies.bounces import bounce
from replies.checks import findings
from replies.departments import department
from replies.finding import quoted
from replies.guard import guarded, no_kind
from replies.kind import Classified, Kind, classify
from replies.message import Message
from replies.new_text import new_text
from replies.threading import numbers

log = logging.getLogger(__name__)

SHORTEST_SKEW = 2.0
"""Seconds by which a server's clock must differ from ours before its stamps are corrected: below is rounding and transit."""

MAX_QUOTED = 4_000
"""Characters kept of what stands around the new text of a mail: our own words as the desk gives them back."""

MOST_UNMATCHED_RAW = 1000
"""Raw mails kept of a mailbox that belong to no conversation."""

FLOOD = 10
"""Mails of one batch that belong to nobody: of more than that the texts are kept as they are, and only bounces told apart."""

Desk = tuple[str, str]
"""Name of a desk, and of the visit that is asking there."""


@dataclass(slots=True)
class Examined:
    """A mail, what kind it is and its new text; `received` is filled in when it has been checked.

    What belongs to a control mail has nothing to store.
    """

    mail: Recognised
    text: str
    kind: Classified
    received: messages.Received | None = None

    @property
    def desk(self) -> Desk | None:
        """Whose other conversations it is read against: only what people write is."""
        if self.mail.around is None or self.kind.kind is not Kind.HUMAN:
            return None
        definition = self.mail.around.definition
        return definition.desk_name, definition.visit


class Examiner:
    """Examines the mail of one mailbox; in a thread, for it takes its time. What fails inside is told and loses no mail."""

    def __init__(
        self,
        mailbox: str,
        address: str,
        evidence: Path,
        skew: Callable[[], float | None],
        authserv_id: str | None,
    ) -> None:
        self._mailbox = mailbox
        self._address = address.lower()
        self._evidence = evidence
        self._skew = skew
        self._authserv_id = authserv_id  # whose Authentication-Results are trusted (RFC 8601), None for nobody's

    def classified(self, mails: Sequence[Recognised]) -> list[Examined]:
        """What kind of mail each of a batch is."""
        strangers = sum(mail.match is None for mail in mails)
        return [self._classified(mail, in_flood=mail.match is None and strangers > FLOOD) for mail in mails]

    def check(self, batch: Sequence[Examined], elsewhere: Mapping[Desk, Sequence[lookback.Exchange]]) -> None:
        """Make each ready to be stored, with what can be said about it, and keep its raw form while there is room."""
        room: dict[str, int] = {}
        for each in batch:
            mail = each.mail
            if mail.control or mail.answers_control:
                continue
            folder = mail.match.conversation if mail.match else f"unmatched-{self._mailbox}"
            if folder not in room:
                room[folder] = MOST_RAW - mail.received if mail.match else self._room_for_unmatched(folder)
            evidence = _keep_raw(mail.arrival, self._evidence / folder) if room[folder] > 0 else None
            room[folder] -= 1
            others = elsewhere.get(each.desk, ()) if each.desk else ()
            each.received = self._received(each, others, evidence)

    def delivered(self, arrival: Arrival) -> tuple[float, float]:
        """The first and the last moment at which the mail can have been delivered; the last one is what counts.

        The stamp has whole seconds, by the server's own clock, and is corrected by the measured skew of that clock. A skew
        too small to correct makes the range wider where the server's clock is ahead. Delivery is never later than detection.
        """
        stamped, skew = arrival.internal_date.timestamp(), self._skew() or 0.0
        corrected = stamped + (skew if abs(skew) >= SHORTEST_SKEW else 0.0)
        earliest = stamped + skew if skew < 0 else corrected
        latest = min(corrected + 1.0, arrival.detected_at.timestamp())
        return min(earliest, latest), latest

    def _classified(self, mail: Recognised, *, in_flood: bool) -> Examined:
        message = mail.message
        if in_flood:
            kind = guarded("the kind", partial(_bounce_or_other, message), no_kind)
            return Examined(mail, message.text[:MAX_QUOTED], kind)
        ours = mail.around.ours if mail.around else ()
        text = guarded("the new text", lambda: new_text(message.text, ours), lambda _: message.text)
        return Examined(mail, text, guarded("the kind", partial(self._kind, mail, text, ours), no_kind))

    def _kind(self, mail: Recognised, text: str, ours: Sequence[str]) -> Classified:
        if mail.match is not None and mail.match.rule == "own-message-id":
            return Classified(Kind.OTHER, "own-message-id", "our own message came back", None)
        if mail.message.sender == self._address and mail.match is not None:
            return Classified(Kind.OTHER, "own-address", "sent from our own address", None)
        return classify(mail.message, text, ours)

    def _received(
        self, each: Examined, elsewhere: Sequence[lookback.Exchange], evidence: str | None
    ) -> messages.Received:
        mail, kind = each.mail, each.kind
        found = []
        if mail.around is not None:
            folder = mail.arrival.folder
            put = partial(reading, folder=folder, authserv_id=self._authserv_id, elsewhere=elsewhere)
            found = findings(put(mail.message, each.text, kind, mail.around))
        return messages.Received(
            mailbox=self._mailbox,
            conversation=mail.match.conversation if mail.match else None,
            values=self._values(mail, each.text, kind),
            tickets=guarded("the ticket", partial(_tickets, mail.message, kind), lambda _: ()) if mail.match else (),
            findings=[StoredFinding(f.check, f.result, f.rule, f.evidence, f.value) for f in found],
            evidence=evidence,
        )

    def _values(self, mail: Recognised, text: str, kind: Classified) -> dict[str, Any]:
        arrival, message = mail.arrival, mail.message
        answers = [*message.in_reply_to, *message.references, *message.returned_ids]
        earliest, latest = self.delivered(arrival)
        envelope = {
            "earliest": earliest,
            "answers": answers[-50:],
            "references": message.references[-20:],
            "reply_to": message.reply_to[:5],
            "sender_name": message.sender_name,
            "evidence": kind.evidence,
            "quoted": message.text.replace(text, "", 1).strip()[:MAX_QUOTED],
            "truncated": message.truncated or arrival.size > len(arrival.raw),
            **(guarded("who wrote it", partial(_who, message, text, kind), lambda _: {}) if mail.match else {}),
        }
        return {
            "kind": kind.kind,
            "rule": kind.rule,
            "permanent": kind.permanent,
            "matched_by": mail.match.rule if mail.match else None,
            "fingerprint": mail.fingerprint,
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

    def _room_for_unmatched(self, folder: str) -> int:
        try:
            with os.scandir(self._evidence / folder) as files:
                return MOST_UNMATCHED_RAW - sum(1 for _ in files)
        except FileNotFoundError:
            return MOST_UNMATCHED_RAW


def _tickets(message: Message, kind: Classified) -> Sequence[str]:
    """What later mail may be known by."""
    return () if kind.rule == "own-message-id" else numbers(message, kind.kind)


def _who(message: Message, text: str, kind: Classified) -> dict[str, Any]:
    """What later mails of the conversation are compared with: who wrote, for whom, under which numbers."""
    if kind.rule == "own-message-id":
        return {}
    who: dict[str, Any] = {"tickets": numbers(message, kind.kind)}
    if kind.kind is Kind.HUMAN:
        where = department(message, text)
        who |= {"agent": agent(message, text), "department": [where.signature, where.sender]}
    return who


def _bounce_or_other(message: Message) -> Classified:
    if (message.report or message.returned_ids) and (found := bounce(message)):
        return Classified(Kind.BOUNCE, found.rule, quoted(found.evidence), found.permanent)
    return Classified(Kind.OTHER, "other.flood", "one of many that belong to no conversation")


def _keep_raw(arrival: Arrival, folder: Path) -> str | None:
    """Write the raw mail into the folder; its path below the evidence, None when that fails."""
    path = folder / f"{hashlib.sha256(arrival.raw).hexdigest()[:16]}.eml"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(arrival.raw)
    except OSError as error:  # the mail itself is safe in the mailbox and its text in the journal
        log.error("the raw mail could not be kept at %s: %s", path, os.strerror(error.errno or 0))  # noqa: TRY400 - no bug
        return None
    return f"{folder.name}/{path.name}"
