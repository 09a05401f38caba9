"""The recurring work of the service: visits, reach probes, control mails, notices, second opinions, retention."""

import contextlib
from typing import Self

from conversations.control import ControlMails, plans
from mysterybot.app import Bot
from mysterybot.background import background
from mysterybot.notifying import notifier_of
from mysterybot.reaching import Reaching
from mysterybot.retention import Retention
from mysterybot.timetable import Timetable

RETENTION_EVERY = 3600.0
CONTROL_EVERY = 5.0
NEWS_EVERY, NOTIFY_EVERY = 5.0, 2.0
OPINIONS_EVERY = 5.0


class Rounds:
    """What goes round under one config; another config has other rounds."""

    def __init__(self, bot: Bot, *, visits: bool) -> None:
        config = bot.config
        self.reaching = Reaching(bot.journal, config, bot.clock, bot.world.browser)
        self._stack = contextlib.AsyncExitStack()
        self._timetable = Timetable()
        if visits:
            self._timetable.every(1, "timetable", bot.visits.start_due)
        if watched := plans(config.mailboxes):
            mails = ControlMails(bot.journal, bot.world, bot.clock, bot.rng, watched)
            self._timetable.every(CONTROL_EVERY, "control mails", mails.tick)
        notifier = notifier_of(bot)
        self._timetable.every(NEWS_EVERY, "news", notifier.look)
        self._timetable.every(NOTIFY_EVERY, "notices", notifier.deliver)
        if (opinions := bot.second_opinions) is not None:
            self._timetable.every(OPINIONS_EVERY, "second opinions", opinions.tick)
        self._timetable.every(RETENTION_EVERY, "retention", Retention(bot.journal, bot.world.evidence, bot.clock).sweep)

    async def begin(self) -> Self:
        """Set it in motion."""
        await self._stack.enter_async_context(background(self._timetable.run(), self.reaching.run()))
        return self

    async def end(self) -> None:
        """Begin nothing more, and let end what is in motion, for a while."""
        await self._stack.aclose()
