"""`mysterybot notify`: the places that are told what goes wrong, and whether telling them works."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from conversations.journal import deliveries
from conversations.journal.deliveries import Standing
from conversations.notice import About, Notice, What
from exporters.notices.settings import EVENTS, Place
from exporters.notices.told import NotTold
from mysterybot.app import opened
from mysterybot.commands.common import BAD, command, configured, err, journal, log_to_stderr, no_such, out, table
from mysterybot.config import Config
from mysterybot.notifying import notifier_of


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test notice went."""

    place: str
    ok: bool
    detail: str


def notify(path: Path, place: str | None, *, test: bool, as_json: bool) -> int:
    """0 when all is well."""

    async def work() -> int:
        config = configured(path, secrets_needed=test)
        if place is not None and place not in config.notify:
            no_such("place under notify:", place, list(config.notify))
        if not config.notify and not as_json:
            err.print(f"{path} names nobody under notify: docs/configuration.md tells how.", markup=False)
        chosen = {name: each for name, each in config.notify.items() if place in {None, name}}
        return await (_test if test else _list)(config, chosen, as_json=as_json)

    log_to_stderr(verbose=False, quiet=True)
    return command(work)


async def _list(config: Config, places: Mapping[str, Place], *, as_json: bool) -> int:
    async with journal(config) as opened_journal:
        standing = await opened_journal.read(deliveries.standing)
    rows = {name: _told(place, standing.get(name, Standing({}, ""))) for name, place in places.items()}
    if as_json:
        print(json.dumps([{"place": name, **row} for name, row in rows.items()], indent=2, ensure_ascii=False))
    elif rows:
        shown = table("place", "by", "of", "desks", "sent", "waiting", "failed", "last trouble")
        for name, row in rows.items():
            shown.add_row(name, *(str(value) for value in row.values()))
        out.print(shown)
    return 0


def _told(place: Place, standing: Standing) -> dict[str, str | int]:
    numbers = {state: standing.counts.get(state, 0) for state in ("sent", "waiting", "failed")}
    return {
        "by": way(place),
        "of": ", ".join(event for event in EVENTS if event in place.on),
        "desks": ", ".join(place.desks) if place.desks else "all",
        **numbers,
        "error": standing.error,
    }


def way(place: Place) -> str:
    """How it is told; addresses that are secret are not named."""
    if place.email is not None:
        return f"email to {place.email}"
    return "webhook" if place.webhook else "slack" if place.slack else "apprise"


async def _test(config: Config, places: Mapping[str, Place], *, as_json: bool) -> int:
    results = [each async for each in _tried(config, places)]
    if as_json:
        print(json.dumps([asdict(each) for each in results], indent=2, ensure_ascii=False))
    for each in () if as_json else results:
        style = "" if each.ok else "red"
        out.print(f"{'ok  ' if each.ok else 'BAD '} {each.place}: {each.detail}", markup=False, style=style)
    return 0 if all(each.ok for each in results) else BAD


async def _tried(config: Config, places: Mapping[str, Place]) -> AsyncIterator[Tried]:
    senders = {place.mailbox for place in places.values() if place.mailbox}
    async with opened(config, mailboxes=senders, name="notify", only="") as bot:
        notifier = notifier_of(bot)
        for name, place in places.items():
            new = Notice(What.TEST, False, f"{What.TEST}:{secrets.token_hex(8)}", bot.clock.now(), About())
            try:
                await notifier.tell(name, new)
            except NotTold as error:
                yield Tried(name, False, str(error))
            else:
                yield Tried(name, True, f"took the test notice ({way(place)})")
