"""The only place where things are wired together, and closed again."""

import contextlib
import os
import random
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from conversations.clock import Clock, SystemClock
from conversations.control import Mailbox as Settings
from conversations.dispatch.local import LocalDispatch
from conversations.engine import Engine
from conversations.intake import Intake
from conversations.journal import Journal
from conversations.scenario import Scenario, load_scenario
from conversations.second_opinions import SecondOpinions
from conversations.sending import Sending
from mysterybot.config import Config
from mysterybot.mailboxes import Mailbox, Mailboxes
from mysterybot.visits import Visits
from probes.contact import PointOfNoReturn
from probes.errors import BotError
from probes.form.browser import Browser, Submitted
from probes.form.channel import FormChannel
from probes.mail.inbox import Inbox
from probes.mail.oauth import AccessTokens
from probes.mail.smtp import Accepted, Outbox
from scenarios import BUILT_IN

READY_WITHIN = 5.0
"""Seconds that a send waits for its mailbox to be open; then it is put off, and tried again."""

READ_WITHIN = 30.0
"""Seconds that the end of a wait waits for an open mailbox to be read; then it is tried again later. One that is down takes no
longer than a send: the conversations that wait for it must not keep others waiting."""


def find_scenario(reference: str, base: Path = Path("/")) -> Scenario:
    """A scenario by its name, or by path and function; LookupError or ValueError when it cannot be had."""
    return load_scenario(reference, base, BUILT_IN)


@dataclass(slots=True)
class RealWorld:
    """conversations.world.World over real mailboxes and a real browser."""

    clock: Clock
    evidence: Path
    browser: Browser
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)

    def now(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.clock.now(), UTC)

    async def mailbox_ready(self, mailbox: str) -> None:
        """Return once it receives."""
        await self._mailbox(mailbox).inbox.ready(READY_WITHIN)

    async def mailbox_read(self, mailbox: str) -> None:
        """Return once it is read up to now."""
        inbox = self._mailbox(mailbox).inbox
        await inbox.caught_up(READ_WITHIN if inbox.state.up else READY_WITHIN)

    async def send_mail(
        self, mailbox: str, mail: bytes, *, sender: str, recipients: Sequence[str], point_of_no_return: PointOfNoReturn
    ) -> Accepted:
        """Send it through the mailbox's provider."""
        outbox = self._mailbox(mailbox).outbox
        return await outbox.send(mail, sender=sender, recipients=recipients, point_of_no_return=point_of_no_return)

    async def submit_form(
        self, channel: FormChannel, values: Mapping[str, str], *, evidence: Path, point_of_no_return: PointOfNoReturn
    ) -> Submitted:
        """Fill it in and send it."""
        return await self.browser.submit(channel, values, evidence=evidence, point_of_no_return=point_of_no_return)

    def evidence_folder(self, conversation_id: str) -> Path:
        """The folder of a conversation, made when it is not there."""
        folder = self.evidence / conversation_id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def _mailbox(self, name: str) -> Mailbox:
        if name not in self.mailboxes:
            raise BotError(f"the mailbox {name} is no longer in the config")
        return self.mailboxes[name]


@dataclass(slots=True)
class Bot:
    """Everything that runs, open. A new `config` comes by mysterybot.reloading."""

    config: Config
    clock: Clock
    rng: random.Random
    owner: str
    journal: Journal
    world: RealWorld
    dispatch: LocalDispatch
    visits: Visits
    mailboxes: Mailboxes
    stopping: bool = False

    @property
    def second_opinions(self) -> SecondOpinions | None:
        """Who asks the judge of the config as it is now; None without one."""
        judge, mailboxes = self.config.judge, list(self.config.mailboxes)
        return SecondOpinions(self.journal, self.clock, judge, mailboxes, os.environ) if judge else None


def data_folder(config: Config) -> Path:
    """The folder of the journal and the evidence, made when it is not there; only its owner may look in."""
    config.bot.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return config.bot.data


def journal_of(config: Config) -> Journal:
    """The journal that the config names, not opened yet."""
    if config.bot.database is not None:
        return Journal(config.bot.database.reveal())
    return Journal.at(data_folder(config) / "journal.sqlite")


@contextlib.asynccontextmanager
async def opened(
    config: Config, *, mailboxes: Collection[str] | None = None, only: Collection[str] | None = None, name: str = "run"
) -> AsyncIterator[Bot]:
    """Open everything, watch the mailboxes (all, or these), and close it all again in order.

    `only`: advance no other conversations than these. `name`: what kind of process holds leases, part of the owner.
    """
    clock, rng = SystemClock(), random.Random(secrets.randbits(128))  # noqa: S311 - references must be fresh, not secret
    owner = f"{name}:{secrets.token_hex(6)}"
    async with contextlib.AsyncExitStack() as stack:
        journal = await stack.enter_async_context(journal_of(config))
        world = RealWorld(clock, data_folder(config) / "evidence", browser=_browser(config, clock))
        stack.push_async_callback(world.browser.aclose)
        sending = Sending()
        engine = Engine(journal, world, clock, owner, find_scenario, sending)
        dispatch = LocalDispatch(journal, engine.advance, clock, only=only, sending=sending)
        visits = Visits(journal, config, clock, rng, dispatch.nudge)
        opening = Mailboxes(
            world.mailboxes, lambda each, account: _mailbox(each, account, journal, world, dispatch, rng)
        )
        stack.push_async_callback(opening.aclose)
        await opening.use({n: a for n, a in config.mailboxes.items() if mailboxes is None or n in mailboxes})
        yield Bot(config, clock, rng, owner, journal, world, dispatch, visits, opening)


def _mailbox(
    name: str, account: Settings, journal: Journal, world: RealWorld, dispatch: LocalDispatch, rng: random.Random
) -> Mailbox:
    def skew() -> float | None:
        return world.mailboxes[name].inbox.state.clock_skew_seconds

    intake = Intake(
        journal, name, account.address, world.clock, world.evidence, dispatch.nudge, skew, account.authserv_id
    )
    tokens = AccessTokens.of(account, mailbox=name)
    outbox = Outbox(account, now=world.now, tokens=tokens)
    return Mailbox(account, outbox, Inbox(account, intake, now=world.now, rng=rng, tokens=tokens))


def _browser(config: Config, clock: Clock) -> Browser:
    return Browser(config.browser, now=lambda: datetime.fromtimestamp(clock.now(), UTC), environ=os.environ)
