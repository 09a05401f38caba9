"""A new config while the service runs: it takes effect as a whole, or not at all."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from conversations.journal import lifecycle
from mysterybot.app import Bot
from mysterybot.complaints import ConfigErrors
from mysterybot.config import Config
from mysterybot.rounds import Rounds
from mysterybot.server import NotReloaded, RunningServer
from mysterybot.webconfig import Web
from mysterybot.webfile import WebFile

log = logging.getLogger(__name__)

AT_START = ("bot", "browser")
"""Sections that are read when the service starts, and not again."""


class Reloading:
    """Reads the config anew. `successful` and `at` tell of the last time, as Prometheus's own metrics do.

    `read` reads the config, off the event loop, and raises ConfigErrors. `visits`: whether the timetable starts any. The
    `server`, which shows all this, is told once it is there.
    """

    server: RunningServer

    def __init__(self, bot: Bot, rounds: Rounds, web_file: WebFile, read: Callable[[], Config], visits: bool) -> None:
        self._bot, self.rounds, self._web_file, self._read, self._visits = bot, rounds, web_file, read, visits
        self._one_at_a_time = asyncio.Lock()
        self.successful, self.at = True, bot.clock.now()

    async def reload(self) -> Sequence[str]:
        """Take the config as it is now; what it asks for in vain, in words. Raises NotReloaded when it is wrong."""
        async with self._one_at_a_time:
            if self._bot.stopping:
                raise NotReloaded("the bot is stopping")
            try:
                config = await asyncio.to_thread(self._read)
                new_web = self._web_file.changed() or not self._web_file.good
                web = await asyncio.to_thread(self._web_file.read) if new_web else self.server.web
                notes = [*self._in_vain(config), *await self._orphans(config)]
                await self._use(config.model_copy(update={each: getattr(self._bot.config, each) for each in AT_START}))
                if web is not self.server.web:
                    await self.server.use(web)
            except ConfigErrors as errors:
                raise self._refused(str(errors)) from None
            except Exception as error:  # a bug of ours, or a machine at its end: the work goes on all the same
                log.exception("the config could not be reloaded")
                raise self._refused(f"the config could not be reloaded: {type(error).__name__}; see the log") from error
            self._done(notes)
            return notes

    async def end(self) -> None:
        """Reload no more, and end the rounds."""
        async with self._one_at_a_time:
            await self.rounds.end()

    async def look_at_web_config(self) -> None:
        """Take it anew when its file, or a certificate that it names, has changed."""
        if not await asyncio.to_thread(self._web_file.changed):
            return
        async with self._one_at_a_time:
            try:
                web: Web = await asyncio.to_thread(self._web_file.read)
            except ConfigErrors as errors:
                self._refused(str(errors))
                return
            await self.server.use(web)
            self.successful, self.at = True, self._bot.clock.now()
            log.info("the web config was read anew")

    def _refused(self, why: str) -> NotReloaded:
        self.successful = False
        for line in why.splitlines():
            log.error("config not reloaded, the old one stays in force: %s", line)
        return NotReloaded(why)

    def _done(self, notes: Sequence[str]) -> None:
        self.successful, self.at = True, self._bot.clock.now()
        log.info("config reloaded")
        for note in notes:
            log.warning("config reloaded, but %s", note)

    def _in_vain(self, config: Config) -> Iterator[str]:
        for section in AT_START:
            before, after = getattr(self._bot.config, section), getattr(config, section)
            for name in type(before).model_fields:
                if getattr(before, name) != getattr(after, name):
                    yield f"{section}.{name} takes effect at the next start"

    async def _orphans(self, config: Config) -> list[str]:
        """Mailboxes that open conversations still need, and that are gone or have another address."""
        gone = [
            name
            for name, account in self._bot.config.mailboxes.items()
            if name not in config.mailboxes or config.mailboxes[name].address != account.address
        ]
        if not gone:
            return []
        need: Mapping[str, int] = Counter(await self._bot.journal.read(lifecycle.mailboxes_of_open))
        return [
            f"{need[name]} open conversation{'s need' if need[name] > 1 else ' needs'} the mailbox {name}, which "
            + ("has another address now" if name in config.mailboxes else "is gone")
            for name in gone
            if need[name]
        ]

    async def _use(self, config: Config) -> None:
        bot = self._bot
        if config == bot.config:
            return  # nothing is begun anew, no target is probed more often
        await self.rounds.end()
        try:
            await bot.mailboxes.use(config.mailboxes)
            bot.config = config
            bot.visits.use(config)
        finally:
            self.rounds = await Rounds(bot, visits=self._visits).begin()
