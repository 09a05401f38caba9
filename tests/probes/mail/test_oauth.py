"""Access tokens from refresh tokens, against a scripted provider."""

import asyncio
import logging
import pickle
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from probes.errors import LoginRefused, NameNotResolved, Unreachable
from probes.mail.account import OAuth2
from probes.mail.connecting import CertificateRefused
from probes.mail.oauth import AccessTokens
from tests.probes.mail.authorization_server import SECRETS, authorization_server, tokens


def in_file(folder: Path, text: str | None = "refresh-1-secret\n") -> Path:
    path = folder / "anna.token"
    if text is not None:
        path.write_text(text)
    return path


async def token_of(access: AccessTokens) -> str:
    """The token that a login would be tried with."""
    seen: list[str] = []

    async def attempt(token: str) -> None:
        seen.append(token)

    await access.log_in(attempt)
    return seen[0]


async def refusal(access: AccessTokens) -> str:
    with pytest.raises(LoginRefused) as caught:
        await access.ready()
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    return str(caught.value)


async def test_a_token_is_asked_for_once_and_kept() -> None:
    async with authorization_server(tokens()) as provider:
        access = AccessTokens(provider.oauth2(client_secret="client-secret-x", scope="mail offline"))
        assert [await token_of(access) for _ in range(3)] == ["access-1-secret"] * 3
    assert provider.asked == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-1-secret",
            "client_id": "our-client",
            "client_secret": "client-secret-x",
            "scope": "mail offline",
        }
    ]


async def test_a_public_client_sends_no_secret() -> None:
    async with authorization_server(tokens()) as provider:
        await AccessTokens(provider.oauth2()).ready()
    assert provider.asked[0].keys() == {"grant_type", "refresh_token", "client_id"}


async def test_many_who_want_a_token_at_once_make_one_refresh() -> None:
    async with authorization_server(tokens(1), tokens(2)) as provider:
        access = AccessTokens(provider.oauth2())
        assert set(await asyncio.gather(*(token_of(access) for _ in range(20)))) == {"access-1-secret"}
        assert len(provider.asked) == 1


async def test_a_token_is_replaced_shortly_before_it_expires() -> None:
    async with authorization_server(tokens(1, expires_in=0.01), tokens(2)) as provider:
        access = AccessTokens(provider.oauth2())
        assert await token_of(access) == "access-1-secret"
        while asyncio.get_running_loop().time() < access._access.until:  # type: ignore[union-attr]
            await asyncio.sleep(0.001)
        assert await token_of(access) == "access-2-secret"


async def test_a_refresh_goes_on_when_the_one_who_wanted_it_is_gone(tmp_path: Path) -> None:
    async with authorization_server(tokens(1, refresh_token="refresh-2-secret")) as provider:
        provider.held = asyncio.Event()
        path = in_file(tmp_path)
        access = AccessTokens(provider.oauth2(refresh_token={"file": path}))
        gone = asyncio.create_task(access.ready())
        while not provider.asked:
            await asyncio.sleep(0.001)
        gone.cancel()
        provider.held.set()
        assert await token_of(access) == "access-1-secret"
        assert path.read_text() == "refresh-2-secret\n"
        assert len(provider.asked) == 1


async def test_a_replaced_refresh_token_is_kept_in_its_file_for_the_owner_only(tmp_path: Path) -> None:
    replaced = tokens(1, refresh_token="refresh-2-secret", expires_in=0.001)
    async with authorization_server(replaced, tokens(2)) as provider:
        path = in_file(tmp_path)
        access = AccessTokens(provider.oauth2(refresh_token={"file": path}))
        await access.ready()
        assert path.read_text() == "refresh-2-secret\n"
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]
        await asyncio.sleep(0.002)
        await access.ready()
    assert [form["refresh_token"] for form in provider.asked] == ["refresh-1-secret", "refresh-2-secret"]


async def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = in_file(tmp_path / "real")
    link = tmp_path / "link.token"
    link.symlink_to(real)
    async with authorization_server(tokens(1, refresh_token="refresh-2-secret")) as provider:
        await AccessTokens(provider.oauth2(refresh_token={"file": link})).ready()
    assert link.is_symlink()
    assert real.read_text() == "refresh-2-secret\n"


async def test_a_replaced_refresh_token_without_a_file_is_used_and_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replaced = tokens(1, refresh_token="refresh-2-secret", expires_in=0.001)
    async with authorization_server(replaced, tokens(2)) as provider:
        access = AccessTokens(provider.oauth2())
        with caplog.at_level(logging.DEBUG):
            await access.ready()
        await asyncio.sleep(0.002)
        await access.ready()
    assert provider.asked[1]["refresh_token"] == "refresh-2-secret"
    assert "could not be kept" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


async def test_a_newer_refresh_token_that_a_person_put_there_is_not_overwritten(tmp_path: Path) -> None:
    async with authorization_server(tokens(1, refresh_token="refresh-2-secret")) as provider:
        provider.held = asyncio.Event()
        path = in_file(tmp_path)
        ready = asyncio.create_task(AccessTokens(provider.oauth2(refresh_token={"file": path})).ready())
        while not provider.asked:
            await asyncio.sleep(0.001)
        path.write_text("a-newer-one")
        provider.held.set()
        await ready
    assert path.read_text() == "a-newer-one"


async def test_a_refresh_token_that_another_process_replaced_is_read_again(tmp_path: Path) -> None:
    async with authorization_server({"error": "invalid_grant"}, tokens(1)) as provider:
        provider.held = asyncio.Event()
        path = in_file(tmp_path)
        ready = asyncio.create_task(AccessTokens(provider.oauth2(refresh_token={"file": path})).ready())
        while not provider.asked:
            await asyncio.sleep(0.001)
        path.write_text("refresh-2-secret\n")
        provider.held.set()
        await ready
    assert [form["refresh_token"] for form in provider.asked] == ["refresh-1-secret", "refresh-2-secret"]


async def test_a_revoked_refresh_token_is_refused_with_what_to_do() -> None:
    error = {"error": "invalid_grant", "error_description": "AADSTS700082: refresh-1-secret has\nexpired."}
    async with authorization_server(error) as provider:
        said = await refusal(AccessTokens(provider.oauth2(), mailbox="anna"))
        assert said == (
            "127.0.0.1 refuses the refresh token, it is expired or revoked: "
            "invalid_grant (AADSTS700082: … has expired.); mysterybot login anna gets a new one"
        )
        assert len(provider.asked) == 1


async def test_a_refresh_token_that_is_not_there_yet_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with authorization_server(tokens()) as provider:
        path = in_file(tmp_path, None)
        access = AccessTokens(provider.oauth2(refresh_token={"file": path}), mailbox="anna")
        assert "no refresh token yet" in await refusal(access)
        path.write_text("refresh-1-secret")
        assert await token_of(access) == "access-1-secret"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "invalid_client", "error_description": "no client-secret-x"}, "see client_id and client_secret"),
        ({"error": "invalid_scope"}, "gives no token: invalid_scope"),
        (404, "HTTP 404"),
        (302, "HTTP 302"),
    ],
)
async def test_what_a_retry_does_not_mend_is_refused(answer: Any, words: str) -> None:
    async with authorization_server(answer) as provider:
        assert words in await refusal(AccessTokens(provider.oauth2(client_secret="client-secret-x")))


@pytest.mark.parametrize(
    "answer",
    [
        503,
        429,
        {"error": "temporarily_unavailable"},
        b"",
        b"<html>",
        b"[]",
        b"[" * 60_000,
        b"{" + b" " * 100_000 + b"}",
        {},
        {"access_token": 1},
        tokens(expires_in="soon"),
        tokens(expires_in=-1),
        tokens(expires_in=float("nan")),
        tokens(token_type="mac"),
        tokens(access_token="two\r\nlines"),
        tokens(refresh_token=""),
    ],
    ids=lambda answer: str(answer)[:30],
)
async def test_trouble_and_nonsense_may_be_tried_again(answer: Any) -> None:
    async with authorization_server(answer, tokens()) as provider:
        access = AccessTokens(provider.oauth2())
        with pytest.raises(Unreachable) as caught:
            await access.ready()
        assert len(str(caught.value)) < 400
        assert await token_of(access) == "access-1-secret"


async def test_a_provider_that_cannot_be_reached_is_unreachable() -> None:
    async with authorization_server(tokens()) as provider:
        settings = provider.oauth2()
    with pytest.raises(Unreachable, match="refuses connections"):
        await AccessTokens(settings).ready()
    with pytest.raises(NameNotResolved):
        await AccessTokens(settings.model_copy(update={"token_url": "https://nowhere.invalid/t"})).ready()


async def test_a_provider_that_says_nothing_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.mail.oauth_endpoint.ask.__kwdefaults__", {"deadline": 0.05})
    async with authorization_server(tokens()) as provider:
        provider.held = asyncio.Event()
        with pytest.raises(Unreachable, match="did not answer in time"):
            await AccessTokens(provider.oauth2()).ready()
        provider.held.set()


async def test_tokens_are_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    async with authorization_server(tokens(refresh_token="refresh-2-secret")) as provider:
        settings = provider.oauth2(client_secret="client-secret-x", refresh_token={"file": in_file(tmp_path)})
        access = AccessTokens(settings)
        with caplog.at_level(logging.DEBUG):
            await access.ready()
        shown = caplog.text + repr(access) + repr(access._access) + repr(settings) + settings.model_dump_json()
    assert not [secret for secret in SECRETS if secret in shown]
    with pytest.raises(TypeError):
        pickle.dumps(settings.refresh_token)


def test_the_file_of_a_refresh_token_may_come_later_but_its_folder_is_there(tmp_path: Path) -> None:
    def read(path: Path) -> OAuth2:
        return OAuth2.model_validate(
            {"token_url": "https://a.example/t", "client_id": "x", "refresh_token": {"file": path}}
        )

    assert read(tmp_path / "later.token").refresh_token.file == tmp_path / "later.token"
    for wrong in (tmp_path / "none" / "a.token", tmp_path, in_file(tmp_path, "")):
        with pytest.raises(ValueError, match="secret's file"):
            read(wrong)


async def test_a_new_token_that_ended_before_the_answer_came_is_replaced_once() -> None:
    tried: list[str] = []

    async def slow_and_refused(token: str) -> None:
        tried.append(token)
        while access._access is not None and access._access.lives:
            await asyncio.sleep(0.001)
        raise LoginRefused("no")

    async with authorization_server(tokens(1, expires_in=0.02), tokens(2, expires_in=0.02)) as provider:
        access = AccessTokens(provider.oauth2())
        with pytest.raises(LoginRefused):
            await access.log_in(slow_and_refused)
    assert tried == ["access-1-secret", "access-2-secret"]


async def test_a_provider_with_a_certificate_of_nobody_is_told_nothing(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    heard = bytearray()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read())

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/token"
    settings = OAuth2.model_validate({"token_url": url, "client_id": "x", "refresh_token": "refresh-1-secret"})
    with pytest.raises(CertificateRefused, match="the certificate of localhost"):
        await AccessTokens(settings).ready()
    listening.close()
    assert not heard
