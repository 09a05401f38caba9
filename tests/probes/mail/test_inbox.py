"""The watcher against scripted servers: each dialogue is a way in which IMAP goes wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from probes.errors import LoginRefused, NameNotResolved, Unreachable
from probes.mail.inbox import Inbox, InboxState, Pace, Position
from tests.probes.mail.dialogue import PASSWORD, Script, account, server
from tests.probes.mail.ledger import Memory, now

# Only INBOX is watched in these: the second connection of each script finds no spam folder.
QUICK = Pace(deadline=2, silence=5, poll=0.05, first_retry=0.01, last_retry=0.02, crowded=0.05, login=0.05, absent=600)
GREETING = ["S: * OK ready", "C: TAG CAPABILITY", "S: * CAPABILITY IMAP4rev1 IDLE", "S: TAG OK done"]
LOGIN = [*GREETING, 'C: TAG LOGIN "anna" "correct horse"', "S: TAG OK in", *GREETING[1:]]
POLLED = [line.replace(" IDLE", "") for line in LOGIN]
NO_JUNK = [*LOGIN, 'C: TAG LIST "" "[*]"', "S: TAG OK none", "C: BYE0 LOGOUT"]
EMPTY = ["S: TAG OK none"]
Lines = list[str | bytes]
SEARCH = "C: TAG UID SEARCH UID {}:[*]"
ITEMS = "(UID INTERNALDATE RFC822.SIZE BODY.PEEK[[]]<0.65536>)"
DATE = 'INTERNALDATE " 2-Mar-2026 09:00:00 +0100"'


def opened(next_uid: int = 1, validity: int = 7) -> Lines:
    return [
        'C: TAG EXAMINE "INBOX"',
        "S: * 0 EXISTS",
        f"S: * OK [UIDVALIDITY {validity}] x",
        f"S: * OK [UIDNEXT {next_uid}] x",
        "S: TAG OK [READ-ONLY] open",
    ]


def nothing(next_uid: int) -> Lines:
    """Nothing is new; as RFC 3501 has it, the last mail is named all the same."""
    return [SEARCH.format(next_uid), f"S: * SEARCH {next_uid - 1}", "S: TAG OK done"]


def start(uid: int, text: bytes = b"Subject:\n", octets: int | None = None) -> bytes:
    """The answer about a mail whose first bytes are `text`."""
    known = f"FLAGS (\\Recent) UID {uid} {DATE} RFC822.SIZE {octets or len(text)}".encode()
    return b"* %d FETCH (%b BODY[]<0> {%d}\r\n%b)\r\n" % (uid, known, len(text), text)


def body(uid: int, text: bytes = b"Subject:\n") -> bytes:
    return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\n" % (uid, uid, len(text), text)


def mail(uid: int, text: bytes = b"Subject:\n") -> Lines:
    """One new mail, asked for after a push."""
    return [f"C: TAG UID FETCH {uid}:{uid + 9} {ITEMS}", start(uid, text), "S: TAG OK done"]


IDLE = ["C: TAG IDLE", "S: + idling"]
PUSH = ["S: * 1 EXISTS", "C: DONE", "S: TAG OK idle ended"]


@asynccontextmanager
async def watching(
    script: Script, ledger: Memory, pace: Pace = QUICK, states: list[InboxState] | None = None, **imap: Any
) -> AsyncIterator[Inbox]:
    inbox = Inbox(
        account(imap=script.port, in_imap=imap),
        ledger,
        now=now,
        rng=Random(1),
        pace=pace,
        on_state=states.append if states is not None else None,
    )
    # The watch of Junk would talk into the script of INBOX; the tests on the real server have both.
    run = asyncio.create_task(inbox._inbox.run())
    try:
        yield inbox
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_the_first_opening_starts_at_the_end_and_keeps_that_at_once() -> None:
    async with server([*LOGIN, *opened(41), *nothing(41), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger) as inbox:
            await inbox.ready(5)
            assert ledger.positions == {"INBOX": Position(7, 41)}
            assert inbox.state.up
            assert not ledger.arrivals


async def test_a_push_is_answered_with_one_fetch() -> None:
    async with server([*LOGIN, *opened(5), *nothing(5), *IDLE, *PUSH, *mail(5), *nothing(6), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger) as inbox:
            await ledger.until(lambda m: m.arrivals)
            await script.ended.wait()
            assert inbox.state.last_push is not None
    (arrival,) = ledger.arrivals
    assert (arrival.uid, arrival.raw, arrival.size) == (5, b"Subject:\n", 9)
    assert arrival.internal_date.isoformat() == "2026-03-02T08:00:00+00:00"
    assert ledger.positions["INBOX"] == Position(7, 6)


async def test_new_mail_announced_outside_idle_is_not_forgotten() -> None:
    during: Lines = [*mail(5)[:-1], "S: * 2 EXISTS", "S: TAG OK done"]
    async with server(
        [*LOGIN, *opened(5), *nothing(5), *IDLE, *PUSH, *during, *nothing(6), *mail(6), *nothing(7)]
    ) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.uids == [5, 6])


async def test_a_push_that_comes_with_the_continuation_of_idle_is_seen() -> None:
    together: Lines = ["C: TAG IDLE", b"* 1 EXISTS\r\n+ idling\r\n", "C: DONE", "S: TAG OK done"]
    async with server([*LOGIN, *opened(5), *nothing(5), *together, *mail(5), *nothing(6)]) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.uids == [5])


async def test_a_server_that_only_says_still_here_is_asked_after_a_minute_of_silence() -> None:
    silent: Lines = [*IDLE, "S: * OK Still here", "C: DONE", "S: TAG OK done", "C: TAG NOOP", "S: TAG OK done"]
    found: Lines = [
        SEARCH.format(5),
        "S: * SEARCH 5",
        "S: TAG OK done",
        f"C: TAG UID FETCH 5 {ITEMS}",
    ]
    async with server([*LOGIN, *opened(5), *nothing(5), *silent, *found, *mail(5)[1:], *nothing(6)]) as script:
        ledger = Memory()
        async with watching(script, ledger, Pace(silence=0.05)):
            await ledger.until(lambda m: m.uids == [5])


async def test_who_asks_is_told_when_all_that_has_come_is_kept_without_waiting_for_a_push() -> None:
    ended: Lines = [*IDLE, "C: DONE", "S: TAG OK done", "C: TAG NOOP", "S: TAG OK done"]
    found: Lines = [SEARCH.format(5), "S: * SEARCH 5", "S: TAG OK done", f"C: TAG UID FETCH 5 {ITEMS}"]
    async with server([*LOGIN, *opened(5), *nothing(5), *ended, *found, *mail(5)[1:], *nothing(6), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger, Pace(silence=60)) as inbox:
            await inbox.caught_up(5)
            assert ledger.uids == [5]


async def test_who_asks_while_the_mailbox_is_down_is_told_why() -> None:
    async with server(["S: * BYE too busy", "close"]) as script, watching(script, Memory()) as inbox:
        with pytest.raises(Unreachable, match="too busy"):
            await inbox.caught_up(0.2)


async def test_who_asks_when_the_connection_breaks_is_told_by_the_next_one() -> None:
    first: Lines = [*LOGIN, *opened(5), *nothing(5), *IDLE, "C: DONE", "close"]
    second: Lines = [*LOGIN, *opened(6), SEARCH.format(5), "S: * SEARCH 5", "S: TAG OK done"]
    found: Lines = [f"C: TAG UID FETCH 5 {ITEMS}", *mail(5)[1:], *nothing(6), *IDLE]
    async with server(first, [*second, *found]) as script:
        ledger = Memory()
        async with watching(script, ledger) as inbox:
            await inbox.caught_up(5)
            assert ledger.uids == [5]


async def test_without_idle_the_server_is_polled_with_noop_first() -> None:
    poll: Lines = [
        "C: TAG NOOP",
        "S: * 1 EXISTS",
        "S: TAG OK done",
        SEARCH.format(5),
        "S: * SEARCH 5",
        "S: TAG OK done",
    ]
    found: Lines = [f"C: TAG UID FETCH 5 {ITEMS}", *mail(5)[1:]]
    async with server([*POLLED, *opened(5), *nothing(5), *poll, *found, *nothing(6)]) as script:
        ledger = Memory()
        async with watching(script, ledger) as inbox:
            await ledger.until(lambda m: m.uids == [5])
            await script.ended.wait()
            assert inbox.state.clock_skew_seconds is None  # a poll says nothing about clocks


@pytest.mark.parametrize("refusal", ["NO not while you read only", "BAD what?"])
async def test_a_server_that_offers_idle_and_refuses_it_is_polled(refusal: str) -> None:
    refused: Lines = ["C: TAG IDLE", f"S: TAG {refusal}", "C: TAG NOOP", "S: TAG OK done"]
    found: Lines = [SEARCH.format(5), "S: * SEARCH 5", "S: TAG OK done", f"C: TAG UID FETCH 5 {ITEMS}"]
    async with server([*LOGIN, *opened(5), *nothing(5), *refused, *found, *mail(5)[1:], *nothing(6)]) as script:
        ledger, states = Memory(), list[InboxState]()
        async with watching(script, ledger, states=states):
            await ledger.until(lambda m: m.uids == [5])
    assert [state.up for state in states] == [True]


@pytest.mark.parametrize(
    "end", ["close", "S: * BYE shutting down", "S: X1 OK never asked", b"\xe9tat\r\n", b"* 1 FETCH (UID {"]
)
async def test_whatever_ends_a_connection_the_next_one_catches_up(end: str | bytes) -> None:
    first: Lines = [*LOGIN, *opened(5), *nothing(5), *IDLE, end, "close"]
    found: Lines = [
        SEARCH.format(5),
        "S: * SEARCH 5",
        "S: TAG OK done",
        f"C: TAG UID FETCH 5 {ITEMS}",
    ]
    async with server(first, [*LOGIN, *opened(6), *found, *mail(5)[1:], *nothing(6), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.uids == [5])
        assert script.connections == 2


async def test_a_server_that_stops_answering_is_left_and_its_connection_not_used_again() -> None:
    states: list[InboxState] = []
    first: Lines = [*LOGIN, *opened(5), *nothing(5), *IDLE, "S: * 1 EXISTS", "C: DONE", "hang"]
    found: Lines = [
        SEARCH.format(5),
        "S: * SEARCH 5",
        "S: TAG OK done",
        f"C: TAG UID FETCH 5 {ITEMS}",
    ]
    async with server(first, [*LOGIN, *opened(6), *found, *mail(5)[1:], *nothing(6), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger, Pace(deadline=0.3, first_retry=0.01), states):
            await ledger.until(lambda m: m.uids == [5])
            await script.ended.wait()
    assert [state.up for state in states][:2] == [True, False]
    assert "did not answer" in str(states[1].error)
    assert [state.read_until for state in states][:2] == [None, states[1].since]


async def test_a_ledger_that_fails_gets_the_same_mail_again() -> None:
    found: Lines = [
        SEARCH.format(5),
        "S: * SEARCH 5",
        "S: TAG OK done",
        f"C: TAG UID FETCH 5 {ITEMS}",
    ]
    whole: Lines = [*LOGIN, *opened(6), *found, *mail(5)[1:], *nothing(6), *IDLE]
    async with server(whole) as script:
        ledger = Memory()
        ledger.positions["INBOX"] = Position(7, 5)
        ledger.fail = OSError("disk full")
        async with watching(script, ledger):
            await ledger.until(lambda m: m.arrivals)
        assert script.connections == 2
    assert [count for _, count, _ in ledger.calls] == [1, 1]


async def test_when_uids_change_their_meaning_the_last_days_are_kept_again() -> None:
    since: Lines = [
        "C: TAG UID SEARCH SINCE *",
        "S: * SEARCH 2 3",
        "S: TAG OK done",
        f"C: TAG UID FETCH 2,3 {ITEMS}",
        start(2),
        start(3),
        "S: TAG OK done",
    ]
    async with server([*LOGIN, *opened(4, validity=8), *since, *nothing(4), *IDLE]) as script:
        ledger = Memory()
        ledger.positions["INBOX"] = Position(7, 900)
        async with watching(script, ledger) as inbox:
            await inbox.ready(5)
    assert [(a.uidvalidity, a.uid) for a in ledger.arrivals] == [(8, 2), (8, 3)]
    # Cut off in between, it would start again: the position moves at the end only.
    assert [position for _, _, position in ledger.calls] == [Position(7, 900), Position(8, 4)]


async def test_a_restored_mailbox_with_the_old_uidvalidity_is_read_again() -> None:
    since: Lines = ["C: TAG UID SEARCH SINCE *", "S: * SEARCH", "S: TAG OK done"]
    async with server([*LOGIN, *opened(4), *since, *nothing(4), *IDLE]) as script:
        ledger = Memory()
        ledger.positions["INBOX"] = Position(7, 900)
        async with watching(script, ledger) as inbox:
            await inbox.ready(5)
    assert ledger.positions["INBOX"] == Position(7, 4)


async def test_a_mail_that_vanishes_while_it_is_fetched_is_passed_over() -> None:
    gone: Lines = [*mail(5)[:1], f"S: * 5 FETCH (UID 5 {DATE} RFC822.SIZE 9)", "S: TAG OK done"]
    async with server([*LOGIN, *opened(5), *nothing(5), *IDLE, *PUSH, *gone, *nothing(6), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.positions.get("INBOX") == Position(7, 6))
    assert not ledger.arrivals


async def test_of_big_mails_the_rest_is_asked_for_a_few_at_a_time() -> None:
    uids, begins, whole = list(range(5, 12)), b"x" * 65_536, b"x" * 100_000
    first: Lines = [
        f"C: TAG UID FETCH 5:14 {ITEMS}",
        *(start(uid, begins, octets=30_000_000) for uid in uids),
        "S: TAG OK x",
        "C: TAG UID FETCH 5,6,7,8 (UID BODY.PEEK[[]]<0.1048576>)",
        *(body(uid, whole) for uid in uids[:4]),
        "S: TAG OK x",
    ]
    second: Lines = [
        "C: TAG UID FETCH 9,10,11 (UID BODY.PEEK[[]]<0.1048576>)",
        *(body(uid, whole) for uid in uids[4:6]),
        "S: TAG OK x",
    ]
    async with server([*LOGIN, *opened(5), *nothing(5), *IDLE, *PUSH, *first, *second, *nothing(12)]) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.uids == uids)
    assert [count for _, count, _ in ledger.calls] == [0, 4, 3]
    # The last one vanished before its rest was asked for: its beginning is kept.
    assert [len(arrival.raw) for arrival in ledger.arrivals] == 6 * [100_000] + [65_536]


async def test_a_search_that_names_two_hundred_thousand_mails_is_read() -> None:
    many = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1_000_000, 1_200_000)) + b"\r\n"
    found: Lines = [SEARCH.format(5), many, "S: TAG OK done", "C: TAG UID FETCH 1000000,*", "close"]
    async with server([*LOGIN, *opened(2_000_000), *found]) as script:
        ledger = Memory()
        ledger.positions["INBOX"] = Position(7, 5)
        async with watching(script, ledger):
            await script.ended.wait()


async def test_a_thousand_answers_in_one_piece_are_read() -> None:
    flags = b"".join(b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (n, n) for n in range(1, 3000))
    told: Lines = mail(5)
    told[1:1] = [flags]
    async with server([*LOGIN, *opened(5), *nothing(5), *IDLE, *PUSH, *told, *nothing(6)]) as script:
        ledger = Memory()
        async with watching(script, ledger):
            await ledger.until(lambda m: m.uids == [5])


async def test_a_wrong_password_is_told_at_once_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refusal = [*LOGIN[:5], f"S: TAG NO [AUTHENTICATIONFAILED] {PASSWORD} is wrong"]
    async with server(refusal) as script:
        async with watching(script, Memory(), Pace()) as inbox:
            with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED") as refused:
                await inbox.ready(5)
        assert script.connections == 1
    assert PASSWORD not in str(refused.value) + str(inbox.state.error) + caplog.text


@pytest.mark.parametrize(
    "crowded",
    [
        [*LOGIN[:5], "S: TAG NO [LIMIT] Maximum number of connections exceeded"],
        [*LOGIN[:5], "S: TAG NO [ALERT] Too many simultaneous connections. (Failure)"],
        ["S: * BYE Too many connections"],
    ],
)
async def test_too_many_connections_is_no_wrong_password_and_waits_long(crowded: list[str]) -> None:
    async with server(crowded) as script:
        async with watching(script, Memory(), Pace()) as inbox:
            with pytest.raises(Unreachable):
                await inbox.ready(0.3)
        assert script.connections == 1  # an ordinary failure would have been tried again by now


async def test_a_login_that_fails_for_the_moment_is_tried_again() -> None:
    passing = [*LOGIN[:5], "S: TAG NO [UNAVAILABLE] Temporary authentication failure."]
    good = [*LOGIN, *opened(5), *nothing(5), *IDLE]
    async with server(passing, good) as script, watching(script, Memory()) as inbox:
        await inbox.ready(5)


async def test_where_login_is_disabled_plain_is_used_and_carries_any_password() -> None:
    greeting = [
        "S: * OK ready",
        "C: TAG CAPABILITY",
        "S: * CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN",
        "S: TAG OK done",
    ]
    plain = ["C: TAG AUTHENTICATE PLAIN", "S: + ", "C: AGFubmEAY29ycmVjdCBob3JzZQ==", "S: TAG OK in", *greeting[1:]]
    async with server([*greeting, *plain, *opened(5), *nothing(5)]) as script, watching(script, Memory()) as inbox:
        await inbox.ready(5)


async def test_nothing_is_said_in_clear_when_starttls_is_stripped() -> None:
    async with server(["S: * OK ready", "C: TAG STARTTLS", "S: TAG BAD what?"]) as script:
        async with watching(script, Memory(), Pace(), security="starttls") as inbox:
            with pytest.raises(Unreachable, match="STARTTLS"):
                await inbox.ready(0.3)
        assert len(script.heard) == 1


async def test_a_greeting_that_skips_the_login_is_not_trusted_with_starttls() -> None:
    async with (
        server(["S: * PREAUTH welcome"]) as script,
        watching(script, Memory(), Pace(), security="starttls") as inbox,
    ):
        with pytest.raises(Unreachable, match="PREAUTH"):
            await inbox.ready(0.3)


@pytest.mark.parametrize("greeting", [b"220 mx ESMTP\r\n", b"x" * 2_000_000, b"* BYE no\r\n"])
async def test_what_is_no_imap_server_is_unreachable(greeting: bytes) -> None:
    async with server([greeting]) as script, watching(script, Memory(), Pace()) as inbox:
        with pytest.raises(Unreachable):
            await inbox.ready(0.5)


async def test_an_unknown_host_is_told_as_such() -> None:
    unknown: dict[str, Any] = {"host": "no-such-host.invalid", "security": "tls"}
    async with server([]) as script, watching(script, Memory(), Pace(), **unknown) as inbox:
        with pytest.raises(NameNotResolved, match=r"no-such-host\.invalid"):
            await inbox.ready(2)


async def test_a_listener_that_raises_does_not_stop_the_watch() -> None:
    async with server([*LOGIN, *opened(5), *nothing(5), *IDLE]) as script:
        ledger = Memory()
        async with watching(script, ledger) as inbox:
            inbox._on_state = lambda state: 1 / 0  # type: ignore[assignment]
            await inbox.ready(5)


async def test_the_second_connection_finds_no_spam_folder_and_leaves() -> None:
    async with server(NO_JUNK) as script:
        ledger = Memory()
        inbox = Inbox(account(imap=script.port), ledger, now=now, rng=Random(1), pace=QUICK)
        run = asyncio.create_task(inbox._spam.run())
        async with asyncio.timeout(5):
            await script.ended.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert script.connections == 1
