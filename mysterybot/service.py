"""The bot as a service: everything that `mysterybot run` does until it is told to stop."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conversations.journal import deliveries, lifecycle, switches
from exporters.snapshot import Snapshot, snapshot
from mysterybot.app import Bot, data_folder, opened
from mysterybot.background import background
from mysterybot.complaints import ConfigErrors
from mysterybot.config import Config
from mysterybot.live import live
from mysterybot.reloading import Reloading
from mysterybot.rounds import Rounds
from mysterybot.server import NotReloaded, RunningServer, ServerState, application, serve
from mysterybot.timetable import Timetable
from mysterybot.webconfig import doubts
from mysterybot.webfile import WebFile
from probes.mail.account import is_loopback

log = logging.getLogger(__name__)

LOOK_AT_WEB_CONFIG_EVERY = 5.0

STOP_WITHIN = 30.0
"""Seconds that stopping may take; then the process ends as if it were killed, which loses nothing either."""


class CannotRun(Exception):
    """The service cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the service runs, besides its config.

    `read` reads that anew, for a reload; without it the same stays in force. `web_config` wins over `bot.web_config`.
    `lifecycle`: whether HTTP may make us reload.
    """

    read: Callable[[], Config] | None = None
    web_config: Path | None = None
    lifecycle: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


@contextlib.asynccontextmanager
async def running(
    config: Config,
    *,
    visits: bool = True,
    options: Options = Options(),
) -> AsyncIterator[tuple[Bot, RunningServer]]:
    """Run until the context is left; without `visits` the timetable starts none.

    Raises CannotRun when another one runs on this data, the port is taken, or the web config is wrong.
    """
    with alone(data_folder(config)):
        async with contextlib.AsyncExitStack() as stack:
            bot = await stack.enter_async_context(opened(config, name="run"))
            freed = await bot.journal.write(lambda c: lifecycle.release_all(c, "run:", bot.clock.now()))
            if freed:
                log.info("%d conversations go on that were under way when the bot last stopped", freed)
            await bot.journal.write(lambda c: deliveries.release_all(c, bot.clock.now()))
            web_file = WebFile(options.web_config or config.bot.web_config, options.environ)
            reloading = Reloading(bot, Rounds(bot, visits=visits), web_file, options.read or (lambda: config), visits)
            server = await _serve(bot, reloading, web_file, lifecycle=options.lifecycle)
            stack.push_async_callback(server.stop)
            reloading.server = server
            timetable = Timetable()
            timetable.every(LOOK_AT_WEB_CONFIG_EVERY, "web config", reloading.look_at_web_config)
            async with background(bot.dispatch.run(), timetable.run()):
                await reloading.rounds.begin()
                try:
                    yield bot, server
                finally:
                    bot.stopping = True
                    bot.dispatch.close()
                    await reloading.end()


async def run(config: Config, announce: Callable[[str], None], options: Options) -> None:
    """Run until SIGTERM or SIGINT, of which a second one ends the process at once.

    SIGUSR1 stops all new contact and allows it again, SIGHUP reads the config anew.
    """
    os.environ["TZ"] = "UTC"  # the schedule library reckons in local time, which jumps
    time.tzset()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stop, number)
    async with running(config, options=options) as (bot, server):
        under_way: set[asyncio.Task[None]] = set()

        def on(number: signal.Signals, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
            def begin() -> None:
                under_way.add(task := asyncio.create_task(work()))
                task.add_done_callback(under_way.discard)

            loop.add_signal_handler(number, begin)

        on(signal.SIGUSR1, lambda: toggle(bot))
        on(signal.SIGHUP, lambda: _reload(server))
        for doubt in doubts(server.web, config.bot.host):
            log.warning("bot.listen: %s", doubt)
        settle()
        scheme = "http" if server.web.tls is None else "https"
        announce(f"{scheme}://{config.bot.listen.rpartition(':')[0]}:{server.port}/")
        await stop.wait()
        loop.set_exception_handler(_while_stopping)
        log.info("stopping; open conversations go on at the next start")


def settle() -> None:
    """Tell the garbage collector that what is here now stays: to look through all of it again would stop the bot for 60 ms,
    at every scrape.
    """
    gc.collect()
    gc.freeze()


def _stop(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        log.warning("told a second time to stop: ending at once")
        os._exit(128 + number)
    stop.set()
    _end_after(STOP_WITHIN)


def _end_after(seconds: float) -> None:
    """End the process after that, whatever it does then; a thread, since the event loop may be what hangs."""

    def end() -> None:
        log.error("stopping took longer than %.0f s: ending at once; what was being sent is uncertain", seconds)
        os._exit(1)

    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()


def _while_stopping(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Whoever stops us may stop the browser's driver in the same moment; that it is gone is then no error."""
    log.debug("while stopping: %s", context.get("exception") or context.get("message"))


async def _reload(server: RunningServer) -> None:
    with contextlib.suppress(NotReloaded):  # it is in the log and in the metrics
        await server.state.reload()


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


async def _serve(bot: Bot, reloading: Reloading, web_file: WebFile, *, lifecycle: bool) -> RunningServer:
    async def take_snapshot() -> Snapshot:
        decided = await bot.journal.read(lambda c: switches.decided(c, bot.clock.now()))
        return await snapshot(bot.journal, live(bot, reloading, decided))

    def unready() -> Sequence[str]:
        if bot.stopping:
            return ["stopping"]
        states = {name: mailbox.inbox.state for name, mailbox in bot.world.mailboxes.items()}
        return [f"mailbox {name}: {state.error or 'not open yet'}" for name, state in states.items() if not state.up]

    async def pause() -> None:
        await bot.journal.write(lambda c: switches.pause(c, bot.clock.now()))

    async def resume() -> None:
        await bot.journal.write(switches.resume)

    config = bot.config.bot
    state = ServerState(
        journal=bot.journal,
        evidence=bot.world.evidence,
        snapshot=take_snapshot,
        unready=unready,
        pause=pause,
        resume=resume,
        reload=reloading.reload,
        lifecycle=lifecycle,
        may_switch=lambda: lifecycle or is_loopback(config.host) or reloading.server.web.guarded,
        now=bot.clock.now,
    )
    try:
        web = await asyncio.to_thread(web_file.read)
    except ConfigErrors as errors:
        raise CannotRun(str(errors)) from None
    try:
        return await serve(application(state), config.host, config.port, web)
    except OSError as error:
        why = error.strerror or error
        raise CannotRun(f"cannot listen on {config.listen} (bot.listen): {why}") from error
