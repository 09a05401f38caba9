"""The mailboxes that are open: those of the config, also when that changes."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conversations.about import about
from conversations.control import Mailbox as Settings
from mysterybot.background import background
from probes.mail.inbox import Inbox
from probes.mail.smtp import Outbox


@dataclass(slots=True)
class Mailbox:
    """One test account, sending and receiving."""

    account: Settings
    outbox: Outbox
    inbox: Inbox


class Mailboxes:
    """Opens and closes mailboxes one by one; `open_now` holds those that are open, by name."""

    def __init__(self, open_now: dict[str, Mailbox], make: Callable[[str, Settings], Mailbox]) -> None:
        self._open, self._make = open_now, make
        self._stacks: dict[str, contextlib.AsyncExitStack] = {}

    async def use(self, accounts: Mapping[str, Settings]) -> None:
        """Have exactly these open. Those whose settings have not changed are not touched; of the others, what is being sent
        is let end, and who wants to send meanwhile finds them not ready, and not gone.
        """
        made = {name: self._make(name, account) for name, account in accounts.items() if not self._same(name, account)}
        for name in [*self._open]:
            if name in made or name not in accounts:
                await self._close(name)
            if name not in accounts:
                del self._open[name]
        for name, account in accounts.items():
            if name in made:
                await self._begin(name, made[name])
            else:
                self._open[name].account = account

    async def aclose(self) -> None:
        """Close all."""
        await self.use({})

    def _same(self, name: str, account: Settings) -> bool:
        if name not in self._stacks:
            return False
        before = self._open[name].account  # whether it sends control mails is no matter of its connections
        return before.model_copy(update={"control": None}) == account.model_copy(update={"control": None})

    async def _begin(self, name: str, mailbox: Mailbox) -> None:
        self._open[name], self._stacks[name] = mailbox, contextlib.AsyncExitStack()
        self._stacks[name].push_async_callback(mailbox.outbox.aclose)
        with about(mailbox=name):
            await self._stacks[name].enter_async_context(background(mailbox.inbox.run()))

    async def _close(self, name: str) -> None:
        if name in self._stacks:
            await self._stacks.pop(name).aclose()
