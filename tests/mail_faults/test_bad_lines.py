"""The bot's mail over lines that break at random, to a real Postfix and a real Dovecot: nothing lost, nothing doubled.

`MAIL_FAULTS=long` plays 500 messages instead of 60; `MAIL_FAULTS_SEED` another story.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from random import Random

import pytest

from conversations.records import Conversation, Status, Verdict
from conversations.reference import references_in
from mysterybot.demo.mailserver import MailServer
from probes.mail.account import Account
from replies.kind import Kind
from tests.mail_faults.customers import customers, decided, visit
from tests.mail_faults.desk import DESK, US, Desk, desk
from tests.mail_faults.relay import Relay, relay
from tests.mailworld import mail_world
from tests.servers import DOMAIN, MailServers

LONG = os.environ.get("MAIL_FAULTS") == "long"
SEED = int(os.environ.get("MAIL_FAULTS_SEED", "20260302"))
MESSAGES, FAULTS, ENOUGH = (500, 25, 900.0) if LONG else (60, 8, 60.0)
PER_CONVERSATION = 4  # two of ours and their answers
RATE = 0.02 if LONG else 0.04  # faults a chunk
TOGETHER = 25  # begun at a time
CORRUPTED, CORRUPTIONS = (40, 300) if LONG else (10, 40)


def through(servers: MailServers, smtp: Relay, imap: Relay) -> Account:
    plain = servers.account(US)
    changes = {"smtp": plain["smtp"] | {"port": smtp.port}, "imap": plain["imap"] | {"port": imap.port}}
    return Account.model_validate(servers.account(US, **changes))


async def test_over_lines_that_break_at_random_nothing_is_lost_or_doubled_and_every_verdict_is_right(
    servers: MailServers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng, began = Random(SEED), time.monotonic()
    caplog.set_level(logging.INFO, __name__)
    async with (
        desk(servers, rng) as agent,
        relay(servers.tls_port, rng, rate=0.0) as smtp,
        relay(servers.imaps_port, rng, rate=0.0) as imap,
        customers(tmp_path, through(servers, smtp, imap)) as bot,
    ):
        await bot.mailbox.inbox.ready(20)  # the position is durable: from here on nothing may be missed
        smtp.rate = imap.rate = RATE
        for number in range(MESSAGES // PER_CONVERSATION):
            await bot.begin(visit(US, DESK), number)
            if (number + 1) % TOGETHER == 0:
                await decided(bot, agent, began + ENOUGH)
        conversations = await decided(bot, agent, began + ENOUGH)
        assert not any(task.done() for task in bot.tasks)

    faults = smtp.faults + imap.faults
    logging.getLogger(__name__).info(told(conversations, faults, smtp, imap, agent, time.monotonic() - began))
    assert faults.total() >= FAULTS, faults
    assert {mail: times for mail, times in agent.received.items() if times > 1} == {}, "sent twice"
    heard = Counter(m.message_id for each in conversations for m in each.messages if m.inbound)
    assert heard == Counter(agent.answered), "an answer was lost or kept twice"
    sent = [m.message_id for each in conversations for m in each.messages if not m.inbound]
    assert sorted(map(str, sent)) == sorted(agent.received), "the journal and the desk know of different mails"
    for each in conversations:
        judged_rightly(each, agent)
    assert sum(each.verdict is Verdict.PASSED for each in conversations) >= 0.5 * len(conversations)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert not servers.doveadm("search", "-u", DESK, "mailbox", "Junk", "all").split()


def judged_rightly(conversation: Conversation, agent: Desk) -> None:
    """Passed when all was said and heard; otherwise the send that ended it did not reach the desk, and it says so."""
    ours = [m for m in conversation.messages if not m.inbound]
    humans = [m for m in conversation.messages if m.kind is Kind.HUMAN]
    if conversation.verdict is Verdict.PASSED:
        assert (len(ours), len(humans)) == (2, 2)
        assert len(conversation.messages) == 5
        return
    reason = conversation.reason or ""
    assert conversation.verdict is Verdict.FAULTED, reason
    last = conversation.steps[-1]
    assert last.intent["message_id"] not in agent.received, f"it did arrive: {reason}"
    if last.status is Status.UNCERTAIN:
        assert reason.startswith("send uncertain"), reason
    else:
        assert last.status is Status.FAILED
        assert last.attempts > 1, reason


def told(
    conversations: Sequence[Conversation], faults: Counter[str], smtp: Relay, imap: Relay, agent: Desk, seconds: float
) -> str:
    steps = [step for each in conversations for step in each.steps]
    return (
        f"seed {SEED}: {agent.received.total()} sent, {len(agent.answered)} answers, {faults.total()} faults"
        f" ({dict(faults)}; smtp {smtp.faults.total()}, imap {imap.faults.total()}), {smtp.delays + imap.delays} delays,"
        f" {smtp.connections} + {imap.connections} connections, {seconds:.0f} s;"
        f" {dict(Counter(str(each.verdict) for each in conversations))},"
        f" {sum('proved_by' in step.outcome for step in steps)} proved by an answer,"
        f" {sum(step.status is Status.UNCERTAIN for step in steps)} uncertain,"
        f" {sum(step.attempts for step in steps)} tries again"
    )


async def test_lines_that_corrupt_what_they_carry_in_clear_crash_nothing_and_leave_a_bot_that_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng, end = Random(SEED), time.monotonic() + ENOUGH
    caplog.set_level(logging.ERROR)
    users = {US: "anna's password", DESK: "the desk's password"}
    spoils = {"rate": 0.0, "kinds": {"corrupt": 1}}
    async with (
        mail_world(users) as world,
        relay(world.ports.smtp, rng, **spoils) as smtp,
        relay(world.ports.imap, rng, **spoils) as imap,
        customers(tmp_path, in_clear(users, smtp, imap)) as bot,
    ):
        world.post.on_delivery(DESK, lambda delivery: answer_at_once(world, delivery.mail.raw))
        await bot.mailbox.inbox.ready(20)
        smtp.rate = imap.rate = 0.15
        for number in range(CORRUPTED):
            await bot.begin(visit(US, DESK, grace="1 second"), number)
        while (smtp.faults + imap.faults).total() < CORRUPTIONS:
            world.post.deliver(US, DESK, b"Subject: nobody's\r\n\r\n" + b"text " * 500)
            assert time.monotonic() < end, smtp.faults + imap.faults
            await asyncio.sleep(0.1)
        smtp.rate = imap.rate = 0.0
        while not bot.mailbox.inbox.state.up:
            assert time.monotonic() < end, bot.mailbox.inbox.state
            await asyncio.sleep(0.1)
        last = await bot.begin(visit(US, DESK), CORRUPTED)
        while not (await bot.one(last)).verdict:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        assert (await bot.one(last)).verdict is Verdict.PASSED
        assert not any(task.done() for task in bot.tasks)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def in_clear(users: Mapping[str, str], smtp: Relay, imap: Relay) -> Account:
    local = {"host": "127.0.0.1", "security": "none"}
    return Account.model_validate(
        {
            "address": US,
            "name": "Anna",
            "smtp": {**local, "port": smtp.port},
            "imap": {**local, "port": imap.port},
            "login": {"user": US, "password": users[US]},
        }
    )


def answer_at_once(world: MailServer, raw: bytes) -> None:
    """What a desk writes that got this, however spoilt it is."""
    mail = message_from_bytes(raw)
    references = references_in(raw.decode("ascii", "replace"))
    if not references:
        return
    turn = "second" if mail["In-Reply-To"] else "first"
    answer = EmailMessage(policy=policy.SMTP)
    answer["From"], answer["To"], answer["Subject"] = DESK, US, f"Re: your order {references[0]}"
    answer["Message-ID"] = f"<{len(raw)}.{time.monotonic_ns()}@{DOMAIN}>"
    answer.set_content(f"Hello,\n\n{references[0].upper()} will come on Thursday. That is my {turn} word.\n")
    world.post.deliver(US, DESK, answer.as_bytes())
