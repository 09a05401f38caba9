"""Takes in what a mailbox received: reads it, finds its conversation, stores it, and wakes whom it concerns.

Inbound mail is stored before it is acted upon, and the position in the mailbox moves with it: a crash before that reads the
mail again, and the journal drops what it knows.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.engine import Connection

from conversations.about import about
from conversations.clock import Clock
from conversations.correlation import correlate
from conversations.examination import Examined, Examiner
from conversations.journal import Journal, control, lookback, messages
from conversations.recognition import Parsed, Recognised, parsed, recognise
from probes.mail.arrivals import Arrival, Position
from replies.kind import Kind

log = logging.getLogger(__name__)

MOST_LINES = 3
"""Lines logged about the mails of one batch that belong to nobody."""


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
        self._clock = clock
        self._nudge = nudge
        self._examiner = Examiner(mailbox, address, evidence, skew, authserv_id)
        self._one_by_one = (
            asyncio.Lock()
        )  # INBOX and Junk: an acknowledgement must be learnt from before its reply is read

    async def position(self, folder: str) -> Position | None:
        """How far this folder was read."""
        return await self._journal.read(lambda c: messages.position(c, self._mailbox, folder))

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None:
        """Store these and move the position, in one transaction as a rule. What is known already is dropped.

        Each is matched and read as if all before it had been stored: where one of them changes that for a later one, a
        transaction ends between the two.
        """

        def finish(connection: Connection) -> None:
            messages.move_position(connection, self._mailbox, folder, position)

        async with self._one_by_one:
            fresh = (
                await self._journal.read(lambda c: recognise(c, self._mailbox, parsed(arrivals))) if arrivals else []
            )
            while rest := fresh[await self._take_in(fresh, finish) :]:
                fresh = await self._recognise(rest)

    async def _recognise(self, mails: Sequence[Parsed]) -> list[Recognised]:
        return await self._journal.read(lambda c: recognise(c, self._mailbox, mails))

    async def _take_in(self, fresh: Sequence[Recognised], finish: Callable[[Connection], None]) -> int:
        """Store as many as can be read together, and `finish` with the last; how many of them are dealt with."""
        together = _readable_together(fresh)
        examined = await asyncio.to_thread(self._examiner.classified, together) if together else []
        if asked := {each.desk for each in examined if each.desk is not None}:
            elsewhere = await self._journal.read(lambda c: {desk: lookback.elsewhere(c, *desk) for desk in asked})
        else:
            elsewhere = {}
        if examined:
            await asyncio.to_thread(self._examiner.check, examined, elsewhere)
        now, last = self._clock.now(), len(together) == len(fresh)
        stored = await self._journal.write(lambda c: self._store(c, examined, now, finish if last else None))
        self._tell([each for each, new in zip(examined, stored, strict=False) if new])
        return len(stored)

    def _store(
        self,
        connection: Connection,
        examined: Sequence[Examined],
        now: float,
        finish: Callable[[Connection], None] | None,
    ) -> list[bool]:
        """For each that was stored, whether it was new; the list ends before one that is no longer matched as it was."""
        stored: list[bool] = []
        taught = False
        for each in examined:
            mail = each.mail
            if each.received is None:
                stored.append(self._store_control(connection, each))
                continue
            if taught and correlate(connection, self._mailbox, [mail.message]) != [mail.match]:
                return stored
            stored.append(messages.store(connection, each.received, now))
            taught = taught or mail.match is not None
        if finish is not None:
            finish(connection)
        return stored

    def _store_control(self, connection: Connection, each: Examined) -> bool:
        if each.mail.control:
            control.arrived(
                connection, self._mailbox, each.mail.control, self._examiner.delivered(each.mail.arrival)[1]
            )
            return True
        final = each.kind.kind is Kind.BOUNCE and each.kind.permanent is not False
        return final and control.bounced(connection, self._mailbox, each.mail.answers_control)

    def _tell(self, new: Sequence[Examined]) -> None:
        """Log what came, and wake whom it concerns."""
        strangers = []
        for each in new:
            mail, match = each.mail, each.mail.match
            if mail.answers_control:
                said = " ".join(each.kind.evidence.split())[:300]
                log.warning("mailbox %s: a control mail came back: %s", self._mailbox, said)
            elif mail.control and mail.arrival.folder != "INBOX":
                where = mail.arrival.folder
                log.warning("mailbox %s: a control mail was delivered to the folder %s", self._mailbox, where)
            elif match is not None:
                kind = each.kind.kind
                with about(conversation=match.conversation):
                    log.info(
                        "mailbox %s: %s for conversation %s (%s)", self._mailbox, kind, match.conversation, match.rule
                    )
                self._nudge(match.conversation)
            elif not mail.control:
                strangers.append(mail.message.sender or "nobody")
        for sender in strangers[:MOST_LINES]:
            log.warning("mailbox %s: a mail from %s matches no conversation", self._mailbox, sender)
        if len(strangers) > MOST_LINES:
            log.warning("mailbox %s: %d more mails match none", self._mailbox, len(strangers) - MOST_LINES)


def _readable_together(fresh: Sequence[Recognised]) -> Sequence[Recognised]:
    """Up to the second mail of a conversation: that one is read against the first, which must be stored by then.

    What is beyond the bounds of a flood is read against nothing new.
    """
    met: set[str] = set()
    for place, mail in enumerate(fresh):
        if mail.match is None or mail.around is None or mail.floods:
            continue
        if mail.match.conversation in met:
            return fresh[:place]
        met.add(mail.match.conversation)
    return fresh
