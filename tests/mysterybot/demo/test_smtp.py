import asyncio
import smtplib
import ssl

import pytest
import trustme

from mysterybot.demo.mailserver import MailServer
from tests.mailworld import USERS, mail_world

ANNA, SUPPORT = "anna@inbox.example", "support@acme.example"
MAIL = b"From: Anna <anna@inbox.example>\r\nSubject: Hello\r\n\r\nIs anybody there?\r\n"


def send(server: MailServer, *recipients: str, sender: str = ANNA, login: bool = True, mail: bytes = MAIL) -> object:
    with smtplib.SMTP("127.0.0.1", server.ports.smtp, timeout=10) as smtp:
        if login:
            smtp.login(ANNA, USERS[ANNA])
        return smtp.sendmail(sender, recipients, mail)


def inbox(server: MailServer, user: str = SUPPORT) -> list[bytes]:
    return [mail.raw for mail in server.post.folder(user).mails]


async def test_a_mail_is_delivered_with_the_trace_headers_of_a_final_delivery() -> None:
    async with mail_world() as server:
        await asyncio.to_thread(send, server, SUPPORT)
        (raw,) = inbox(server)
    header = raw.partition(b"\r\n\r\n")[0]
    assert header.startswith(
        b"Return-Path: <anna@inbox.example>\r\nDelivered-To: support@acme.example\r\nReceived: by "
    )
    assert raw.endswith(MAIL)


async def test_a_plus_address_reaches_its_owner_and_is_kept_in_delivered_to() -> None:
    async with mail_world() as server:
        await asyncio.to_thread(send, server, "Support+AB12@acme.example")
        (raw,) = inbox(server)
    assert b"Delivered-To: Support+AB12@acme.example\r\n" in raw


async def test_a_provider_without_plus_addressing_knows_no_such_user() -> None:
    async with mail_world(plus=None) as server:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await asyncio.to_thread(send, server, "support+x@acme.example")
    assert refused.value.recipients["support+x@acme.example"][0] == 550


async def test_unknown_users_are_refused_and_the_others_get_their_mail() -> None:
    async with mail_world() as server:
        refused = await asyncio.to_thread(send, server, "nobody@acme.example", SUPPORT)
        assert refused == {"nobody@acme.example": (550, b"5.1.1 there is no such user here")}
        assert len(inbox(server)) == 1


async def test_nobody_sends_as_somebody_who_lives_here_without_the_password() -> None:
    async with mail_world() as server:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            await asyncio.to_thread(send, server, SUPPORT, login=False)
        assert refused.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            await asyncio.to_thread(send, server, SUPPORT, sender="ben@inbox.example")
        assert refused.value.smtp_code == 553
        assert inbox(server) == []


async def test_mail_from_elsewhere_comes_in_without_a_login_and_is_never_relayed() -> None:
    async with mail_world() as server:
        await asyncio.to_thread(send, server, SUPPORT, sender="stranger@far.example", login=False)
        assert len(inbox(server)) == 1
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await asyncio.to_thread(send, server, "someone@far.example", login=False, sender="stranger@far.example")
    assert refused.value.recipients["someone@far.example"][0] == 554


async def test_a_server_may_let_everybody_send_without_a_login() -> None:
    async with mail_world(login_required=False) as server:
        await asyncio.to_thread(send, server, SUPPORT, login=False)
        assert len(inbox(server)) == 1


async def test_a_wrong_password_is_refused_and_so_is_the_right_one_when_logins_fail() -> None:
    def login(password: str) -> None:
        with smtplib.SMTP("127.0.0.1", server.ports.smtp, timeout=10) as smtp:
            smtp.login(ANNA, password)

    async with mail_world() as server:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await asyncio.to_thread(login, "guess")
        await asyncio.to_thread(login, USERS[ANNA])
        server.faults.smtp.refuse_login = True
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await asyncio.to_thread(login, USERS[ANNA])


async def test_too_large_a_mail_is_refused() -> None:
    async with mail_world(size_limit=1000) as server:
        with pytest.raises(smtplib.SMTPException):
            await asyncio.to_thread(send, server, SUPPORT, mail=MAIL + b"x" * 1000)
        assert inbox(server) == []


async def test_a_deferred_mail_is_taken_when_it_comes_again() -> None:
    async with mail_world() as server:
        server.faults.smtp.defer_rcpt = 1
        server.faults.smtp.defer_data = 1
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            await asyncio.to_thread(send, server, SUPPORT)
        assert refused.value.recipients[SUPPORT][0] == 451
        with pytest.raises(smtplib.SMTPDataError) as deferred:
            await asyncio.to_thread(send, server, SUPPORT)
        assert deferred.value.smtp_code == 451
        assert inbox(server) == []
        await asyncio.to_thread(send, server, SUPPORT)
        assert len(inbox(server)) == 1


@pytest.mark.parametrize("delivered", [True, False])
async def test_the_line_breaks_after_the_mail_and_before_the_250(delivered: bool) -> None:
    async with mail_world() as server:
        server.faults.smtp.drop_after_data = 1
        server.faults.smtp.dropped_are_delivered = delivered
        with pytest.raises(smtplib.SMTPServerDisconnected):
            await asyncio.to_thread(send, server, SUPPORT)
        assert len(inbox(server)) == delivered
        await asyncio.to_thread(send, server, SUPPORT)
        assert len(inbox(server)) == delivered + 1


async def test_a_stalled_mail_gets_no_answer_until_the_client_gives_up() -> None:
    def impatient() -> None:
        smtp = smtplib.SMTP("127.0.0.1", server.ports.smtp, timeout=10)
        smtp.login(ANNA, USERS[ANNA])
        assert smtp.sock is not None
        smtp.sock.settimeout(0.3)
        smtp.sendmail(ANNA, [SUPPORT], MAIL)

    async with mail_world() as server:
        server.faults.smtp.stall_data = 1
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            await asyncio.to_thread(impatient)
        assert len(inbox(server)) == 1


async def test_refusals_and_folders_are_as_ordered() -> None:
    async with mail_world() as server:
        server.faults.smtp.folder = "Junk"
        await asyncio.to_thread(send, server, SUPPORT)
        assert inbox(server) == []
        assert len(server.post.folder(SUPPORT, "Junk").mails) == 1
        server.faults.smtp.refuse_data = "552 5.3.4 too large for us"
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await asyncio.to_thread(send, server, SUPPORT)
    assert refused.value.smtp_code == 552


@pytest.mark.parametrize("starttls", [True, False])
async def test_mail_goes_over_tls_from_the_start_or_by_starttls(starttls: bool) -> None:
    authority = trustme.CA()
    at_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(at_server)
    at_client = ssl.create_default_context()
    authority.configure_trust(at_client)

    def encrypted() -> None:
        port = server.ports.smtp
        if starttls:
            smtp = smtplib.SMTP("127.0.0.1", port, timeout=10)
            smtp.starttls(context=at_client)
        else:
            smtp = smtplib.SMTP_SSL("127.0.0.1", port, timeout=10, context=at_client)
        with smtp:
            smtp.login(ANNA, USERS[ANNA])
            smtp.sendmail(ANNA, [SUPPORT], MAIL)

    async with mail_world(tls=at_server, starttls=starttls) as server:
        await asyncio.to_thread(encrypted)
        assert len(inbox(server)) == 1
