"""Tells people what they should know: writes down what has come to pass, decides who is told, and tells them.

All of it stands in the journal first, so nothing is forgotten when the process dies, and nothing is told twice but what
was being told at that very moment.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from conversations.clock import Clock
from conversations.journal import Journal, deliveries, notices
from conversations.journal.deliveries import Due
from conversations.notice import Notice, What
from conversations.world import World
from exporters.notices import apprise, letter, post, words
from exporters.notices.settings import Place
from exporters.notices.told import NotTold

log = logging.getLogger(__name__)

GRACE = 60.0
"""Seconds by which a promise must have run out: an answer of the last moment may still be on its way to us."""

DOWN_FOR = 600.0
"""Seconds that a mailbox must have been down before people are told."""

UNDER_WAY_FOR = 120.0
"""Seconds after which a try counts as having died with its process; longer than any try may take."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 1800.0
GIVE_UP_AFTER = 86_400.0
IN_A_ROUND = 20
"""Deliveries to one place in one round."""


@dataclass(frozen=True, slots=True)
class MailboxState:
    """How a mailbox is; `since` when (epoch seconds), and why it is down."""

    up: bool
    since: float
    reason: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a notifier needs of the config and of the program as they are now.

    `desks`: their names as people say them. `desks_of`: mailbox → the desks that are visited from it. `addresses`: mailbox →
    its address. `quiet`: the desks that are under maintenance.
    """

    location: str
    desks: Mapping[str, str]
    desks_of: Mapping[str, frozenset[str]]
    addresses: Mapping[str, str]
    mailboxes: Callable[[], Mapping[str, MailboxState]]
    quiet: Callable[[], Awaitable[frozenset[str]]]


class Notifier:
    """`look` and `deliver` are called every few seconds."""

    def __init__(
        self,
        journal: Journal,
        world: World,
        clock: Clock,
        rng: random.Random,
        places: Mapping[str, Place],
        around: Surroundings,
    ) -> None:
        self._journal, self._world, self._clock, self._rng = journal, world, clock, rng
        self._places, self._around = places, around

    async def look(self) -> None:
        """Write down what time has brought about, and decide who is told of what is written down."""
        now, quiet = self._clock.now(), await self._around.quiet()
        if self._places:
            await self._note(now, quiet)
        await self._deal(now, quiet)

    async def _note(self, now: float, quiet: frozenset[str]) -> None:
        mailboxes = self._around.mailboxes()
        up = [name for name, state in mailboxes.items() if state.up]
        down = {
            name: (state.since, state.reason)
            for name, state in mailboxes.items()
            if not state.up and now - state.since >= DOWN_FOR
        }
        news = partial(notices.news, now=now, grace=GRACE, around=notices.Circumstances(quiet, up, down))
        if await self._journal.read(news):  # mostly there are none, and a read disturbs nobody
            await self._journal.write(lambda c: [notices.write_down(c, each) for each in news(c)])

    async def _deal(self, now: float, quiet: frozenset[str]) -> None:
        last = 0
        while batch := await self._journal.read(partial(notices.to_deal, after=last)):
            last = batch[-1].id
            for new in batch:
                silent = new.about.desk in quiet
                if silent and new.over:
                    continue  # good news can wait, and it is told when the maintenance is over
                stale = now - new.at > GIVE_UP_AFTER
                wanted = {
                    name: not (silent or stale) and self._wants(place, new) for name, place in self._places.items()
                }
                await self._journal.write(partial(deliveries.deal, new=new, wanted=wanted, now=now))

    def _wants(self, place: Place, new: Notice) -> bool:
        about = new.about
        event = "recovered" if new.over else new.what.value
        if event not in place.on:
            return False
        if new.what in {What.FAILED, What.FAULTED} and not new.over and about.in_a_row < place.after:
            return False
        desks = self._around.desks_of.get(about.mailbox, frozenset()) if new.what is What.MAILBOX else {about.desk}
        return place.desks is None or not desks.isdisjoint(place.desks)

    async def deliver(self) -> None:
        """Tell what is due, each place in order and all places at once: a slow one keeps nobody waiting but itself."""
        now = self._clock.now()
        due = sorted(await self._journal.read(lambda c: deliveries.due(c, now)), key=lambda each: each.place)
        async with asyncio.TaskGroup() as places:
            for name, group in groupby(due, key=lambda each: each.place):
                places.create_task(self._deliver_to(name, [*group][:IN_A_ROUND]))

    async def _deliver_to(self, name: str, due: Sequence[Due]) -> None:
        for each in due:
            if not await self._try(name, each):
                return

    async def _try(self, name: str, each: Due) -> bool:
        """One delivery; False when the place is in trouble."""
        now = self._clock.now()
        begin = partial(deliveries.begin, which=each, now=now, again_at=now + UNDER_WAY_FOR)
        if not await self._journal.write(begin):
            return True
        new = await self._journal.read(lambda c: notices.by_id(c, each.notice))
        if name not in self._places:
            log.error("notify %s: not told, since it is no longer in the config", name)
            await self._journal.write(lambda c: deliveries.give_up(c, each, "no longer in the config"))
            return True
        try:
            await self.tell(name, new)
        except Exception as error:  # one that breaks inside must not keep other places from being told
            await self._not_told(each, str(error) if isinstance(error, NotTold) else f"broke: {type(error).__name__}")
            return False
        await self._journal.write(lambda c: deliveries.sent(c, each))
        log.info("notify %s: %s", name, words.headline(new, self._around.desks))
        return True

    async def _not_told(self, each: Due, why: str) -> None:
        now = self._clock.now()
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(each.attempts, 20)) * self._rng.uniform(0.8, 1.2)
        if now + pause - each.at > GIVE_UP_AFTER:
            log.error("notify %s: given up after a day: %s", each.place, why)
            await self._journal.write(lambda c: deliveries.give_up(c, each, why))
            return
        log.warning("notify %s: not told, it is tried again in %.0f s: %s", each.place, pause, why)
        await self._journal.write(lambda c: deliveries.put_off(c, each, why, now + pause))

    async def tell(self, name: str, new: Notice) -> None:
        """Tell one place, once; raises NotTold."""
        place, around = self._places[name], self._around
        headline, details = words.headline(new, around.desks), words.details(new, around.location)
        if place.webhook is not None:
            await post.post(place.webhook, words.document(new, around.desks, around.location), new.token)
        elif place.slack is not None:
            await post.post(place.slack, words.slack(headline, details, over=new.over), new.token)
        elif place.apprise is not None:
            await apprise.tell(place.apprise, headline, details)
        else:
            assert place.email is not None and place.mailbox is not None
            sender = around.addresses[place.mailbox]
            await letter.tell(self._world, place.mailbox, sender, place.email, new, headline, details)
