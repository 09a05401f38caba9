import asyncio
import ssl

import pytest

from probes.reach import imap, smtp
from tests.probes.reach.conftest import EXPIRES, Certificates, Desk, Dialogue, Serve

STARTTLS_SMTP = ["220 mail ready", "EHLO", "250-mail\r\n250 STARTTLS", "STARTTLS", "220 go", ssl]
STARTTLS_IMAP = ["* OK ready", "a STARTTLS", "* OK still here\r\na OK go", ssl]


def plays(*lines: object, certificate: ssl.SSLContext | None = None) -> Dialogue:
    """Lines that are said when they begin with a digit, `*` or `a OK`; others are waited for; `ssl` starts TLS."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            if line is ssl:
                assert certificate
                await writer.start_tls(certificate)
            elif isinstance(line, str) and (line[:1].isdigit() or line.startswith(("*", "a OK", "a NO"))):
                writer.write(line.encode() + b"\r\n")
            else:
                assert str(line).encode() in await reader.readline()
        await reader.read()

    return dialogue


async def test_a_mail_server_that_greets_is_up(serve: Serve) -> None:
    reached = await smtp.probe(await serve(plays("220-mail\r\n220 ready", "EHLO [127.0.0.1]", "250 mail")), timeout=10)
    assert (reached.up, reached.reason, reached.certificate_expires) == (True, None, None)
    assert list(reached.phases) == ["dns", "connect", "banner", "ehlo"]
    reached = await imap.probe(await serve(plays("* OK ready")), timeout=10)
    assert (reached.up, list(reached.phases)) == (True, ["dns", "connect", "greeting"])


async def test_tls_from_the_start_tells_when_the_certificate_expires(serve: Serve) -> None:
    mail = await smtp.probe(await serve(plays("220 ready", "EHLO", "250 mail"), security="tls"), timeout=10)
    assert (mail.up, mail.certificate_expires) == (True, EXPIRES)
    assert list(mail.phases) == ["dns", "connect", "tls", "banner", "ehlo"]
    box = await imap.probe(await serve(plays("* PREAUTH hello"), security="tls"), timeout=10)
    assert (box.up, box.certificate_expires) == (True, EXPIRES)


async def test_starttls_is_started(serve: Serve, certificates: Certificates) -> None:
    shown = certificates.server()
    mail = await smtp.probe(await serve(plays(*STARTTLS_SMTP, certificate=shown), security="starttls"), timeout=10)
    assert (mail.reason, mail.certificate_expires) == (None, EXPIRES)
    assert list(mail.phases) == ["dns", "connect", "banner", "ehlo", "tls"]
    box = await imap.probe(await serve(plays(*STARTTLS_IMAP, certificate=shown), security="starttls"), timeout=10)
    assert (box.reason, box.certificate_expires) == (None, EXPIRES)


async def test_a_certificate_for_another_host_is_told(serve: Serve, certificates: Certificates) -> None:
    other = certificates.server("mail.example")
    mail = await smtp.probe(await serve(plays(*STARTTLS_SMTP, certificate=other), security="starttls"), timeout=10)
    assert not mail.up
    assert str(mail.reason).startswith("bad certificate")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["421 too busy\x1b[31m now"], "answers the greeting with: 421 too busy [31m now"),
        (["554 go away"], "554 go away"),
        (["220 ready", "EHLO", "502 never heard of it"], "answers EHLO with: 502"),
        (["220-and\r\n" * 200], "more than 100 lines"),
        (["220" + "x" * 200_000], "longer than"),
    ],
)
async def test_an_smtp_server_that_refuses_is_quoted_in_one_line(serve: Serve, lines: list[str], reason: str) -> None:
    reached = await smtp.probe(await serve(plays(*lines)), timeout=10)
    assert not reached.up
    assert reason in str(reached.reason)
    assert str(reached.reason).isprintable()
    assert len(str(reached.reason)) < 400


@pytest.mark.parametrize(
    ("lines", "security", "reason"),
    [
        (["* BYE overloaded"], "none", "greets with: * BYE overloaded"),
        (["220 this is smtp"], "none", "greets with: 220 this is smtp"),
        (["* OK", "a STARTTLS", "a NO never"], "starttls", "answers STARTTLS with: a NO never"),
        (["* OK", "a STARTTLS", "* again\r\n" * 200], "starttls", "does not answer STARTTLS"),
    ],
)
async def test_an_imap_server_that_refuses_is_quoted(
    serve: Serve, lines: list[str], security: str, reason: str
) -> None:
    reached = await imap.probe(await serve(plays(*lines), security=security), timeout=10)
    assert not reached.up
    assert reason in str(reached.reason)


async def test_a_mail_server_without_starttls_is_not_spoken_to_in_clear(serve: Serve) -> None:
    desk = await serve(plays("220 ready", "EHLO", "250 mail"), security="starttls")
    assert (await smtp.probe(desk, timeout=10)).reason == "the server does not offer STARTTLS"


async def test_a_silent_server_times_out_with_the_phase_it_was_in(serve: Serve) -> None:
    reached = await smtp.probe(await serve(plays("EHLO")), timeout=0.2)
    assert reached.reason == "timed out after 0.2 seconds while waiting for its greeting"
    assert list(reached.phases) == ["dns", "connect", "banner"]


async def test_a_server_that_hangs_up_is_down(serve: Serve) -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return

    assert (await imap.probe(await serve(hangs_up), timeout=10)).reason == "the server closed the connection"


async def test_a_server_that_speaks_no_tls_is_down(serve: Serve) -> None:
    desk = await serve(plays("220 ready"))
    reached = await smtp.probe(Desk(desk.host, desk.port, "tls", None), timeout=10)
    assert str(reached.reason).startswith(("TLS failed", "the connection broke"))


async def test_a_missing_file_of_authorities_is_told(serve: Serve, certificates: Certificates) -> None:
    desk = await serve(plays("220 ready"), security="tls")
    missing = Desk(desk.host, desk.port, "tls", certificates.ca_file.with_name("missing.pem"))
    assert "trusted authorities" in str((await smtp.probe(missing, timeout=10)).reason)
