"""What a scrape and the pages need besides the journal's figures: the config and the program as they are now."""

from datetime import UTC, datetime
from functools import lru_cache

from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.journal.switches import Decided
from conversations.maintenance import Maintenance, under_maintenance
from conversations.visit import Desk
from exporters.snapshot import Live, LiveDesk, LiveMailbox, LiveVisit
from mysterybot import __version__
from mysterybot.app import Bot
from mysterybot.config import Config
from mysterybot.mailboxes import Mailbox
from mysterybot.reloading import Reloading
from probes.form.channel import FormChannel


def live(bot: Bot, reloading: Reloading, decided: Decided) -> Live:
    """As it is now."""
    config, now = bot.config, bot.clock.now()
    return Live(
        location=config.bot.location,
        version=__version__,
        visits=[_visit(config, name) for name in config.visits],
        mailboxes=[_mailbox(name, mailbox) for name, mailbox in bot.world.mailboxes.items()],
        targets=[target.labels for target in reloading.rounds.reaching.targets],
        timetable_lag=bot.visits.lag,
        next_looks=bot.visits.next_looks,
        paused=decided.paused,
        places=list(config.notify),
        desks=[_desk(name, desk, decided.maintenances.get(name), now) for name, desk in config.desks.items()],
        config_loaded=reloading.successful,
        config_loaded_at=reloading.at,
    )


def _mailbox(name: str, mailbox: Mailbox) -> LiveMailbox:
    state = mailbox.inbox.state
    until = None if state.read_until is None else state.read_until.timestamp()
    return LiveMailbox(name, state.up, state.clock_skew_seconds, mailbox.account.control is not None, until)


def _desk(name: str, desk: Desk, decided: Maintenance | None, now: float) -> LiveDesk:
    open_ = desk.business_hours.is_open(datetime.fromtimestamp(now, UTC))
    maintenance = under_maintenance(desk.maintenance, desk.timezone, now, decided)
    return LiveDesk(name, desk.name, open_, maintenance, desk.timezone)


def _visit(config: Config, name: str) -> LiveVisit:
    visit = config.visits[name]
    desk = config.desks[visit.desk]
    promises = {promise: _seconds(desk.business_hours, duration) for promise, duration in desk.promises.given().items()}
    form = isinstance(desk.channels[visit.channel], FormChannel)
    return LiveVisit(name, visit.desk, visit.channel, visit.interval, promises, form, visit.mailbox)


@lru_cache(maxsize=1000)
def _seconds(hours: BusinessHours, promise: Duration) -> float:
    """How long a promise is; one in business time, in seconds of business time."""
    if not promise.business:
        return promise.amount
    start = hours.opens(datetime(2024, 1, 1, tzinfo=UTC))
    return hours.between(start, hours.after(start, promise))
