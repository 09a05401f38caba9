"""The same promises kept on a real Postfix and a real Dovecot."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from probes.errors import AddressRefused, LoginRefused, SendRefused
from probes.mail.account import Account
from probes.mail.imap import ConnectionLimit, Session
from probes.mail.inbox import MAX_MAIL_BYTES, Inbox, InboxState, Pace
from probes.mail.letter import Letter, compose, new_message_id
from probes.mail.smtp import Outbox
from tests.probes.mail.dialogue import relay
from tests.probes.mail.ledger import Memory, now
from tests.servers import DOMAIN, MailServers, mail_servers, missing

ANNA, SUPPORT = f"anna@{DOMAIN}", f"support@{DOMAIN}"
numbers = itertools.count()


async def passed() -> None:
    """A point of no return that notes nothing."""


def letter(to: str, subject: str = "hello", text: str = "hi\n") -> bytes:
    message_id = new_message_id(DOMAIN, Random(next(numbers)))
    return compose(Letter("Anna", ANNA, to, subject, text, message_id, now()))


def account(mail: MailServers, address: str = ANNA, **changes: Any) -> Account:
    return Account.model_validate(mail.account(address, **changes))


@asynccontextmanager
async def watched(
    who: Account, ledger: Memory, pace: Pace | None = None, on_state: Callable[[InboxState], None] | None = None
) -> AsyncIterator[Inbox]:
    inbox = Inbox(who, ledger, now=now, rng=Random(1), pace=pace, on_state=on_state)
    run = asyncio.create_task(inbox.run())
    try:
        await inbox.ready(20)
        yield inbox
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


def has(subject: bytes) -> Callable[[Memory], bool]:
    return lambda ledger: any(subject in arrival.raw for arrival in ledger.arrivals)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_letter_goes_out_and_arrives_at_its_plus_address(mail: MailServers, security: str) -> None:
    tls = {"host": "localhost", "security": security, "ca_file": str(mail.ca_file)}
    smtp = {**tls, "port": mail.tls_port if security == "tls" else mail.starttls_port}
    imap = {**tls, "port": mail.imaps_port if security == "tls" else mail.imap_port}
    who, ledger = account(mail, smtp=smtp, imap=imap), Memory()
    box, pushed = Outbox(who, now=now), asyncio.Event()

    def on_state(state: InboxState) -> None:
        if state.last_push is not None:
            pushed.set()

    async with watched(who, ledger, on_state=on_state) as inbox, asyncio.timeout(20):
        to = who.address.replace("@", "+k7x2@")
        raw = letter(to, f"via {security} — ü")
        accepted = await box.send(raw, sender=ANNA, recipients=[to], point_of_no_return=passed)
        await ledger.until(lambda m: m.arrivals, 20)
        await pushed.wait()
        assert "queued" in accepted.reply
        assert inbox.state.clock_skew_seconds is not None
        assert inbox.state.clock_skew_seconds >= 0  # one machine, one clock
    await box.aclose()
    (arrival,) = ledger.arrivals
    assert arrival.raw.endswith(raw.partition(b"\r\n\r\n")[2])
    assert arrival.size == len(arrival.raw)


async def test_both_folders_are_watched_and_junk_is_found_by_its_special_use(mail: MailServers) -> None:
    ledger = Memory()
    async with watched(account(mail), ledger) as inbox:
        await ledger.until(lambda m: "Junk" in m.positions, 20)
        await asyncio.to_thread(mail.put, b"Subject: spam\r\n\r\nx\r\n", ANNA, "Junk")
        await ledger.until(has(b"spam"), 20)
        assert inbox.state.junk == "Junk"
    assert [arrival.folder for arrival in ledger.arrivals] == ["Junk"]


async def test_a_folder_with_a_name_in_german_is_watched_when_the_config_names_it(mail: MailServers) -> None:
    name = 'Müll & "Spam"'
    await asyncio.to_thread(mail.doveadm, "mailbox", "create", "-u", ANNA, name)
    who, ledger = account(mail), Memory()
    who = who.model_copy(update={"imap": who.imap.model_copy(update={"junk": name})})
    async with watched(who, ledger):
        await ledger.until(lambda m: name in m.positions, 20)


async def test_a_huge_mail_and_a_huge_header_are_bounded_and_block_nothing(mail: MailServers) -> None:
    ledger = Memory()
    async with watched(account(mail, SUPPORT), ledger):
        await asyncio.to_thread(mail.put, b"Subject: huge\r\n\r\n" + b"x" * 70 + b"\r\n" * 15_000_000, SUPPORT)
        await asyncio.to_thread(mail.put, b"X-Huge: " + b"y" * 2_000_000 + b"\r\nSubject: head\r\n\r\nx\r\n", SUPPORT)
        await asyncio.to_thread(mail.put, b"Subject: after\r\n\r\nx\r\n", SUPPORT)
        await ledger.until(has(b"Subject: after"), 30)
    assert [len(arrival.raw) for arrival in ledger.arrivals[:2]] == [MAX_MAIL_BYTES, MAX_MAIL_BYTES]
    assert ledger.arrivals[0].size > 30_000_000


async def test_nothing_is_lost_or_kept_twice_when_the_line_is_cut_at_any_byte(mail: MailServers) -> None:
    ledger, count = Memory(), 12
    # TLS and login take some 5 kB: the cuts fall into the opening, the fetches, the bodies and the silence between.
    budgets = [1000 + 777 * number for number in range(20)]
    async with relay(mail.imap_port, budgets) as line:
        imap = {"host": "localhost", "port": line.port, "security": "starttls", "ca_file": str(mail.ca_file)}
        pace = Pace(deadline=5, first_retry=0.01, last_retry=0.1)
        async with watched(account(mail, imap=imap), ledger, pace):
            for number in range(count):
                body = b"%d" % number * 2000
                await asyncio.to_thread(mail.put, b"Subject: cut %d\r\n\r\n%b\r\n" % (number, body), ANNA)
            await ledger.until(has(b"Subject: cut %d\r\n" % (count - 1)), 40)
        assert line.cuts > 5
    subjects = [arrival.raw.partition(b"\r\n")[0] for arrival in ledger.arrivals]
    assert subjects == [b"Subject: cut %d" % number for number in range(count)]


async def test_a_changed_uidvalidity_is_noticed_and_known_mail_comes_again(mail: MailServers) -> None:
    ledger = Memory()
    async with watched(account(mail), ledger):
        pass
    await asyncio.to_thread(mail.put, b"Subject: known\r\n\r\nx\r\n", ANNA)
    await asyncio.to_thread(mail.doveadm, "mailbox", "update", "-u", ANNA, "--uid-validity", "4242", "INBOX")
    async with watched(account(mail), ledger):
        assert ledger.positions["INBOX"].uidvalidity == 4242
        assert has(b"Subject: known")(ledger)


async def test_a_wrong_password_is_refused_by_both(mail: MailServers) -> None:
    who = account(mail, login={"user": ANNA, "password": "wrong"})
    with pytest.raises(LoginRefused):
        await Outbox(who, now=now).check()
    with pytest.raises(LoginRefused):
        async with watched(who, Memory()):
            pass


async def test_addresses_and_relaying_are_refused_for_what_they_are(mail: MailServers) -> None:
    box = Outbox(account(mail), now=now)
    ghost = f"ghost@{DOMAIN}"
    with pytest.raises(AddressRefused, match="ghost"):
        await box.send(letter(ghost), sender=ANNA, recipients=[ghost], point_of_no_return=passed)
    too_large = b"Subject: x\r\n\r\n" + b"x" * 50_000_000
    with pytest.raises(SendRefused, match="at most"):
        await box.send(too_large, sender=ANNA, recipients=[SUPPORT], point_of_no_return=passed)
    await box.aclose()


async def test_a_mailbox_that_is_full_of_connections_is_opened_when_one_is_free() -> None:
    if (why := missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    with mail_servers(connections=1) as mail:
        who = account(mail)
        other = await Session.open(who, now=now, deadline=20)
        inbox = Inbox(who, Memory(), now=now, rng=Random(1), pace=Pace(crowded=0.1))
        run = asyncio.create_task(inbox.run())
        with pytest.raises(ConnectionLimit):
            await inbox.ready(1)
        other.abort()
        await inbox.ready(20)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
