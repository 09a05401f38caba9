"""The bot as a service: everything that `mysterybot run` does until it is told to stop."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from conversations.control import ControlMails, plans
from conversations.durations import Duration
from conversations.hours import BusinessHours
from conversations.journal import lifecycle, switches
from conversations.journal.switches import Decided
from conversations.maintenance import Maintenance, under_maintenance
from conversations.visit import Desk
from exporters.snapshot import Live, LiveDesk, LiveMailbox, LiveVisit, Snapshot, snapshot
from mysterybot import __version__
from mysterybot.app import Bot, data_folder, opened
from mysterybot.background import background
from mysterybot.config import Config
from mysterybot.reaching import Reaching
from mysterybot.retention import Retention
from mysterybot.server import RunningServer, ServerState, application, serve
from mysterybot.timetable import Timetable
from probes.form.channel import FormChannel

log = logging.getLogger(__name__)

RETENTION_EVERY = 3600.0
CONTROL_EVERY = 5.0


class CannotRun(Exception):
    """The service cannot start; the message says why and what to do."""


@contextlib.asynccontextmanager
async def running(config: Config, *, visits: bool = True) -> AsyncIterator[tuple[Bot, RunningServer]]:
    """Run until the context is left; without `visits` the timetable starts none.

    Raises CannotRun when another one runs on this data, or the port is taken.
    """
    with alone(data_folder(config)):
        async with contextlib.AsyncExitStack() as stack:
            bot = await stack.enter_async_context(opened(config, name="run"))
            freed = await bot.journal.write(lambda c: lifecycle.release_all(c, "run:", bot.clock.now()))
            if freed:
                log.info("%d conversations go on that were under way when the bot last stopped", freed)
            reaching = Reaching(bot.journal, config, bot.clock, bot.world.browser)
            server = await _serve(bot, reaching, config)
            stack.push_async_callback(server.stop)
            timetable = Timetable()
            if visits:
                timetable.every(1, "timetable", bot.visits.start_due)
            if watched := plans(config.mailboxes):
                mails = ControlMails(bot.journal, bot.world, bot.clock, bot.rng, watched)
                timetable.every(CONTROL_EVERY, "control mails", mails.tick)
            timetable.every(RETENTION_EVERY, "retention", Retention(bot.journal, bot.world.evidence, bot.clock).sweep)
            async with background(bot.dispatch.run(), timetable.run(), reaching.run()):
                yield bot, server


async def run(config: Config, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; SIGUSR1 stops all new contact and allows it again."""
    os.environ["TZ"] = "UTC"  # the schedule library reckons in local time, which jumps
    time.tzset()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(config) as (bot, server):
        toggles: set[asyncio.Task[None]] = set()

        def on_usr1() -> None:
            toggles.add(task := asyncio.create_task(toggle(bot)))
            task.add_done_callback(toggles.discard)

        loop.add_signal_handler(signal.SIGUSR1, on_usr1)
        settle()
        announce(f"http://{config.bot.listen.rpartition(':')[0]}:{server.port}/")
        await stop.wait()
        loop.set_exception_handler(_while_stopping)
        log.info("stopping; open conversations go on at the next start")


def settle() -> None:
    """Tell the garbage collector that what is here now stays: to look through all of it again would stop the bot for 60 ms,
    at every scrape.
    """
    gc.collect()
    gc.freeze()


def _while_stopping(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Whoever stops us may stop the browser's driver in the same moment; that it is gone is then no error."""
    log.debug("while stopping: %s", context.get("exception") or context.get("message"))


async def toggle(bot: Bot) -> None:
    """Pause, or resume."""
    if await bot.journal.read(switches.paused):
        await bot.journal.write(switches.resume)
        log.warning("resumed: new conversations start again")
    else:
        await bot.journal.write(lambda c: switches.pause(c, bot.clock.now()))
        log.warning("paused: nobody new is contacted")


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the data folder for this service."""
    with (data / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            who = lock.read().strip() or "unknown"
            raise CannotRun(f"another mysterybot (process {who}) runs on {data}; stop it first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def live(bot: Bot, reaching: Reaching, decided: Decided) -> Live:
    """What a scrape needs besides the journal's figures."""
    config, now = bot.config, bot.clock.now()
    return Live(
        location=config.bot.location,
        version=__version__,
        visits=[_live_visit(config, name) for name in config.visits],
        mailboxes=[
            LiveMailbox(
                name,
                mailbox.inbox.state.up,
                mailbox.inbox.state.clock_skew_seconds,
                config.mailboxes[name].control is not None,
            )
            for name, mailbox in bot.world.mailboxes.items()
        ],
        targets=[target.labels for target in reaching.targets],
        timetable_lag=bot.visits.lag,
        next_looks=bot.visits.next_looks,
        paused=decided.paused,
        desks=[_live_desk(name, desk, decided.maintenances.get(name), now) for name, desk in config.desks.items()],
    )


def _live_desk(name: str, desk: Desk, decided: Maintenance | None, now: float) -> LiveDesk:
    open_ = desk.business_hours.is_open(datetime.fromtimestamp(now, UTC))
    maintenance = under_maintenance(desk.maintenance, desk.timezone, now, decided)
    return LiveDesk(name, desk.name, open_, maintenance, desk.timezone)


def _live_visit(config: Config, name: str) -> LiveVisit:
    visit = config.visits[name]
    desk = config.desks[visit.desk]
    promises = {promise: _seconds(desk.business_hours, duration) for promise, duration in desk.promises.given().items()}
    form = isinstance(desk.channels[visit.channel], FormChannel)
    return LiveVisit(name, visit.desk, visit.channel, visit.interval, promises, form)


@lru_cache(maxsize=1000)
def _seconds(hours: BusinessHours, promise: Duration) -> float:
    """How long a promise is; one in business time, in seconds of business time."""
    if not promise.business:
        return promise.amount
    start = hours.opens(datetime(2024, 1, 1, tzinfo=UTC))
    return hours.between(start, hours.after(start, promise))


async def _serve(bot: Bot, reaching: Reaching, config: Config) -> RunningServer:
    async def take_snapshot() -> Snapshot:
        decided = await bot.journal.read(lambda c: switches.decided(c, bot.clock.now()))
        return await snapshot(bot.journal, live(bot, reaching, decided))

    def unready() -> Sequence[str]:
        states = {name: mailbox.inbox.state for name, mailbox in bot.world.mailboxes.items()}
        return [f"mailbox {name}: {state.error or 'not open yet'}" for name, state in states.items() if not state.up]

    async def pause() -> None:
        await bot.journal.write(lambda c: switches.pause(c, bot.clock.now()))

    async def resume() -> None:
        await bot.journal.write(switches.resume)

    state = ServerState(
        journal=bot.journal,
        evidence=bot.world.evidence,
        snapshot=take_snapshot,
        unready=unready,
        pause=pause,
        resume=resume,
        now=bot.clock.now,
    )
    try:
        return await serve(application(state), config.bot.host, config.bot.port)
    except OSError as error:
        why = error.strerror or error
        raise CannotRun(f"cannot listen on {config.bot.listen} (bot.listen): {why}") from error
