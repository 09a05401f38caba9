"""Servers that keep their promises in ways that surprise, with whole conversations on top."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from random import Random

from conversations.records import Verdict
from probes.mail.account import Account
from tests.mail_faults.customers import customers, decided, visit
from tests.mail_faults.desk import DESK, US, desk
from tests.servers import MailServers

ENOUGH = 60.0
CONVERSATIONS = 4


async def test_a_mailbox_renumbered_again_and_again_under_open_conversations_loses_and_doubles_nothing(
    servers: MailServers, tmp_path: Path
) -> None:
    end = time.monotonic() + ENOUGH
    async with (
        desk(servers, Random(1)) as agent,
        customers(tmp_path, Account.model_validate(servers.account(US))) as bot,
    ):
        await bot.mailbox.inbox.ready(20)
        for number in range(CONVERSATIONS):
            await bot.begin(visit(US, DESK), number)
            change = ("mailbox", "update", "-u", US, "--uid-validity", str(10_000 + number), "INBOX")
            await asyncio.to_thread(servers.doveadm, *change)
        conversations = await decided(bot, agent, end)
    assert [(each.verdict, each.reason or "") for each in conversations] == CONVERSATIONS * [(Verdict.PASSED, "")]
    heard = Counter(m.message_id for each in conversations for m in each.messages if m.inbound)
    assert heard == Counter(agent.answered)


async def test_behind_a_provider_that_replaces_message_ids_answers_are_known_by_the_reference_in_the_subject(
    servers: MailServers, tmp_path: Path
) -> None:
    end, plain = time.monotonic() + ENOUGH, servers.account(US)
    rewriting = servers.account(US, smtp=plain["smtp"] | {"port": servers.rewriting_port})
    async with desk(servers, Random(2)) as agent, customers(tmp_path, Account.model_validate(rewriting)) as bot:
        await bot.mailbox.inbox.ready(20)
        for number in range(CONVERSATIONS):
            await bot.begin(visit(US, DESK), number)
        conversations = await decided(bot, agent, end)
    assert [(each.verdict, each.reason or "") for each in conversations] == CONVERSATIONS * [(Verdict.PASSED, "")]
    sent = {m.message_id for each in conversations for m in each.messages if not m.inbound}
    assert not sent & set(agent.received), "the provider was to replace them"
    rules = {m.matched_by for each in conversations for m in each.messages if m.inbound}
    assert rules == {"token-in-subject"}
