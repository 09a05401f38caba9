"""Quick checks that every way in can be reached at all: the desks' form pages and mail servers, our own mail servers, and
what else stands under `reach` in the config.

Contacts nobody, and nothing that is not in the config.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from conversations.about import FIELDS, about
from conversations.clock import Clock
from conversations.journal import Journal, reach
from mysterybot.config import Config
from probes.form.browser import Browser
from probes.form.channel import FormChannel
from probes.reach import form, http, imap, mx, smtp, tcp
from probes.reach.reached import Reached

log = logging.getLogger(__name__)

AT_ONCE = 20
RETRY_AFTER = 1.0
SOONEST = 5.0
FASTER = 4
BROWSER_BUSY = 120.0
"""Seconds that a look at a form waits for visits that use the browser."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed: the labels that name it, how, and how often in seconds."""

    labels: Mapping[str, str]
    probe: Callable[[], Awaitable[Reached]]
    every: float

    @property
    def light(self) -> bool:
        """Whether it takes no browser, which has a limiter of its own."""
        return self.labels["probe"] != "form"

    @property
    def patient(self) -> bool:
        """Whether it is not probed more often while it is down: mail servers of others mistrust who knocks too often."""
        return self.labels["probe"] == "mx"

    @property
    def name(self) -> str:
        """What to call it in a log."""
        return " ".join(value for value in self.labels.values() if value)

    def pause(self, last: Reached) -> float:
        """Seconds from one probe to the next: shorter until it is up again."""
        return self.every if last.up or self.patient else min(self.every, max(SOONEST, self.every / FASTER))


def targets(config: Config, browser: Browser, route: mx.Route = mx.Route()) -> list[Target]:  # noqa: B008 - a frozen value
    """Every target of the config. `route`: how mail servers of desks are found."""
    every = config.reach.every.amount
    light = [Target(labels, probe, every) for labels, probe in _light(config, route)]
    forms = [
        Target(
            _labels("form", desk=desk_name, channel=channel_name),
            partial(form.probe, channel, timeout=channel.timeout + BROWSER_BUSY, browser=browser),
            config.reach.form_every.amount,
        )
        for desk_name, desk in config.desks.items()
        for channel_name, channel in desk.channels.items()
        if isinstance(channel, FormChannel)
    ]
    return [*light, *forms]


def _light(config: Config, route: mx.Route) -> Iterator[tuple[Mapping[str, str], Callable[[], Awaitable[Reached]]]]:
    """Labels and probe of what takes no browser."""
    settings = config.reach
    timeout = settings.timeout.amount
    for desk_name, desk in config.desks.items():
        for channel_name, channel in desk.channels.items():
            of_channel = partial(_labels, desk=desk_name, channel=channel_name)
            if isinstance(channel, FormChannel):
                yield of_channel("http"), partial(http.probe, channel.form, timeout=timeout)
            elif settings.mail:
                to = replace(route, sender=_sender(config, desk_name, channel_name) if settings.rcpt else None)
                yield of_channel("mx"), partial(mx.probe, channel.email, timeout=timeout, route=to)
    for name, account in config.mailboxes.items():
        yield _labels("smtp", mailbox=name), partial(smtp.probe, account.smtp, timeout=timeout)
        yield _labels("imap", mailbox=name), partial(imap.probe, account.imap, timeout=timeout)
    for name, page in settings.urls.items():
        wanted = {"ca_file": page.ca_file, "status": page.status, "text": page.text}
        labels = _labels("http", desk=page.desk or "", target=name)
        yield labels, partial(http.probe, page.url, timeout=timeout, **wanted)  # type: ignore[arg-type]
    for name, port in settings.tcp.items():
        yield _labels("tcp", desk=port.desk or "", target=name), partial(tcp.probe, port, timeout=timeout)


def _labels(probe: str, **known: str) -> Mapping[str, str]:
    return {"desk": "", "channel": "", "mailbox": "", "target": "", **known, "probe": probe}


def _sender(config: Config, desk: str, channel: str) -> str | None:
    """Whose mail the desk's server is asked to take: the mailbox of a visit to it, else any; None when there is none."""
    visitors = [visit.mailbox for visit in config.visits.values() if (visit.desk, visit.channel) == (desk, channel)]
    return next((config.mailboxes[name].address for name in (*visitors, *config.mailboxes)), None)


class Reaching:
    """Probes every target again and again, each at its own pace, so that a slow one keeps none waiting."""

    def __init__(self, journal: Journal, config: Config, clock: Clock, browser: Browser) -> None:
        self._journal = journal
        self._clock = clock
        self._retries = config.reach.retries
        self.targets = targets(config, browser)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._was_up: dict[str, bool | None] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number, target in enumerate(self.targets, 1):
                spread = number / len(self.targets)  # all at the start, and from then on apart
                with about(**{name: value for name, value in target.labels.items() if name in FIELDS}):
                    group.create_task(self._watch(target, spread), name=f"reach {target.name}")

    async def _watch(self, target: Target, share: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, pause = loop.time(), target.every
            try:
                pause = target.pause(await self.probe(target))
            except Exception:
                log.exception("the reach probe %s broke; it goes on at its next turn", target.name)
            await asyncio.sleep(max(1.0, began + share * pause - loop.time()))
            share = 1.0

    async def probe(self, target: Target) -> Reached:
        """Once, and again at once when it failed; all tries are counted, the last one is what is shown."""
        tries = [await self._tried(target)]
        retries = 0 if target.patient else self._retries
        while tries[-1].up is False and len(tries) <= retries:
            await asyncio.sleep(RETRY_AFTER)
            tries.append(await self._tried(target))
        at = self._clock.now()
        await self._journal.write(lambda c: reach.save(c, target.labels, tries, at))
        self._tell(target, tries[-1])
        return tries[-1]

    async def _tried(self, target: Target) -> Reached:
        async with self._slots if target.light else contextlib.nullcontext():
            return await target.probe()

    def _tell(self, target: Target, last: Reached) -> None:
        """Log what has changed."""
        if self._was_up.get(target.name, True) != last.up:
            cannot = "could not be probed" if last.up is None else "cannot be reached"
            log.warning("%s %s", target.name, "can be reached again" if last.up else f"{cannot}: {last.reason}")
        self._was_up[target.name] = last.up
