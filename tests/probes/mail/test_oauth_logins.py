"""Logins with access tokens, and what servers say to passwords that they no longer take: scripted dialogues."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probes.errors import Deferred, LoginRefused, ProbeError, Unreachable
from probes.mail.account import Account
from probes.mail.imap import ConnectionLimit, Session
from probes.mail.oauth import AccessTokens
from probes.mail.refusals import password_advice
from probes.mail.smtp import Outbox
from tests.probes.mail.authorization_server import SECRETS, AuthorizationServer, authorization_server, tokens
from tests.probes.mail.dialogue import Script, account, server
from tests.probes.mail.ledger import now

USER = "anna@example.net"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def xoauth2(number: int = 1) -> str:
    return b64(f"user={USER}\1auth=Bearer access-{number}-secret\1\1")


def bearer(port: int, number: int = 1) -> str:
    return b64(f"n,a={USER},\1host=127.0.0.1\1port={port}\1auth=Bearer access-{number}-secret\1\1")


ERROR = b64(json.dumps({"status": "invalid_token", "schemes": "bearer", "scope": "mail"}))
GREETING = ["S: * OK ready", "C: TAG CAPABILITY"]
IN = ["S: TAG OK in", "C: TAG CAPABILITY", "S: * CAPABILITY IMAP4rev1 IDLE", "S: TAG OK done"]
REFUSED = [f"S: + {ERROR}", "C: ", "S: TAG NO [AUTHENTICATIONFAILED] Invalid credentials"]


def imap(*capabilities: str) -> list[str]:
    return [*GREETING, f"S: * CAPABILITY IMAP4rev1 {' '.join(capabilities)}", "S: TAG OK done"]


def smtp(*mechanisms: str) -> list[str]:
    return ["S: 220 mx", "C: EHLO example.net", "S: 250-mx", f"S: 250 AUTH {' '.join(mechanisms)}"]


@asynccontextmanager
async def provider_and(script: list[str], *answers: Any) -> AsyncIterator[tuple[AuthorizationServer, Script, Account]]:
    """A provider that gives these answers, a server that follows the script, and the account for both."""
    async with authorization_server(*(answers or (tokens(),))) as provider, server(script) as mail:
        written = account(smtp=mail.port, imap=mail.port).model_dump(exclude={"login"}, exclude_defaults=True)
        login = {"user": USER, "oauth2": provider.settings()}
        yield provider, mail, Account.model_validate({**written, "login": login})


async def open_imap(who: Account, access: AccessTokens | None = None) -> None:
    (await Session.open(who, now=now, deadline=2, tokens=access)).abort()


async def refusal(who: Account, access: AccessTokens | None = None, *, by_smtp: bool = False) -> ProbeError:
    with pytest.raises(ProbeError) as caught:
        await (Outbox(who, now=now, timeout=2, tokens=access).check() if by_smtp else open_imap(who, access))
    assert not [secret for secret in (*SECRETS, "hunter2") if secret in str(caught.value)]
    return caught.value


async def used_tokens(who: Account) -> AccessTokens:
    """Those of an account whose first token was good once."""
    access = AccessTokens(who.login.oauth2)  # type: ignore[arg-type]

    async def good(token: str) -> None: ...

    await access.log_in(good)
    return access


async def test_imap_takes_oauthbearer_where_it_is_offered() -> None:
    script = [*imap("AUTH=XOAUTH2", "AUTH=OAUTHBEARER", "SASL-IR"), "C: TAG AUTHENTICATE OAUTHBEARER *", *IN]
    async with provider_and(script) as (_, mail, who):
        await open_imap(who)
        assert mail.heard[1].endswith(f" {bearer(mail.port)}")


async def test_imap_takes_xoauth2_else() -> None:
    script = [*imap("AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR"), f"C: TAG AUTHENTICATE XOAUTH2 {xoauth2()}", *IN]
    async with provider_and(script) as (_, _, who):
        await open_imap(who)


async def test_imap_without_initial_responses_is_told_when_it_asks() -> None:
    script = [*imap("AUTH=XOAUTH2"), "C: TAG AUTHENTICATE XOAUTH2", "S: + ", f"C: {xoauth2()}", *IN]
    async with provider_and(script) as (_, _, who):
        await open_imap(who)


async def test_the_error_challenge_of_imap_is_answered_and_told() -> None:
    script = [*imap("AUTH=XOAUTH2", "SASL-IR"), "C: TAG AUTHENTICATE XOAUTH2 *", *REFUSED]
    async with provider_and(script) as (provider, mail, who):
        error = await refusal(who, AccessTokens(who.login.oauth2, mailbox="anna"))  # type: ignore[arg-type]
        assert isinstance(error, LoginRefused)
        assert "Invalid credentials (invalid_token)" in str(error)
        assert "mysterybot login anna" in str(error)
        assert len(provider.asked) == 1  # a token that was never good is not tried twice
        assert mail.connections == 1


async def test_the_error_challenge_of_oauthbearer_is_answered_with_a_control_a() -> None:
    challenge = [f"S: + {ERROR}", "C: AQ==", "S: TAG NO [AUTHENTICATIONFAILED] no"]
    script = [*imap("AUTH=OAUTHBEARER", "SASL-IR"), "C: TAG AUTHENTICATE OAUTHBEARER *", *challenge]
    async with provider_and(script) as (_, _, who):
        assert isinstance(await refusal(who), LoginRefused)


async def test_imap_that_refuses_a_token_that_was_good_gets_another_one() -> None:
    script = [
        *imap("AUTH=XOAUTH2", "SASL-IR"),
        f"C: TAG AUTHENTICATE XOAUTH2 {xoauth2(1)}",
        *REFUSED,
        f"C: TAG AUTHENTICATE XOAUTH2 {xoauth2(2)}",
        *IN,
    ]
    async with provider_and(script, tokens(1), tokens(2)) as (provider, _, who):
        await open_imap(who, await used_tokens(who))
        assert len(provider.asked) == 2


async def test_imap_that_refuses_the_other_one_too_has_refused_us() -> None:
    attempt = ["C: TAG AUTHENTICATE XOAUTH2 *", *REFUSED]
    script = [*imap("AUTH=XOAUTH2", "SASL-IR"), *attempt, *attempt]
    async with provider_and(script, tokens(1), tokens(2), 500) as (provider, mail, who):
        assert isinstance(await refusal(who, await used_tokens(who)), LoginRefused)
        assert len(provider.asked) == 2
        assert len(mail.heard) == 5


async def test_imap_that_refuses_a_token_after_the_refresh_token_was_revoked() -> None:
    script = [*imap("AUTH=XOAUTH2", "SASL-IR"), "C: TAG AUTHENTICATE XOAUTH2 *", *REFUSED]
    async with provider_and(script, tokens(1), {"error": "invalid_grant"}) as (_, _, who):
        error = await refusal(who, await used_tokens(who))
        assert isinstance(error, LoginRefused)
        assert "expired or revoked" in str(error)


async def test_no_server_is_bothered_without_a_token() -> None:
    async with provider_and([], {"error": "invalid_grant"}) as (_, mail, who):
        assert isinstance(await refusal(who), LoginRefused)
        assert isinstance(await refusal(who, by_smtp=True), LoginRefused)
        assert mail.connections == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("S: TAG NO [LIMIT] Too many connections", ConnectionLimit),
        ("S: TAG NO [UNAVAILABLE] try again later", Unreachable),
        ("close", Unreachable),
        (f"S: TAG NO you sent {xoauth2()} with access-1-secret", LoginRefused),
    ],
)
async def test_imap_that_says_no_to_something_else_than_the_token(answer: str, kind: type[ProbeError]) -> None:
    script = [*imap("AUTH=XOAUTH2", "SASL-IR"), "C: TAG AUTHENTICATE XOAUTH2 *", answer]
    async with provider_and(script) as (provider, _, who):
        error = await refusal(who)
        assert type(error) is kind
        assert xoauth2()[:40] not in str(error)
        assert len(provider.asked) == 1


async def test_a_server_that_takes_no_tokens_is_told_so() -> None:
    async with provider_and(imap("AUTH=PLAIN")) as (_, _, who):
        assert "offers no login by OAuth2" in str(await refusal(who))
    async with provider_and(smtp("PLAIN", "LOGIN")) as (_, _, who):
        assert "offers no login by OAuth2" in str(await refusal(who, by_smtp=True))


async def test_smtp_takes_oauthbearer_where_it_is_offered() -> None:
    script = [*smtp("XOAUTH2", "OAUTHBEARER"), "C: AUTH OAUTHBEARER *", "S: 235 in", "C: QUIT", "S: 221 bye"]
    async with provider_and(script) as (_, mail, who):
        await Outbox(who, now=now, timeout=2).check()
        assert mail.heard[1].endswith(f" {bearer(mail.port)}")


async def test_smtp_takes_xoauth2_else_and_a_refused_token_that_was_good_is_replaced() -> None:
    script = [
        *smtp("LOGIN", "XOAUTH2"),
        f"C: AUTH XOAUTH2 {xoauth2(1)}",
        f"S: 334 {ERROR}",
        "C: ",
        "S: 535 5.7.8 no",
        f"C: AUTH XOAUTH2 {xoauth2(2)}",
        "S: 235 in",
        "C: QUIT",
        "S: 221 bye",
    ]
    async with provider_and(script, tokens(1), tokens(2)) as (_, _, who):
        await Outbox(who, now=now, timeout=2, tokens=await used_tokens(who)).check()


async def test_the_error_challenge_of_smtp_is_answered_and_told() -> None:
    script = [*smtp("OAUTHBEARER"), "C: AUTH OAUTHBEARER *", f"S: 334 {ERROR}", "C: AQ==", "S: 535 5.7.8 no"]
    async with provider_and(script) as (_, _, who):
        error = await refusal(who, by_smtp=True)
        assert isinstance(error, LoginRefused)
        assert "535 5.7.8 no (invalid_token); login.user and scope must fit" in str(error)


async def test_smtp_that_puts_the_login_off_is_not_refused() -> None:
    script = [*smtp("XOAUTH2"), "C: AUTH XOAUTH2 *", "S: 454 4.7.0 Temporary authentication failure"]
    async with provider_and(script) as (_, _, who):
        assert isinstance(await refusal(who, by_smtp=True), Deferred)


async def test_smtp_and_imap_share_a_token() -> None:
    async with provider_and([*imap("AUTH=XOAUTH2", "SASL-IR"), "C: TAG AUTHENTICATE XOAUTH2 *", *IN]) as (
        provider,
        _,
        who,
    ):
        access = AccessTokens.of(who)
        assert access is not None
        await access.ready()
        await open_imap(who, access)
        assert len(provider.asked) == 1


async def test_a_provider_that_takes_no_passwords_over_imap_is_refused_with_what_to_do() -> None:
    # As Microsoft's servers say it: the refusal and the goodbye come together.
    off = [b"* BYE Microsoft Exchange Server IMAP4 server signing off.\r\n"]
    for said in ("S: TAG NO Basic authentication is disabled.", "S: * BYE LogonDenied-BasicAuthBlocked-2"):
        script = [*imap("AUTH=PLAIN", "AUTH=XOAUTH2"), "C: TAG LOGIN *", said, *off]
        async with server(script) as mail:
            error = await refusal(account(imap=mail.port, password="hunter2"))
        assert isinstance(error, LoginRefused)
        assert "login.oauth2" in str(error)
        assert "mysterybot login" in str(error)


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [X]", "set login.oauth2 and run"),
        ("550 5.7.30 Basic authentication is not supported for Client Submission.", "set login.oauth2 and run"),
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", "SMTP AUTH"),
        ("534 5.7.9 Application-specific password required.", "an app password, or login.oauth2"),
    ],
)
async def test_a_provider_that_takes_no_passwords_over_smtp_is_refused_with_what_to_do(
    answer: str, advice: str
) -> None:
    async with server([*smtp("LOGIN", "PLAIN", "XOAUTH2"), "C: AUTH PLAIN *", f"S: {answer}"]) as mail:
        error = await refusal(account(smtp=mail.port, password="hunter2"), by_smtp=True)
    assert isinstance(error, LoginRefused)
    assert advice in str(error)


async def test_a_server_that_takes_nothing_but_tokens_says_what_to_do() -> None:
    async with server(imap("LOGINDISABLED", "AUTH=XOAUTH2")) as mail:
        assert "set login.oauth2" in str(await refusal(account(imap=mail.port)))
    async with server(smtp("XOAUTH2")) as mail:
        assert "set login.oauth2" in str(await refusal(account(smtp=mail.port), by_smtp=True))


@pytest.mark.parametrize(
    ("host", "provider"),
    [("outlook.office365.com", "outlook"), ("imap.gmail.com", "gmail"), ("smtp.mail.yahoo.com", "yahoo")],
)
def test_the_provider_is_known_by_its_hosts(host: str, provider: str) -> None:
    assert f"(provider: {provider})" in password_advice("NO LOGIN failed.", host)
    assert not password_advice("NO LOGIN failed.", f"{host}.example")
    assert not password_advice("NO LOGIN failed.", "not" + ".".join(host.split(".")[-2:]))


def test_a_wrong_password_elsewhere_is_just_that() -> None:
    assert not password_advice("535 5.7.8 authentication failed", "mail.example.net")
