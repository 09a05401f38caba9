"""Quick checks that every way in can be reached at all: the desks' form pages, our own mail servers. Contacts nobody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from conversations.clock import Clock
from conversations.journal import Journal, reach
from mysterybot.config import Config
from probes.form.channel import FormChannel
from probes.reach import http, imap, smtp
from probes.reach.reached import Reached

log = logging.getLogger(__name__)

AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed: the labels that name it, and how."""

    labels: Mapping[str, str]
    probe: Callable[[], Awaitable[Reached]]


def targets(config: Config) -> list[Target]:
    """Every target of the config."""
    timeout = config.reach.timeout.amount
    found = []
    for desk_name, desk in config.desks.items():
        for channel_name, channel in desk.channels.items():
            if isinstance(channel, FormChannel):
                labels = {"desk": desk_name, "channel": channel_name, "mailbox": "", "probe": "http"}
                found.append(Target(labels, partial(http.probe, channel.form, timeout=timeout)))
    for name, account in config.mailboxes.items():
        labels = {"desk": "", "channel": "", "mailbox": name}
        found.append(Target({**labels, "probe": "smtp"}, partial(smtp.probe, account.smtp, timeout=timeout)))
        found.append(Target({**labels, "probe": "imap"}, partial(imap.probe, account.imap, timeout=timeout)))
    return found


class Reaching:
    """Probes all targets; called by the timetable."""

    def __init__(self, journal: Journal, config: Config, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self.targets = targets(config)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._was_up: dict[str, bool] = {}

    async def probe_all(self) -> None:
        """Once round."""
        await asyncio.gather(*(self._probe(target) for target in self.targets))

    async def _probe(self, target: Target) -> None:
        async with self._slots:
            reached = await target.probe()
        at = self._clock.now()
        await self._journal.write(lambda c: reach.save(c, target.labels, reached, at))
        name = " ".join(value for value in target.labels.values() if value)
        if self._was_up.get(name, True) != reached.up:
            log.warning("%s %s", name, "can be reached again" if reached.up else f"cannot be reached: {reached.reason}")
        self._was_up[name] = reached.up
