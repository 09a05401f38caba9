"""Quick checks that every way in can be reached at all: the desks' form pages and mail servers, our own mail servers.

Contacts nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from conversations.clock import Clock
from conversations.journal import Journal, reach
from mysterybot.config import Config
from probes.form.channel import FormChannel
from probes.reach import http, imap, mx, smtp
from probes.reach.reached import Reached

log = logging.getLogger(__name__)

AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed: the labels that name it, and how."""

    labels: Mapping[str, str]
    probe: Callable[[], Awaitable[Reached]]


def targets(config: Config, route: mx.Route = mx.Route()) -> list[Target]:  # noqa: B008 - a frozen value
    """Every target of the config. `route`: how mail servers of desks are found."""
    timeout = config.reach.timeout.amount
    found = []
    for desk_name, desk in config.desks.items():
        for channel_name, channel in desk.channels.items():
            labels = {"desk": desk_name, "channel": channel_name, "mailbox": "", "target": ""}
            if isinstance(channel, FormChannel):
                found.append(Target({**labels, "probe": "http"}, partial(http.probe, channel.form, timeout=timeout)))
            elif config.reach.mail:
                to = replace(route, sender=_sender(config, desk_name, channel_name) if config.reach.rcpt else None)
                probe = partial(mx.probe, channel.email, timeout=timeout, route=to)
                found.append(Target({**labels, "probe": "mx"}, probe))
    for name, account in config.mailboxes.items():
        labels = {"desk": "", "channel": "", "mailbox": name, "target": ""}
        found.append(Target({**labels, "probe": "smtp"}, partial(smtp.probe, account.smtp, timeout=timeout)))
        found.append(Target({**labels, "probe": "imap"}, partial(imap.probe, account.imap, timeout=timeout)))
    return found


def _sender(config: Config, desk: str, channel: str) -> str | None:
    """Whose mail the desk's server is asked to take: the mailbox of a visit to it, else any; None when there is none."""
    visitors = [visit.mailbox for visit in config.visits.values() if (visit.desk, visit.channel) == (desk, channel)]
    return next((config.mailboxes[name].address for name in (*visitors, *config.mailboxes)), None)


class Reaching:
    """Probes all targets; called by the timetable."""

    def __init__(self, journal: Journal, config: Config, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self.targets = targets(config)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._was_up: dict[str, bool | None] = {}

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
