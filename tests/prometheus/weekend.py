"""A long weekend in the life of a bot, in seconds: the real engine on a clock that is turned, scraped every five minutes.

Two desks. `vienna` is open on weekdays and promises business hours; over this weekend the clocks change (Sunday 25 October
2026, 01:00 UTC) and its Monday is a holiday. `round` is open always, and in maintenance on Sunday from 02:30 for two hours,
across the hour that comes twice.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from conversations.dispatch.local import LocalDispatch
from conversations.engine import Engine
from conversations.intake import Intake
from conversations.journal import Journal, reach, switches
from exporters.prometheus import render
from exporters.snapshot import snapshot
from mysterybot.app import Bot, find_scenario
from mysterybot.config import Config, load
from mysterybot.live import live
from mysterybot.reaching import targets
from mysterybot.reloading import Reloading
from mysterybot.visits import Visits
from probes.form.browser import Browser
from probes.mail.arrivals import InboxState
from probes.reach.reached import Reached
from tests.conversations.desk import MAILBOX, Life, Town, World

STEP = timedelta(minutes=5)
BEGIN = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)
END = datetime(2026, 10, 27, 13, 0, tzinfo=UTC)

CONFIG = """
bot: {location: test}
mailboxes:
  anna:
    address: anna@inbox.example
    name: Anna Keller
    smtp: {host: 127.0.0.1, port: 1, security: none}
    imap: {host: 127.0.0.1, port: 1, security: none}
    login: {user: anna, password: {env: SECRET}}
desks:
  vienna:
    name: Café Vienna
    hours: {timezone: Europe/Vienna, open: ["mon-fri 09:00-17:00"], holidays: AT}
    promises: {acknowledgement: 30m, first_reply: 2 business hours}
    channels: {mail: {email: support@vienna.example}}
  round:
    name: Round the Clock
    promises: {first_reply: 1 hour}
    channels: {mail: {email: support@round.example}}
    maintenance: [{at: "sun 02:30", for: 2 hours, timezone: Europe/Vienna}]
visits:
  punctual: &visit
    desk: vienna
    channel: mail
    mailbox: anna
    scenario: ask_and_follow_up
    at: ["fri 16:30"]
    with:
      opening: When will my parcel come?
      questions: [{ask: When will it come?, expect: [thursday]}]
      patience: 7 days
  neglected: {<<: *visit, at: ["fri 16:45"]}
  everyday:
    <<: *visit
    desk: round
    timezone: UTC
    at: ["00:00", "02:00", "04:00", "06:00", "08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00", "22:00"]
reach:
  urls:
    shop: {url: http://127.0.0.1:1/, desk: round}
"""


def at(day: int, clock: str) -> datetime:
    """A moment of October 2026, UTC."""
    hour, minute = clock.split(":")
    return datetime(2026, 10, day, int(hour), int(minute), tzinfo=UTC)


ANSWERED: Mapping[tuple[str, datetime], datetime] = {
    ("vienna", at(23, "14:30")): at(27, "09:00"),  # due on Tuesday at 10:30 in Vienna, which is 09:30
    ("vienna", at(23, "14:45")): at(27, "11:00"),  # due on Tuesday at 10:45, 09:45
    ("round", at(24, "10:00")): at(24, "12:10"),  # due at 11:00
    ("round", at(25, "00:00")): at(25, "02:15"),  # due at 01:00, in the maintenance, and answered before its end
}
"""Desk and moment of asking → when a person answers; all others half an hour later."""

DOWN = ((at(25, "01:00"), at(25, "02:00")), (at(25, "11:00"), at(25, "11:30")), (at(26, "08:00"), at(26, "08:05")))
"""When the shop of `round` cannot be reached: in the maintenance, for real, and for a moment."""

KILLED = (at(24, "15:00"), at(24, "15:05"))
"""No scrape, and then a new process."""

Samples = dict[str, dict[int, float]]


@dataclass
class Weekend:
    """The world outside, and the bot in it."""

    folder: Path
    wanted: Collection[str]
    """The metrics to keep."""
    town: Town = field(init=False)
    later: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    samples: Samples = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.town = Town(self.folder, answer=self._desk)
        self.town.clock.time = BEGIN.timestamp()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.town.clock.now(), UTC)

    def _desk(self, town: Town, mail: EmailMessage) -> None:
        """Acknowledges at once; a person answers as it was planned, and leaves a thank-you alone."""
        if "Thank you" in mail.get_content():
            return
        desk = str(mail["To"]).partition("@")[2].partition(".")[0]
        sender = f"Robin Agent <support@{desk}.example>"
        number = len(town.delivered)
        ids = {"From": sender, "Message-ID": f"<ack-{number}@{desk}.example>", "Auto-Submitted": "auto-replied"}
        town.reply(mail, "We have received your request and will answer soon.", **ids)
        asked = self.now.replace(second=0)
        due = ANSWERED.get((desk, asked), asked + timedelta(minutes=30))
        human = {"From": sender, "Message-ID": f"<reply-{number}@{desk}.example>"}
        answer = "Hello Anna,\n\nit will come on Thursday.\n\nKind regards\nRobin Agent"
        self.later.append((due, lambda: town.reply(mail, answer, **human)))

    async def live(self) -> None:
        """From beginning to end."""
        (self.folder / "mysterybot.yaml").write_text(CONFIG)
        config = load(self.folder / "mysterybot.yaml", {"SECRET": "x"}, find_scenario)
        async with Journal.at(self.folder / "journal.sqlite") as journal:
            bot, life = self._bot(config, journal)
            restarted = False
            while self.now < END:
                await self._step(bot, life)
                if KILLED[0] <= self.now < KILLED[1]:
                    restarted = False
                elif self.now >= KILLED[1] and not restarted:
                    bot, life = self._bot(config, journal)
                    await bot.visits.start_due()
                    restarted = True
                if not KILLED[0] <= self.now < KILLED[1]:
                    await self._scrape(bot)
                self.town.clock.turn(STEP.total_seconds())
            await life.dispatch.stop()

    def _bot(self, config: Config, journal: Journal) -> tuple[Bot, Life]:
        """One life of the process, with a world that is not there in place of servers."""
        town, rng = self.town, random.Random(7)
        world: Any = World(town)
        engine = Engine(journal, world, town.clock, "test:1", find_scenario)
        dispatch = LocalDispatch(journal, engine.advance, town.clock)
        intake = Intake(journal, MAILBOX, "anna@inbox.example", town.clock, self.folder / "evidence", dispatch.nudge)
        state = InboxState(up=True, since=BEGIN, clock_skew_seconds=0.0)
        world.mailboxes = {
            MAILBOX: SimpleNamespace(inbox=SimpleNamespace(state=state), account=config.mailboxes[MAILBOX])
        }
        visits = Visits(journal, config, town.clock, rng, dispatch.nudge)
        bot = Bot(config, town.clock, rng, "test:1", journal, world, dispatch, visits, cast(Any, None))
        return bot, Life(town, journal, engine, dispatch, intake, intake)

    async def _step(self, bot: Bot, life: Life) -> None:
        for due, happens in [each for each in self.later if each[0] <= self.now]:
            happens()
            self.later.remove((due, happens))
        await bot.visits.start_due()
        await life.settle()
        shut = any(begins <= self.now < ends for begins, ends in DOWN)
        for target in targets(bot.config, cast(Browser, None)):
            up = not (shut and target.labels["target"] == "shop")
            reached = Reached(up, {"connect": 0.01}, None if up else "refused")
            await bot.journal.write(lambda c, t=target, r=reached: reach.save(c, t.labels, [r], self.now.timestamp()))  # type: ignore[misc]

    async def _scrape(self, bot: Bot) -> None:
        rounds = SimpleNamespace(reaching=SimpleNamespace(targets=targets(bot.config, cast(Browser, None))))
        reloading = cast(Reloading, SimpleNamespace(rounds=rounds, successful=True, at=BEGIN.timestamp()))
        decided = await bot.journal.read(lambda c: switches.decided(c, self.now.timestamp()))
        text = await asyncio.to_thread(render, await snapshot(bot.journal, live(bot, reloading, decided)))
        step = self.step(self.now)
        for line in text.body.decode().splitlines():
            series, _, value = line.rpartition(" ")  # as Prometheus and its promtool write it alike
            if (name := series.partition("{")[0]) in self.wanted:
                shift = BEGIN.timestamp() if name.endswith("_timestamp_seconds") else 0.0
                self.samples.setdefault(series, {})[step] = float(value) - shift

    @staticmethod
    def step(moment: datetime) -> int:
        """The number of the scrape."""
        return round((moment - BEGIN) / STEP)

    def series(self) -> Iterator[tuple[str, str]]:
        """Name and values of the series, as promtool writes them: what is gone is stale, as Prometheus has it."""
        for name, found in self.samples.items():
            yield name, " ".join(_values(found, self.step(END)))


def _values(found: Mapping[int, float], steps: int) -> Iterator[str]:
    there = False
    for step in range(steps):
        if step in found:
            yield repr(found[step])
        else:
            yield "stale" if there else "_"
        there = step in found
