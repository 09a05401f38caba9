"""Reading a folder from the last position on: by UID, in batches, each kept before the next is asked for."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from probes.mail.arrivals import Arrival, Ledger, Position
from probes.mail.imap import MAX_MAIL_BYTES, Opened, Session
from probes.mail.responses import Fetched

log = logging.getLogger(__name__)

BATCH = 50  # mails; the fastest of what was measured between 1 and 200
PUSHED = 10  # mails asked for at once after a push, before anything is known of them
WHOLE = 64 * 1024  # a mail that is smaller comes whole with its size and date
ANSWER_BYTES = 4 * 1024 * 1024  # of bodies in one answer
RESYNC_DAYS = 3


class Reading:
    """One folder on one session. `folder` is its name for people and for the ledger."""

    def __init__(self, session: Session, folder: str, ledger: Ledger, *, now: Callable[[], datetime]) -> None:
        self._session = session
        self._folder = folder
        self._ledger = ledger
        self._now = now
        self._position = Position(0, 0)

    async def start(self, opened: Opened) -> None:
        """Take up the position of the ledger; a folder without one starts at its end, and that is kept at once.

        Where the UIDs have changed their meaning (another UIDVALIDITY, or a next UID below ours, as after a restored
        backup), everything of the last RESYNC_DAYS is kept again: the ledger drops what it knows.
        """
        next_uid = opened.next_uid
        if next_uid is None:  # RFC 3501 allows it, and old servers use the permission
            next_uid = max(await self._session.uids_from(1), default=0) + 1
        end = Position(opened.uidvalidity, next_uid)
        known = await self._ledger.position(self._folder)
        if known is None:
            await self._move(end)
        elif known.uidvalidity != end.uidvalidity or end.next_uid < known.next_uid:
            log.warning(
                "%s: UIDs have changed (%s, now %s); reading %d days again", self._folder, known, end, RESYNC_DAYS
            )
            await self._resync(known, end)
        else:
            self._position = known

    async def catch_up(self, *, pushed: bool = False) -> list[tuple[datetime, datetime]]:
        """Keep everything that is new. After a push the first mails are asked for without a search, to be quick.

        Gives detected_at and internal_date of the mails that the push was about.
        """
        times: list[tuple[datetime, datetime]] = []
        if pushed:
            mails, detected_at = await self._look(range(self._position.next_uid, self._position.next_uid + PUSHED))
            times = [(detected_at, mail.internal_date) for mail in mails if mail.internal_date]
            await self._keep(mails, detected_at)
        after = self._position.next_uid
        while uids := await self._session.uids_from(after):
            for batch in _batches(uids):
                await self._keep(*await self._look(batch))
            after = uids[-1] + 1  # one that vanished in between is not asked for again
        return times

    async def _look(self, uids: Sequence[int]) -> tuple[list[Fetched], datetime]:
        mails = await self._session.mails(uids, first=WHOLE)
        return mails, self._now()

    async def _keep(self, mails: Sequence[Fetched], detected_at: datetime) -> None:
        for group in _grouped(mails):
            arrivals = await self._arrivals(group, self._position.uidvalidity, detected_at)
            await self._move(Position(self._position.uidvalidity, group[-1].uid + 1), arrivals)

    async def _resync(self, known: Position, end: Position) -> None:
        # The old position stays until the end, so that a resync which is cut off starts again from its beginning.
        since = self._now() - timedelta(days=RESYNC_DAYS)
        for batch in _batches(await self._session.uids_since(since.date())):
            mails, detected_at = await self._look(batch)
            for group in _grouped(mails):
                await self._ledger.keep(self._folder, await self._arrivals(group, end.uidvalidity, detected_at), known)
        await self._move(end)

    async def _arrivals(self, group: Sequence[Fetched], uidvalidity: int, detected_at: datetime) -> list[Arrival]:
        """With the rest of those that did not come whole."""
        bodies = {mail.uid: mail.body for mail in group if mail.body is not None}
        large = [mail for mail in group if len(mail.body or b"") >= WHOLE]
        if large:
            bodies |= await self._session.bodies([mail.uid for mail in large], expected=sum(map(_weight, large)))
        return [
            Arrival(
                folder=self._folder,
                uidvalidity=uidvalidity,
                uid=mail.uid,
                raw=bodies[mail.uid],
                size=mail.size or 0,
                internal_date=mail.internal_date or detected_at,
                detected_at=detected_at,
            )
            for mail in group
            if mail.uid in bodies  # else somebody deleted it in between
        ]

    async def _move(self, position: Position, arrivals: Sequence[Arrival] = ()) -> None:
        await self._ledger.keep(self._folder, arrivals, position)
        self._position = position


def _batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), BATCH):
        yield uids[start : start + BATCH]


def _grouped(mails: Sequence[Fetched]) -> Iterator[list[Fetched]]:
    """Runs of mails whose bodies fit into one answer of about ANSWER_BYTES; always at least one mail."""
    group: list[Fetched] = []
    for mail in mails:
        if group and sum(map(_weight, group)) + _weight(mail) > ANSWER_BYTES:
            yield group
            group = []
        group.append(mail)
    if group:
        yield group


def _weight(mail: Fetched) -> int:
    return min(mail.size or 0, MAX_MAIL_BYTES)
