"""Submission against scripted servers: each dialogue is a way in which a send can end."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from probes.errors import (
    AddressRefused,
    BotError,
    Deferred,
    LoginRefused,
    NameNotResolved,
    SendRefused,
    SendUncertain,
    Unreachable,
)
from probes.mail.smtp import Accepted, Outbox, server_message_id
from tests.probes.mail.dialogue import PASSWORD, Script, account, server

EHLO = ["S: 220 mx ESMTP", "C: EHLO example.net", "S: 250-mx", "S: 250-AUTH PLAIN LOGIN", "S: 250 SIZE 1000"]
HELLO = [*EHLO, "C: AUTH PLAIN *", "S: 235 2.7.0 welcome"]
MAIL = ["C: MAIL FROM:<anna@example.net> SIZE=*", "S: 250 ok"]
RCPT = ["C: RCPT TO:<support@acme.example>", "S: 250 ok"]
DATA = ["C: DATA", "S: 354 go on", "D:"]
LETTER = b"Subject: hello\r\n\r\n.a dot\r\n"


def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Point:
    """Counts how often the point of no return was passed, and what the server had heard by then."""

    def __init__(self, script: Script | None = None) -> None:
        self.passed = 0
        self.heard: list[str] = []
        self._script = script

    async def __call__(self) -> None:
        self.passed += 1
        self.heard = list(self._script.heard) if self._script else []


def outbox(script: Script, timeout: float = 5, **smtp: str) -> Outbox:
    return Outbox(account(smtp=script.port, in_smtp=smtp), now=now, timeout=timeout)


async def send(box: Outbox, point: Point, recipients: Sequence[str] = ("support@acme.example",)) -> Accepted:
    return await box.send(LETTER, sender="anna@example.net", recipients=recipients, point_of_no_return=point)


async def test_a_letter_is_accepted_and_the_point_of_no_return_lies_just_before_the_mail_is_written() -> None:
    async with server([*HELLO, *MAIL, *RCPT, *DATA, "S: 250 2.0.0 Ok: queued as 4F2"]) as script:
        point = Point(script)
        accepted = await send(outbox(script), point)
    assert accepted == Accepted(now(), "2.0.0 Ok: queued as 4F2")
    assert point.passed == 1
    assert point.heard[-1] == "DATA"
    assert script.mails == [b"Subject: hello\r\n\r\n..a dot\r\n.\r\n"]


async def test_a_warm_connection_is_used_again_after_it_proved_alive() -> None:
    letter = [*MAIL, *RCPT, *DATA, "S: 250 ok"]
    async with server([*HELLO, *letter, "C: RSET", "S: 250 ok", *letter]) as script:
        box = outbox(script)
        await send(box, Point())
        await send(box, Point())
        assert script.connections == 1
        await box.aclose()


async def test_a_connection_that_died_while_idle_is_replaced() -> None:
    letter = [*HELLO, *MAIL, *RCPT, *DATA, "S: 250 ok"]
    async with server([*letter, "S: 421 4.4.2 idle too long", "close"], letter) as script:
        box = outbox(script)
        await send(box, Point())
        await script.ended.wait()
        await send(box, Point())
        assert script.connections == 2
        await box.aclose()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.1.1 no such user", AddressRefused),
        ("552 5.2.2 mailbox full", AddressRefused),
        ("550 nobody here", AddressRefused),
        ("551 moved", AddressRefused),
        ("553 not a name", AddressRefused),
        ("550 5.7.1 we do not like you", SendRefused),
        ("553 5.1.8 your sender domain does not exist", SendRefused),
        ("554 no", SendRefused),
        ("450 4.2.0 greylisted", Deferred),
        ("421 4.3.2 going down", Deferred),
        ("530 5.7.0 log in first", LoginRefused),
        ("200 what?", Unreachable),
    ],
)
async def test_a_refused_recipient_tells_whose_fault_it_is(answer: str, error: type[Exception]) -> None:
    async with server([*HELLO, *MAIL, "C: RCPT *", f"S: {answer}"]) as script:
        point = Point()
        with pytest.raises(error, match=answer[:3]) as refused:
            await send(outbox(script), point)
    assert type(refused.value) is error
    assert point.passed == 0


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("554 5.6.0 spam", SendRefused),
        ("550 5.1.1 no such user after all", AddressRefused),
        ("550 content", SendRefused),
        ("451 4.3.0 later", Deferred),
        ("299 perhaps", SendUncertain),
    ],
)
async def test_an_answer_to_the_final_dot_is_certain(answer: str, error: type[Exception]) -> None:
    async with server([*HELLO, *MAIL, *RCPT, *DATA, f"S: {answer}"]) as script:
        point = Point()
        with pytest.raises(error) as refused:
            await send(outbox(script), point)
    assert type(refused.value) is error
    assert point.passed == 1


async def test_a_line_lost_after_the_final_dot_leaves_the_send_uncertain() -> None:
    async with server([*HELLO, *MAIL, *RCPT, *DATA, "close"]) as script:
        with pytest.raises(SendUncertain):
            await send(outbox(script), Point())


@pytest.mark.parametrize("lost", ["close", "hang"])
async def test_a_line_lost_before_the_server_asked_for_the_mail_is_certain_and_may_be_tried_again(lost: str) -> None:
    async with server([*HELLO, *MAIL, *RCPT, "C: DATA", lost]) as script:
        with pytest.raises(Unreachable) as error:
            await send(outbox(script, timeout=0.3), Point())
    assert error.value.retry


async def test_a_server_that_accepts_a_mail_it_has_not_asked_for_is_not_believed() -> None:
    async with server([*HELLO, *MAIL, *RCPT, "C: DATA", "S: 250 ok"]) as script:
        with pytest.raises(SendUncertain, match="out of protocol"):
            await send(outbox(script), Point())


async def test_no_answer_to_the_final_dot_leaves_the_send_uncertain() -> None:
    async with server([*HELLO, *MAIL, *RCPT, *DATA, "hang"]) as script:
        with pytest.raises(SendUncertain, match="in time"):
            await send(outbox(script, timeout=0.1), Point())


async def test_a_cancelled_send_is_uncertain_and_its_connection_is_not_used_again() -> None:
    letter = [*HELLO, *MAIL, *RCPT, *DATA]
    async with server([*letter, "hang"], [*letter, "S: 250 ok"]) as script:
        box = outbox(script)
        sending = asyncio.create_task(send(box, Point()))
        await script.ended.wait()
        sending.cancel()
        with pytest.raises(SendUncertain):
            await sending
        await send(box, Point())
        assert script.connections == 2


@pytest.mark.parametrize("lost_at", [MAIL[:1], [*MAIL, *RCPT[:1]]])
async def test_a_line_lost_before_the_point_of_no_return_may_be_tried_again(lost_at: list[str]) -> None:
    async with server([*HELLO, *lost_at, "close"]) as script:
        point = Point()
        with pytest.raises(Unreachable):
            await send(outbox(script), point)
    assert point.passed == 0


async def test_when_the_point_of_no_return_raises_nothing_is_sent() -> None:
    async def refuse() -> None:
        raise RuntimeError("the journal is full")

    async with server([*HELLO, *MAIL, *RCPT, "C: DATA", "S: 354 go on"]) as script:
        box = outbox(script)
        with pytest.raises(RuntimeError, match="journal"):
            await box.send(
                LETTER, sender="anna@example.net", recipients=["support@acme.example"], point_of_no_return=refuse
            )
    assert script.mails == []


async def test_one_refused_recipient_of_two_is_told_and_the_mail_goes_to_the_other() -> None:
    second = ["C: RCPT TO:<ghost@acme.example>", "S: 550 5.1.1 nobody"]
    async with server([*HELLO, *MAIL, *RCPT, *second, *DATA, "S: 250 ok"]) as script:
        accepted = await send(outbox(script), Point(), ("support@acme.example", "ghost@acme.example"))
    assert accepted.refused == {"ghost@acme.example": "550 5.1.1 nobody"}


@pytest.mark.parametrize(
    ("answer", "error"), [("535 5.7.8 wrong password", LoginRefused), ("454 4.7.0 cannot tell now", Deferred)]
)
async def test_a_login_is_tried_once_and_its_refusal_holds_no_password(answer: str, error: type[Exception]) -> None:
    async with server([*EHLO, "C: AUTH PLAIN *", f"S: {answer} AGFubmEAY29ycmVjdCBob3JzZQ== {PASSWORD}"]) as script:
        with pytest.raises(error) as refused:
            await outbox(script).check()
    assert len([line for line in script.heard if line.startswith("AUTH")]) == 1
    assert "wrong password" in str(refused.value) or "cannot tell" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert "AGFubmEAY29ycmVjdCBob3JzZQ==" not in str(refused.value)


async def test_the_password_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with server([*EHLO, "C: AUTH PLAIN *", "S: 535 no"]) as script:
        with pytest.raises(LoginRefused):
            await outbox(script).check()
    assert PASSWORD not in caplog.text
    assert "AGFubmEAY29ycmVjdCBob3JzZQ==" not in caplog.text


async def test_a_login_can_be_left_out() -> None:
    async with server([*EHLO, "C: QUIT", "S: 221 bye"]) as script:
        await outbox(script, login="none").check()


async def test_nothing_is_said_in_clear_when_starttls_is_stripped() -> None:
    async with server(EHLO) as script:
        with pytest.raises(Unreachable, match="STARTTLS"):
            await outbox(script, security="starttls").check()
    assert script.heard == ["EHLO example.net"]


async def test_a_mail_beyond_the_servers_size_is_refused_before_it_is_offered() -> None:
    async with server(HELLO) as script:
        box = outbox(script)
        with pytest.raises(SendRefused, match="1000"):
            await box.send(
                b"x" * 2000, sender="anna@example.net", recipients=["a@acme.example"], point_of_no_return=Point()
            )
    assert not [line for line in script.heard if line.startswith("MAIL")]


async def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    utf8 = [*EHLO[:-1], "S: 250 SMTPUTF8", *HELLO[len(EHLO) :]]
    mail = [
        "C: MAIL FROM:<anna@example.net> SMTPUTF8",
        "S: 250 ok",
        "C: RCPT TO:<jürgen@xn--bcher-kva.example>",
        "S: 250 ok",
    ]
    async with server(HELLO, [*utf8, *mail, *DATA, "S: 250 ok"]) as script:
        box = outbox(script)
        with pytest.raises(SendRefused, match="SMTPUTF8"):
            await send(box, Point(), ["jürgen@bücher.example"])
        await send(box, Point(), ["jürgen@bücher.example"])


@pytest.mark.parametrize("address", ["a@b\r\nRCPT TO:<c@d>", "a@b> SIZE=1", "a,b@c", "", "nobody", "a b@c", '"a"@b'])
async def test_an_address_cannot_carry_a_command(address: str) -> None:
    async with server(HELLO) as script:
        with pytest.raises(ValueError, match="address"):
            await send(outbox(script), Point(), [address])
    assert script.connections == 0


@pytest.mark.parametrize("greeting", ["554 no service here", "421 too busy", "nonsense"])
async def test_a_server_that_does_not_want_us_is_unreachable(greeting: str) -> None:
    async with server([f"S: {greeting}", "hang"]) as script:
        with pytest.raises(Unreachable):
            await outbox(script).check()


async def test_a_silent_server_is_given_up() -> None:
    async with server(["hang"]) as script:
        with pytest.raises(Unreachable, match="in time"):
            await outbox(script, timeout=0.1).check()


async def test_a_closed_port_and_an_unknown_name_are_told_apart() -> None:
    async with server([]) as script:
        port = script.port
    with pytest.raises(Unreachable, match="refuses connections"):
        await Outbox(account(smtp=port), now=now).check()
    unknown = account(in_smtp={"host": "no-such-host.invalid", "security": "tls"})
    with pytest.raises(NameNotResolved, match=r"no-such-host\.invalid"):
        await Outbox(unknown, now=now).check()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("2.0.0 OK <AM0PR01@eur.prod.outlook.com> [Hostname=AM0]", "<AM0PR01@eur.prod.outlook.com>"),
        ("2.0.0 OK  1700000000 x-20020a gsmtp", None),
        ("Ok 0102018b5f3a1c2d-4f2e-000000", None),  # an id of Amazon SES, but not from there
    ],
)
async def test_an_id_that_the_server_gave_is_kept(reply: str, told: str | None) -> None:
    async with server([*HELLO, *MAIL, *RCPT, *DATA, f"S: 250 {reply}"]) as script:
        assert (await send(outbox(script), Point())).server_message_id == told


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("email-smtp.us-east-1.amazonaws.com", "email.amazonses.com"),
        ("email-smtp.eu-west-1.amazonaws.com", "eu-west-1.amazonses.com"),
    ],
)
def test_an_id_of_amazon_ses_is_completed_by_its_region(host: str, domain: str) -> None:
    given = server_message_id("Ok 0102018b5f3a1c2d-4f2e-000000", host)
    assert given == f"<0102018b5f3a1c2d-4f2e-000000@{domain}>"


def test_every_retryable_error_says_so() -> None:
    assert all(issubclass(error, BotError) and error.retry for error in (Unreachable, Deferred, NameNotResolved))
