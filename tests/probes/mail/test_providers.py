from typing import Any

import pytest
from pydantic import ValidationError

from probes.mail.account import Account
from probes.mail.providers import PROVIDERS

OAUTH2 = {"client_id": "ours", "refresh_token": "r"}


def account(**changes: Any) -> Account:
    written = {
        "provider": "outlook",
        "address": "anna@example.net",
        "name": "Anna",
        "login": {"user": "anna@example.net", "oauth2": OAUTH2},
    }
    return Account.model_validate(written | changes)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_fills_in_all_that_is_left_out(provider: str) -> None:
    anna = account(provider=provider)
    assert anna.smtp.security != "none"
    assert anna.login.oauth2 is not None
    assert anna.login.oauth2.token_url.startswith("https://")
    assert anna.login.oauth2.authorization_url is not None
    assert anna.login.oauth2.scope


def test_microsoft_submits_by_starttls_and_has_device_codes() -> None:
    anna = account()
    assert (anna.smtp.host, anna.smtp.port, anna.smtp.security) == ("smtp.office365.com", 587, "starttls")
    assert (anna.imap.host, anna.imap.port, anna.imap.security) == ("outlook.office365.com", 993, "tls")
    assert anna.login.oauth2 is not None
    assert anna.login.oauth2.device_url is not None
    assert anna.login.oauth2.redirect_host == "localhost"


def test_what_is_written_wins() -> None:
    login = {"user": "anna", "oauth2": {**OAUTH2, "scope": "mine", "token_url": "https://own.example/t"}}
    anna = account(smtp={"host": "smtp-mail.outlook.com"}, imap={"junk": "Spam"}, login=login)
    assert (anna.smtp.host, anna.smtp.port) == ("smtp-mail.outlook.com", 587)
    assert (anna.imap.host, anna.imap.junk) == ("outlook.office365.com", "Spam")
    assert anna.login.oauth2 is not None
    assert (anna.login.oauth2.scope, anna.login.oauth2.token_url) == ("mine", "https://own.example/t")


def test_the_port_goes_with_the_security() -> None:
    assert account(provider="gmail", smtp={"security": "starttls"}).smtp.port == 587
    assert account(provider="gmail", smtp={"security": "starttls", "port": 2525}).smtp.port == 2525


def test_a_password_may_be_used_with_a_provider() -> None:
    anna = account(provider="yahoo", login={"user": "anna", "password": "app"})
    assert anna.login.oauth2 is None
    assert anna.imap.host == "imap.mail.yahoo.com"


@pytest.mark.parametrize("provider", ["hotmale", "GMAIL", ["gmail"], {"gmail": 1}])
def test_an_unknown_provider_is_refused(provider: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        account(provider=provider)
    assert "'gmail', 'outlook' or 'yahoo'" in str(caught.value)


def test_without_a_provider_the_servers_are_required() -> None:
    with pytest.raises(ValidationError) as caught:
        account(provider=None)
    assert [error["loc"] for error in caught.value.errors()] == [
        ("smtp",),
        ("imap",),
        ("login", "oauth2", "token_url"),
    ]


@pytest.mark.parametrize("wrong", ["text", ["list"], None, 1])
def test_servers_of_the_wrong_kind_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        account(smtp=wrong)
    with pytest.raises(ValidationError):
        account(login={"user": "anna", "oauth2": wrong})


def test_editors_do_not_ask_for_what_a_provider_fills_in() -> None:
    schema = Account.model_json_schema()
    assert schema["required"] == ["address", "name", "login"]
    assert schema["$defs"]["SmtpServer"]["required"] == schema["$defs"]["ImapServer"]["required"] == []
    assert schema["$defs"]["OAuth2"]["required"] == ["client_id", "refresh_token"]
