"""Starts the visits of the config when they are due."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conversations import slots
from conversations.about import about
from conversations.clock import Clock
from conversations.definition import Definition, Sender
from conversations.journal import Journal, visits
from conversations.start import MAINTENANCE, REASONS, NotStarted, start
from conversations.visit import Visit
from mysterybot.config import Config

log = logging.getLogger(__name__)

ON_TIME = 60.0
"""Seconds after its time for which a visit still counts as on time; later, `catch_up` decides."""

PUT_OFF = 15.0
"""Seconds until a visit that its desk's maintenance puts off is looked at again."""


def definition(config: Config, name: str) -> Definition:
    """A visit joined with everything that it refers to."""
    visit = config.visits[name]
    account = config.mailboxes[visit.mailbox]
    desk = config.desks[visit.desk]
    persona = visit.persona if visit.persona.name else visit.persona.model_copy(update={"name": account.name})
    return Definition(
        visit=name,
        desk_name=visit.desk,
        desk=desk,
        channel_name=visit.channel,
        channel=desk.channels[visit.channel],
        mailbox=visit.mailbox,
        address=account.address,
        plus=account.plus,
        persona=persona,
        scenario=absolute(visit.scenario, config.file.absolute().parent),
        parameters=visit.with_,
        limits=config.limits,
        senders=senders(config, visit.with_),
    )


def senders(config: Config, settings: object) -> dict[str, Sender]:
    """The mailboxes that a scenario's settings name, wherever in them."""
    if isinstance(settings, Mapping):
        settings = list(settings.values())
    if isinstance(settings, Sequence) and not isinstance(settings, str):
        return {name: each for part in settings for name, each in senders(config, part).items()}
    account = config.mailboxes.get(settings) if isinstance(settings, str) else None
    if account is None:
        return {}
    return {str(settings): Sender(address=account.address, plus=account.plus, name=account.name)}


def absolute(scenario: str, base: Path) -> str:
    """The reference to a user's file made independent of where the config lies; a built-in name as it is."""
    path, colon, function = scenario.rpartition(":")
    return f"{(base / path).resolve()}:{function}" if colon else scenario


class Visits:
    """Knows when each visit is due, and starts it; called every second."""

    def __init__(
        self, journal: Journal, config: Config, clock: Clock, rng: random.Random, nudge: Callable[[str], None]
    ) -> None:
        self._journal = journal
        self._config = config
        self._clock = clock
        self._rng = rng
        self._nudge = nudge
        self.next_looks: dict[str, float] = {}  # visit → when to look at it again
        self._waiting: dict[str, float] = {}  # visit → its slot that was last told not to begin

    @property
    def lag(self) -> float:
        """Seconds by which the visit that is most overdue has waited to be looked at; near 0 while we are called."""
        return max(0.0, self._clock.now() - min(self.next_looks.values(), default=float("inf")))

    def use(self, config: Config) -> None:
        """Look at all visits of this config anew; what was dealt with is known to the journal."""
        self._config = config
        self.next_looks.clear()

    async def start_due(self) -> None:
        """Start what is due. What was due while we were not running is caught up as the visit says."""
        now = self._clock.now()
        looked_at = [name for name in self._config.visits if self.next_looks.get(name, 0.0) <= now]
        if not looked_at:
            return
        states = await self._journal.read(visits.states)
        for name in looked_at:
            row = states.get(name)
            try:
                self.next_looks[name] = await self._look(name, now, None if row is None else row["last_due"])
            except Exception:  # one that cannot be started delays no other
                log.exception("visit %s could not be started; it is tried again", name)

    async def _look(self, name: str, now: float, last_due: float | None) -> float:
        """Start it if it is due; when to look at it again."""
        visit = self._config.visits[name]
        timezone = self._config.timezone(visit)
        slot = slots.latest_slot(name, visit, timezone, now)
        upcoming = slots.start_of(name, visit, slots.next_slot(name, visit, timezone, now))
        if slot is None or (last_due is not None and last_due >= slot):
            return upcoming
        begin = slots.start_of(name, visit, slot)
        if begin > now:
            return begin
        late = now - begin
        first = last_due is None
        if late > ON_TIME and not (visit.catch_up == "once" and not first) and not (first and visit.every is not None):
            log.log(
                logging.DEBUG if first else logging.INFO,
                "visit %s: its time passed %.0f s ago, waiting for the next",
                name,
                late,
            )
            await self._journal.write(lambda c: visits.note_slot(c, name, slot))
            return upcoming
        done = await self._start(name, slot, now)
        return upcoming if done else now + PUT_OFF

    async def _start(self, name: str, slot: float, now: float) -> bool:
        """Start it, or tell why not; whether that is all for this slot."""
        visit = self._config.visits[name]
        with about(visit=name, desk=visit.desk, channel=visit.channel, mailbox=visit.mailbox):
            return await self._start_one(name, visit, slot, now)

    async def _start_one(self, name: str, visit: Visit, slot: float, now: float) -> bool:
        started = await start(
            self._journal,
            definition(self._config, name),
            due_at=slot,
            now=now,
            location=self._config.bot.location,
            rng=self._rng,
            open_allowed=self._config.limits.open_per_visit if visit.overlap else 1,
            put_off=visit.catch_up == "once",
        )
        if isinstance(started, NotStarted):
            waits = started.reason == MAINTENANCE and visit.catch_up == "once"
            told = waits and self._waiting.get(name) == slot
            log.log(logging.DEBUG if told else logging.INFO, "visit %s not started: %s", name, REASONS[started.reason])
            self._waiting[name] = slot
            return not waits
        log.info("visit %s starts conversation %s", name, started)
        self._nudge(started)
        return True
