"""`mysterybot check`: the config, the connections, the open conversations."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict, dataclass
from pathlib import Path

from conversations.definition import Definition
from conversations.dry import Mismatch, dry_replay
from conversations.journal import lifecycle
from mysterybot.app import find_scenario, opened
from mysterybot.commands.common import BAD, Wrong, command, configured, err, journal, log_to_stderr, out
from mysterybot.complaints import ConfigErrors
from mysterybot.config import Config
from mysterybot.reaching import targets
from mysterybot.webconfig import Web, doubts, load_web
from probes.errors import ProbeError
from probes.form.channel import FormChannel


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was checked."""

    what: str
    ok: bool
    detail: str


def check(path: Path, *, connect: bool, open_: bool, web_config: Path | None, as_json: bool) -> int:
    """0 when all is well."""
    log_to_stderr(verbose=False, quiet=True)
    return command(lambda: _check(path, connect=connect, open_=open_, web_config=web_config, as_json=as_json))


async def _check(path: Path, *, connect: bool, open_: bool, web_config: Path | None, as_json: bool) -> int:
    config = configured(path)
    web = _web(config, web_config)
    if not as_json:
        doubtful = [f"{path}: bot.listen: {doubt}" for doubt in doubts(web, config.bot.host)]
        for warning in (*(each.told(path) for each in config.warnings), *doubtful):
            err.print(warning, markup=False, style="yellow")
    results = [Result(str(path), True, _counted(config))]
    if web.files:
        results.append(Result(str(web.files[0]), True, _told(web)))
    if connect:
        results += [result async for result in _connections(config)]
    if open_:
        results += [result async for result in _open_conversations(config)]
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))
    else:
        for result in results:
            out.print(
                f"{'ok  ' if result.ok else 'BAD '} {result.what}: {result.detail}",
                markup=False,
                style="" if result.ok else "red",
            )
    return 0 if all(result.ok for result in results) else BAD


def _web(config: Config, web_config: Path | None) -> Web:
    try:
        return load_web(web_config or config.bot.web_config, os.environ)
    except ConfigErrors as errors:
        raise Wrong(str(errors)) from None


def _told(web: Web) -> str:
    users = len(web.users)
    return f"{'TLS' if web.tls else 'no TLS'}, {users or 'no'} user{'' if users == 1 else 's'}"


def _counted(config: Config) -> str:
    parts = (
        (config.mailboxes, "mailbox", "mailboxes"),
        (config.desks, "desk", "desks"),
        (config.visits, "visit", "visits"),
    )
    return ", ".join(f"{len(found)} {one if len(found) == 1 else many}" for found, one, many in parts)


async def _connections(config: Config) -> AsyncIterator[Result]:
    async with opened(config, name="check", only=()) as bot:
        for logged_in in await asyncio.gather(  # at once: a server that does not answer holds up nobody else's
            *(
                _attempt(f"mailbox {name}, {way}", attempt, "logged in")
                for name, mailbox in bot.world.mailboxes.items()
                for way, attempt in (("SMTP", mailbox.outbox.check()), ("IMAP", mailbox.inbox.ready(15)))
            )
        ):
            yield logged_in
        for desk_name, desk in config.desks.items():
            for channel_name, channel in desk.channels.items():
                if isinstance(channel, FormChannel):
                    looking = bot.world.browser.look(channel)
                    yield await _attempt(
                        f"form {desk_name}.{channel_name}", looking, "every field found; nothing was sent"
                    )
        for target in targets(config, bot.world.browser):
            if name := target.labels["target"]:
                reached = await target.probe()
                said = reached.reason or f"answers; {' and '.join(f'IPv{kind}' for kind in reached.addresses)}"
                yield Result(f"reach {name}, {target.labels['probe']}", reached.up is True, said)
    for name in config.notify:
        yield Result(f"notify {name}", True, f"not tried; mysterybot notify {name} --test sends a test notice")


async def _attempt(what: str, attempt: Awaitable[object], good: str) -> Result:
    try:
        await attempt
    except ProbeError as error:
        return Result(what, False, str(error))
    return Result(what, True, good)


async def _open_conversations(config: Config) -> AsyncIterator[Result]:
    async with journal(config) as opened_journal:
        for conversation_id in await opened_journal.read(lambda c: lifecycle.listed(c, open_only=True)):
            whole = await opened_journal.read(lambda c, which=conversation_id: lifecycle.load(c, which))  # type: ignore[misc]
            if whole is None:
                raise Wrong(f"conversation {conversation_id} has vanished")
            definition = Definition.model_validate_json(whole.definition)
            what = f"conversation {whole.id} of visit {whole.visit}"
            try:
                await dry_replay(whole, find_scenario(definition.scenario))
            except (Mismatch, LookupError, ValueError) as error:
                yield Result(what, False, str(error))
            else:
                yield Result(what, True, f"goes on at step {len(whole.steps)}")
