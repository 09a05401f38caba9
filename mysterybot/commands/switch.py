"""`mysterybot pause` and `resume`: the one switch that stops all new contact."""

import time
from pathlib import Path

from conversations.journal import switches
from mysterybot.commands.common import command, configured, journal, log_to_stderr, out


def switch(path: Path, *, pause: bool) -> int:
    """Turn it; a running bot heeds it at once."""

    async def work() -> int:
        async with journal(configured(path, secrets_needed=False)) as opened:
            if pause:
                await opened.write(lambda c: switches.pause(c, time.time()))
                out.print("Paused: nobody new is contacted; open conversations go on to their end.")
            else:
                await opened.write(switches.resume)
                out.print("Resumed: new conversations start again.")
        return 0

    log_to_stderr(verbose=False, quiet=True)
    return command(work)
