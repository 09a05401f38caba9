import asyncio
import imaplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
import trustme
from aioimaplib import aioimaplib

from mysterybot.demo.mailserver import MailServer
from tests.mailworld import USERS, mail_world

ANNA = "anna@inbox.example"
PASSWORD = USERS[ANNA]
MAIL = b"From: Mira <support@acme.example>\r\nTo: anna@inbox.example\r\nSubject: Your\r\n order\r\n\r\nIt is ready.\r\n"
T = TypeVar("T")


async def with_imaplib(server: MailServer, use: Callable[[imaplib.IMAP4], T], *, login: bool = True) -> T:
    def run() -> T:
        with imaplib.IMAP4("127.0.0.1", server.ports.imap, timeout=10) as imap:
            if login:
                imap.login(ANNA, PASSWORD)
            return use(imap)

    return await asyncio.to_thread(run)


async def with_lines(server: MailServer, *lines: bytes) -> list[bytes]:
    """Everything that the server says to these lines, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.imap)
    writer.writelines(lines)
    async with asyncio.timeout(10):
        heard = await reader.read()
    writer.close()
    return heard.split(b"\r\n")


def deliver(server: MailServer, *texts: str) -> None:
    for text in texts:
        server.post.deliver(ANNA, "support@acme.example", MAIL + text.encode())


async def test_a_mail_is_fetched_whole_in_parts_and_by_header_field() -> None:
    def read(imap: imaplib.IMAP4) -> None:
        assert imap.select()[1] == [b"2"]
        items = "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[TEXT]<3.4>)"
        _, answer = imap.uid("FETCH", "2", items)
        told = b"".join(piece if isinstance(piece, bytes) else piece[0] + b"=" + piece[1] for piece in answer)
        assert raw in told
        assert b"RFC822.SIZE %d" % len(raw) in told
        assert b"BODY[HEADER.FIELDS (Subject)] {25}=Subject: Your\r\n order\r\n\r\n" in told
        assert b"BODY[TEXT]<3> {4}=is r" in told
        assert b"FLAGS ()" in told
        imap.uid("FETCH", "2", "(BODY[HEADER])")
        assert imap.uid("FETCH", "1:*", "(FLAGS)")[1] == [b"1 (UID 1 FLAGS ())", b"2 (UID 2 FLAGS (\\Seen))"]

    async with mail_world() as server:
        deliver(server, "one", "two")
        raw = server.post.folder(ANNA).mails[1].raw
        await with_imaplib(server, read)


async def test_a_range_to_the_star_holds_the_last_mail_even_when_there_is_nothing_new() -> None:
    def read(imap: imaplib.IMAP4) -> None:
        imap.select()
        assert imap.uid("FETCH", "3:*", "(UID)")[1] == [b"2 (UID 2)"]
        assert imap.fetch("*", "(UID)")[1] == [b"2 (UID 2)"]

    async with mail_world() as server:
        deliver(server, "one", "two")
        await with_imaplib(server, read)


async def test_mails_are_searched_by_what_a_client_needs() -> None:
    def found(imap: imaplib.IMAP4, *keys: str) -> bytes:
        numbers: bytes = imap.uid("SEARCH", *keys)[1][0]
        return numbers

    def search(imap: imaplib.IMAP4) -> None:
        imap.select()
        imap.uid("STORE", "1", "+FLAGS", "(\\Seen)")
        assert found(imap, "ALL") == b"1 2 3"
        assert found(imap, "UNSEEN") == b"2 3"
        assert found(imap, "UID", "2:*") == b"2 3"
        assert found(imap, "UID", "2:*", "SEEN") == b""
        assert found(imap, "SINCE", "1-Jan-2020") == b"1 2 3"
        assert found(imap, "BEFORE", "1-Jan-2020") == b""
        assert found(imap, "HEADER", "Subject", '"your order"') == b"1 2 3"  # it is folded
        assert found(imap, "HEADER", "Subject", "ORDER") == b"1 2 3"
        assert found(imap, "HEADER", "X-None", '""') == b""
        assert found(imap, "TEXT", "two") == b"2"
        assert found(imap, "OR", "TEXT", "one", "NOT", "SUBJECT", "order") == b"1"
        assert found(imap, "CHARSET", "UTF-8", "(BODY three)") == b"3"
        with pytest.raises(imaplib.IMAP4.error, match="unknown search key"):
            found(imap, "FUZZY", "x")

    async with mail_world() as server:
        deliver(server, "one", "two", "three")
        await with_imaplib(server, search)


async def test_mails_are_flagged_copied_moved_and_expunged() -> None:
    def tidy(imap: imaplib.IMAP4) -> None:
        imap.select()
        assert imap.uid("COPY", "1", "Archive")[0] == "OK"
        assert imap.uid("MOVE", "1:2", "Junk")[0] == "OK"
        assert imap.response("EXPUNGE")[1] == [b"2", b"1"]
        assert imap.store("1", "+FLAGS", "\\deleted")[1] == [b"1 (FLAGS (\\Deleted))"]
        assert imap.expunge()[1] == [b"1"]
        assert imap.uid("COPY", "9", "Nowhere")[0] == "NO"

    async with mail_world() as server:
        deliver(server, "one", "two", "three")
        await with_imaplib(server, tidy)
        assert {name: len(server.post.folder(ANNA, name).mails) for name in ("INBOX", "Junk", "Archive")} == {
            "INBOX": 0,
            "Junk": 2,
            "Archive": 1,
        }


async def test_folders_are_listed_with_their_use_and_counted() -> None:
    def look(imap: imaplib.IMAP4) -> None:
        assert b'(\\HasNoChildren \\Junk) "/" "Junk"' in imap.list()[1]
        assert imap.list('""', "J%")[1] == [b'(\\HasNoChildren \\Junk) "/" "Junk"']
        assert imap.create('"Old orders"')[0] == "OK"
        assert imap.append('"Old orders"', "(\\Seen)", imaplib.Time2Internaldate(86400 * 365), MAIL)[0] == "OK"
        assert imap.status('"Old orders"', "(MESSAGES UNSEEN UIDNEXT)")[1] == [
            b'"Old orders" (MESSAGES 1 UNSEEN 0 UIDNEXT 2)'
        ]
        assert imap.select('"Old orders"', readonly=True)[1] == [b"1"]
        assert imap.fetch("1", "(INTERNALDATE)")[1] == [b'1 (INTERNALDATE "01-Jan-1971 00:00:00 +0000")']
        assert imap.store("1", "+FLAGS", "\\Deleted")[0] == "NO"
        assert imap.select("Nowhere")[0] == "NO"
        assert imap.namespace()[0] == "OK"

    async with mail_world() as server:
        await with_imaplib(server, look)


async def test_literals_are_read_whether_they_are_asked_for_or_not() -> None:
    async with mail_world() as server:
        heard = await with_lines(
            server,
            b"1 LOGIN {17}\r\nanna@inbox.exampl {3}\r\nbad\r\n",
            b"2 LOGIN {18+}\r\nanna@inbox.example {14+}\r\nannas password\r\n",
            b'3 APPEND INBOX (\\Seen) {5+}\r\na:b\r\n\r\n4 ID ("name" NIL)\r\n',
            b"5 LOGOUT\r\n",
        )
    tagged = [line.split()[:2] for line in heard if line[:1].isdigit()]
    assert tagged == [[b"1", b"NO"], [b"2", b"OK"], [b"3", b"OK"], [b"4", b"OK"], [b"5", b"OK"]]


async def test_plain_authentication_works_with_and_without_an_initial_response() -> None:
    def challenged(imap: imaplib.IMAP4) -> None:
        assert imap.authenticate("PLAIN", lambda _: f"\0{ANNA}\0{PASSWORD}".encode())[0] == "OK"

    async with mail_world() as server:
        await with_imaplib(server, challenged, login=False)
        heard = await with_lines(
            server,
            b"1 AUTHENTICATE PLAIN AGFubmFAaW5ib3guZXhhbXBsZQBhbm5hcyBwYXNzd29yZA==\r\n",
            b'2 LIST "" INBOX\r\n3 LOGOUT\r\n',
        )
    assert b'* LIST (\\HasNoChildren) "/" "INBOX"' in heard


async def aioimap(server: MailServer) -> aioimaplib.IMAP4:
    client = aioimaplib.IMAP4("127.0.0.1", server.ports.imap, timeout=10)
    await client.wait_hello_from_server()
    assert (await client.login(ANNA, PASSWORD)).result == "OK"
    return client


async def test_a_delivery_is_pushed_to_an_idling_aioimaplib_at_once() -> None:
    async with mail_world() as server:
        client = await aioimap(server)
        await client.select("INBOX")
        idle = await client.idle_start(timeout=60)
        deliver(server, "one")
        assert await client.wait_server_push(timeout=10) == [b"1 EXISTS"]
        client.idle_done()
        async with asyncio.timeout(10):
            await idle
        answer = await client.uid("fetch", "1:*", "(BODY.PEEK[])")
        assert answer.result == "OK"
        assert bytes(answer.lines[1]) == server.post.folder(ANNA).mails[0].raw
        await client.logout()


async def test_what_came_between_two_commands_is_told_by_noop_and_not_fetched_before() -> None:
    async with mail_world() as server:
        client = await aioimap(server)
        await client.select("INBOX")
        deliver(server, "one")
        assert (await client.uid("fetch", "1:*", "(UID)")).lines[:-1] != [b"1 FETCH (UID 1)"]
        assert (await client.uid("fetch", "1:*", "(UID)")).lines[0] == b"1 FETCH (UID 1)"
        await client.logout()


async def test_a_server_may_offer_no_idle_or_be_deaf_in_it() -> None:
    async with mail_world() as server:
        server.faults.imap.idle = False
        client = await aioimap(server)
        assert not client.has_capability("IDLE")
        await client.logout()
        server.faults.imap.idle = True
        server.faults.imap.deaf_idle = True
        client = await aioimap(server)
        await client.select("INBOX")
        idle = await client.idle_start(timeout=60)
        deliver(server, "one")
        with pytest.raises(TimeoutError):
            await client.wait_server_push(timeout=0.2)
        client.idle_done()
        async with asyncio.timeout(10):
            await idle
        await client.logout()


async def test_a_server_greets_with_bye_or_refuses_the_login() -> None:
    async with mail_world() as server:
        server.faults.imap.bye = "closed for repairs"
        assert await with_lines(server) == [b"* BYE closed for repairs", b""]
        server.faults.imap.bye = None
        server.faults.imap.refuse_login = True
        server.faults.imap.login_answer = "NO [LIMIT] too many connections"
        heard = await with_lines(server, b"1 LOGIN anna@inbox.example x\r\n2 LOGOUT\r\n")
        assert b"1 NO [LIMIT] too many connections" in heard


async def test_connections_are_cut_after_so_many_commands_and_only_so_often() -> None:
    async with mail_world() as server:
        server.faults.imap.cut_after = 1
        server.faults.imap.cuts = 1
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            await with_imaplib(server, lambda imap: imap.noop())
        assert server.faults.imap.cuts == 0
        assert (await with_imaplib(server, lambda imap: imap.noop()))[0] == "OK"


async def test_a_stalled_server_answers_nothing_and_stops_all_the_same() -> None:
    async with mail_world() as server:
        server.faults.imap.stall = True
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.imap)
        await reader.readline()
        writer.write(b"1 NOOP\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readline()
        writer.close()
    assert server.imap.connections == 0


async def test_a_renumbered_folder_ends_the_session_and_has_another_uidvalidity() -> None:
    async with mail_world() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.imap)
        writer.write(b'1 LOGIN anna@inbox.example "annas password"\r\n2 SELECT INBOX\r\n3 IDLE\r\n')
        async with asyncio.timeout(10):
            await reader.readuntil(b"+ idling\r\n")
        folder = server.post.folder(ANNA)
        before = folder.uidvalidity
        folder.renumber()
        assert folder.uidvalidity != before
        async with asyncio.timeout(10):
            assert (await reader.read()).startswith(b"* BYE ")
        writer.close()
        status = await with_imaplib(server, lambda imap: imap.status("INBOX", "(UIDVALIDITY)"))
        assert status[1] == [b'"INBOX" (UIDVALIDITY %d)' % folder.uidvalidity]


async def test_a_skewed_clock_shows_in_internaldate_and_received() -> None:
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
    async with mail_world(now=lambda: noon) as server:
        server.faults.skew = timedelta(hours=2)
        deliver(server, "one")
        mail = server.post.folder(ANNA).mails[0]
    assert mail.internal_date == noon + timedelta(hours=2)
    assert b"; Wed, 04 Mar 2026 14:00:00 +0000\r\n" in mail.raw


async def test_all_connections_can_be_cut_at_once() -> None:
    async with mail_world() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports.imap)
        await reader.readline()
        server.cut_all()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


@pytest.mark.parametrize("starttls", [True, False])
async def test_mail_is_read_over_tls_from_the_start_or_by_starttls(starttls: bool) -> None:
    authority = trustme.CA()
    at_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(at_server)
    at_client = ssl.create_default_context()
    authority.configure_trust(at_client)

    def encrypted() -> list[bytes | None]:
        if starttls:
            imap = imaplib.IMAP4("127.0.0.1", server.ports.imap, timeout=10)
            imap.starttls(at_client)
        else:
            imap = imaplib.IMAP4_SSL("127.0.0.1", server.ports.imap, ssl_context=at_client, timeout=10)
        with imap:
            imap.login(ANNA, PASSWORD)
            return imap.select()[1]

    async with mail_world(tls=at_server, starttls=starttls) as server:
        deliver(server, "one")
        assert await asyncio.to_thread(encrypted) == [b"1"]


@pytest.mark.parametrize(
    ("lines", "farewell"),
    [
        (b"1 NOOP " + b"x" * 70_000 + b"\r\n", b"* BYE line too long"),
        (b"1 LOGIN {999999+}\r\n", b"* BYE literal too large"),
        (b"1 LOGIN {999999}\r\n2 LOGOUT\r\n", b"1 NO [TOOBIG] literal too large"),
        (b"1 NOOP " + b"(" * 1000 + b"\r\n2 LOGOUT\r\n", b"1 BAD lists nested too deeply"),
        (b"1 FETCH 1 FLAGS\r\n2 LOGOUT\r\n", b"1 BAD log in first"),
        (b"\r\n\x00\xff\r\nUID\r\n2 LOGOUT\r\n", b"* BAD unknown command"),
    ],
)
async def test_hostile_clients_are_bounded(lines: bytes, farewell: bytes) -> None:
    async with mail_world() as server:
        assert farewell in await with_lines(server, lines)


async def test_a_full_folder_loses_its_oldest_mail_and_the_client_is_told() -> None:
    def look(imap: imaplib.IMAP4) -> None:
        assert imap.select()[1] == [b"2"]
        assert imap.uid("SEARCH", "ALL")[1] == [b"2 3"]

    async with mail_world(capacity=2) as server:
        deliver(server, "one", "two", "three")
        await with_imaplib(server, look)
