"""The mailboxes of a bot while its config changes."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from conversations.clock import SystemClock
from conversations.control import Mailbox as Settings
from mysterybot import app
from mysterybot.mailboxes import Mailbox, Mailboxes
from probes.errors import BotError
from probes.form.browser import Browser
from probes.mail.arrivals import Arrival, Position
from probes.mail.inbox import Inbox
from probes.mail.smtp import Outbox
from tests.probes.mail.dialogue import account


class Nowhere:
    """A ledger that is never asked, since no server answers."""

    async def position(self, folder: str) -> Position | None:
        return None

    async def keep(self, folder: str, arrivals: Sequence[Arrival], position: Position) -> None: ...


def settings(**changes: str) -> Settings:
    return Settings.model_validate({**account(smtp=1, imap=1).model_dump(exclude_defaults=True), **changes})


def made(_: str, account: Settings) -> Mailbox:
    def now() -> datetime:
        return datetime.now(UTC)

    return Mailbox(account, Outbox(account, now=now), Inbox(account, Nowhere(), now=now, rng=random.Random(1)))


async def test_a_mailbox_whose_settings_change_is_not_ready_for_a_moment_but_never_gone() -> None:
    open_now: dict[str, Mailbox] = {}
    mailboxes = Mailboxes(open_now, made)
    await mailboxes.use({"anna": settings(), "ben": settings()})
    before = dict(open_now)
    changing = asyncio.create_task(mailboxes.use({"anna": settings(name="Ann"), "ben": settings(name="Benno")}))
    while not changing.done():
        assert set(open_now) == {"anna", "ben"}
        await asyncio.sleep(0)
    assert [open_now[name].account.name for name in before] == ["Ann", "Benno"]
    with pytest.raises(BotError) as refused:
        await before["anna"].inbox.ready(0.01)
    assert refused.value.retry, "what is to be sent from it is put off"
    await mailboxes.aclose()
    assert open_now == {}


async def test_the_end_of_a_wait_is_not_held_up_by_a_mailbox_that_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "READY_WITHIN", 0.01)
    monkeypatch.setattr(app, "READ_WITHIN", 3600.0)
    world = app.RealWorld(SystemClock(), tmp_path, cast(Browser, None), {"anna": made("anna", settings())})
    with pytest.raises(BotError, match="anna@"):
        async with asyncio.timeout(60):
            await world.mailbox_read("anna")


async def test_a_mailbox_that_leaves_the_config_is_closed_and_gone() -> None:
    open_now: dict[str, Mailbox] = {}
    mailboxes = Mailboxes(open_now, made)
    await mailboxes.use({"anna": settings(), "ben": settings()})
    kept = open_now["anna"]
    await mailboxes.use({"anna": settings()})
    assert open_now == {"anna": kept}
    await mailboxes.aclose()
