"""`mysterybot run` in a process of its own, that also tells what happens when: `python -m benchmarks.service CONFIG`."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from sqlalchemy.engine import Connection

from benchmarks.waiting import tell
from conversations.journal import messages
from mysterybot.app import find_scenario
from mysterybot.config import load
from mysterybot.service import running, settle


async def main(path: Path) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running(load(path, os.environ, find_scenario)) as (bot, server):
        await asyncio.gather(*(bot.world.mailbox_ready(name) for name in bot.world.mailboxes))
        await bot.dispatch.sweep()  # what was due is in motion: from here on the bot drives
        settle()
        tell("driving", port=server.port)
        await stop.wait()


def _tell_of_replies() -> None:
    store = messages.store

    def told(connection: Connection, received: messages.Received, now: float) -> bool:
        new = store(connection, received, now)
        tell("stored", which=received.conversation)  # its commit is still to come
        return new

    messages.store = told


if __name__ == "__main__":
    _tell_of_replies()
    asyncio.run(main(Path(sys.argv[1])))
