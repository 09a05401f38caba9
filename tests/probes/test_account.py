from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.mail.account import Account, ImapServer, Login, OAuth2, SmtpServer, is_loopback
from probes.settings import Surroundings

LOGIN = {"user": "anna", "password": "hidden"}


def account(**changes: Any) -> Account:
    settings = {
        "address": "anna@example.net",
        "name": "Anna Keller",
        "smtp": {"host": "smtp.example.net", "port": 587, "security": "starttls"},
        "imap": {"host": "imap.example.net", "port": 993, "security": "tls", "junk": "Junk"},
        "login": LOGIN,
    }
    return Account.model_validate(settings | changes)


def complaints(caught: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [error["msg"] for error in caught.value.errors(include_input=False)]


def test_an_account_as_in_the_manual_is_read() -> None:
    anna = account()
    assert anna.smtp.port == 587
    assert anna.imap.junk == "Junk"
    assert anna.plus is None
    assert anna.smtp.login is None


def test_ports_follow_from_security() -> None:
    assert SmtpServer(host="a").port == 465
    assert SmtpServer(host="a", security="starttls").port == 587
    assert ImapServer(host="a").port == 993
    assert ImapServer(host="a", security="starttls").port == 143
    assert SmtpServer(host="localhost", security="none").port == 25


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1"])
def test_clear_text_is_accepted_on_loopback(host: str) -> None:
    assert is_loopback(host)
    assert SmtpServer(host=host, security="none").host == host


@pytest.mark.parametrize("host", ["mail.example.net", "10.0.0.1", "localhost.example", "127.0.0.1.example", "::2"])
def test_clear_text_is_refused_elsewhere(host: str) -> None:
    assert not is_loopback(host)
    for server in (SmtpServer, ImapServer):
        with pytest.raises(ValidationError) as caught:
            server(host=host, security="none")
        assert "in clear" in complaints(caught)[0]


def test_smtp_may_go_without_authentication() -> None:
    assert account(smtp={"host": "localhost", "security": "none", "login": "none"}).smtp.login == "none"


@pytest.mark.parametrize("plus", ["none", None])
def test_a_provider_without_plus_addressing_is_none(plus: str | None) -> None:
    assert account(plus=plus).plus is None


def test_another_separator_is_accepted_and_a_word_is_not() -> None:
    assert account(plus="-").plus == "-"
    with pytest.raises(ValidationError):
        account(plus="plus")


@pytest.mark.parametrize(
    "address",
    ["anna", "anna@", "@example.net", "anna@example..net", "anna@exa mple.net", "anna@example.net\r\nBcc: x@y",
     "a,b@c.d", "Anna <anna@example.net>", "änna@example.net", "a" * 65 + "@example.net", "anna@" + "a" * 254],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        account(address=address)
    assert "should be an e-mail address" in complaints(caught)[0]


@pytest.mark.parametrize("name", ["", " ", "Anna\r\nBcc: x@y", "Anna\0"])
def test_a_name_that_would_break_a_header_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        account(name=name)


def test_a_login_has_a_password_or_oauth2() -> None:
    oauth2 = {"token_url": "https://login.example/token", "client_id": "x", "refresh_token": "r"}
    assert Login.model_validate({"user": "anna", "oauth2": oauth2}).password is None
    for login in ({"user": "anna"}, {**LOGIN, "oauth2": oauth2}):
        with pytest.raises(ValidationError) as caught:
            account(login=login)
        assert complaints(caught) == ["Value error, needs either password or oauth2"]


@pytest.mark.parametrize(
    "url", ["http://login.example/t", "ftp://x", "https://", "https://a b", "http://127.0.0.1.evil/t"]
)
def test_tokens_are_fetched_over_https_only(url: str) -> None:
    with pytest.raises(ValidationError):
        OAuth2.model_validate({"token_url": url, "client_id": "x", "refresh_token": "r"})


@pytest.mark.parametrize("url", ["https://login.example/t", "http://127.0.0.1:8080/t", "http://[::1]:80/t"])
def test_a_token_url_may_be_plain_on_loopback(url: str) -> None:
    assert OAuth2.model_validate({"token_url": url, "client_id": "x", "refresh_token": "r"}).token_url == url


def test_a_certificate_file_starts_at_the_config_folder_and_exists(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    around = Surroundings(base=tmp_path)
    assert SmtpServer.model_validate({"host": "a", "ca_file": "ca.pem"}, context=around).ca_file == tmp_path / "ca.pem"
    with pytest.raises(ValidationError) as caught:
        SmtpServer.model_validate({"host": "a", "ca_file": "other.pem"}, context=around)
    assert complaints(caught)[0] == "Value error, there is no such file"


def test_no_error_shows_a_password() -> None:
    with pytest.raises(ValidationError) as caught:
        account(login={**LOGIN, "pasword": "hidden"}, smtp={"host": "x", "security": "hidden"})
    assert "hidden" not in str(caught.value)


def test_an_account_does_not_change() -> None:
    with pytest.raises(ValidationError):
        account().address = "other@example.net"  # type: ignore[misc]


def test_the_name_of_who_checks_senders_is_read_in_small_letters() -> None:
    assert account().authserv_id is None
    assert account(authserv_id="MX.Example.net").authserv_id == "mx.example.net"


@pytest.mark.parametrize("written", ["mx example", "mx;dmarc=pass", "", ".net", "a@b"])
def test_what_is_no_name_of_who_checks_senders_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        account(authserv_id=written)
