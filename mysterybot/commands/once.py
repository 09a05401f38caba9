"""`mysterybot once`: play one visit now and watch it."""

import asyncio
import json
from pathlib import Path

from conversations.description import describe
from conversations.engine import LEASE
from conversations.journal import lifecycle
from conversations.records import Conversation, Verdict
from conversations.start import REASONS, NotStarted, start
from mysterybot.app import Bot, opened
from mysterybot.background import background
from mysterybot.commands.common import FAILED, FAULTED, PASSED, Wrong, command, configured, log_to_stderr, no_such, out
from mysterybot.commands.narrate import Narrator, summary
from mysterybot.config import Config
from mysterybot.visits import definition

EXIT = {Verdict.PASSED: PASSED, Verdict.FAILED: FAILED, Verdict.FAULTED: FAULTED}

LOOK_EVERY = 0.2


def once(visit: str, path: Path, *, as_json: bool, conversation: str | None, verbose: bool) -> int:
    """The exit code is the verdict."""
    log_to_stderr(verbose=verbose, quiet=not verbose)
    return command(lambda: _once(configured(path), visit, as_json=as_json, conversation=conversation))


async def _once(config: Config, visit: str, *, as_json: bool, conversation: str | None) -> int:
    if visit not in config.visits:
        no_such("visit", visit, list(config.visits))
    what = definition(config, visit)
    async with opened(config, mailboxes={what.mailbox, *what.senders}, name="once", only=()) as bot:
        conversation_id = await _start(bot, visit) if conversation is None else await _known(bot, visit, conversation)
        try:
            ended = await play(bot, conversation_id, Narrator() if not as_json else None)
        except asyncio.CancelledError:
            if not as_json:
                out.print(
                    f"\nStopped watching. The conversation stays open: mysterybot run goes on with it, or "
                    f"mysterybot once {visit} --continue {conversation_id}"
                )
            raise
        ended = await _judged(bot, ended)
    if as_json:
        print(json.dumps(describe(ended), indent=2, ensure_ascii=False))
    else:
        for line in summary(describe(ended)):
            out.print(f"          {line}", markup=False)
    assert ended.verdict is not None
    return EXIT[ended.verdict]


async def _judged(bot: Bot, ended: Conversation) -> Conversation:
    """With the second opinions on its replies, where there is a judge."""
    if (opinions := bot.second_opinions) is None:
        return ended
    await opinions.tick(only=ended.id)
    return await bot.journal.read(lambda c: lifecycle.load(c, ended.id)) or ended


async def _start(bot: Bot, visit: str) -> str:
    now = bot.clock.now()
    started = await start(
        bot.journal,
        definition(bot.config, visit),
        due_at=now,
        now=now,
        location=bot.config.bot.location,
        rng=bot.rng,
        owner=bot.owner,
        lease_until=now + LEASE,
        open_allowed=None,
        scheduled=False,
    )
    if isinstance(started, NotStarted):
        raise Wrong(f"visit {visit} not started: {REASONS[started.reason]}")
    return str(started)


async def _known(bot: Bot, visit: str, conversation: str) -> str:
    """The id that begins so, of a conversation of this visit."""
    found = await bot.journal.read(lambda c: lifecycle.beginning_with(c, conversation))
    wholes = [await bot.journal.read(lambda c, each=each: lifecycle.load(c, each)) for each in found]  # type: ignore[misc]
    ids = [whole.id for whole in wholes if whole is not None and whole.visit == visit]
    if len(ids) != 1:
        raise Wrong(
            f"visit {visit} has no conversation {conversation}; mysterybot conversations --visit {visit} lists them"
        )
    return ids[0]


async def play(bot: Bot, conversation_id: str, narrator: Narrator | None) -> Conversation:
    """Advance one conversation and its companions until all have ended, telling them; the conversation itself."""
    bot.dispatch.only = {conversation_id}
    bot.dispatch.nudge(conversation_id)
    async with background(bot.dispatch.run()):
        while True:
            family = await bot.journal.read(lambda c: lifecycle.load_all(c, lifecycle.family(c, conversation_id)))
            bot.dispatch.only = {each.id for each in family}
            if narrator is not None:
                for line in narrator.news(*family):
                    out.print(line)
            if all(each.verdict is not None for each in family):
                return family[0]
            await asyncio.sleep(LOOK_EVERY)
