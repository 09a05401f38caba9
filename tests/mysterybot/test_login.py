"""`mysterybot login`, with a scripted provider behind it and the test as the person in front."""

import asyncio
import json
import socket
import stat
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from click.testing import CliRunner, Result

from mysterybot.cli import main
from mysterybot.config import load
from tests.probes.mail.authorization_server import SECRETS, authorization_server, tokens

CODES = {
    "device_code": "device-code-secret",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://login.example/device",
    "interval": 1,
}


def config(folder: Path, login: dict[str, Any]) -> Path:
    server = {"host": "localhost", "security": "none"}
    mailbox = {"address": "anna@example.net", "name": "Anna", "smtp": server, "imap": server}
    path = folder / "mysterybot.yaml"
    path.write_text(json.dumps({"mailboxes": {"anna": {**mailbox, "login": {"user": "anna", **login}}}}))
    return path


async def run(*words: str) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, main, ["login", *words])
    assert not [secret for secret in (*SECRETS, "device-code-secret") if secret in result.output]
    assert "Traceback" not in result.output
    return result


async def test_a_code_is_shown_and_the_refresh_token_stored_for_its_owner_only(tmp_path: Path) -> None:
    async with authorization_server(CODES, tokens(refresh_token="refresh-2-secret")) as provider:
        here = f"http://127.0.0.1:{provider.port}"
        oauth2 = provider.settings(device_url=f"{here}/device", refresh_token={"file": "anna.token"})
        path = config(tmp_path, {"oauth2": oauth2})
        assert "mysterybot login anna writes it" in load(path, {}).warnings[0].message
        result = await run("anna", "-c", str(path))
    assert result.exit_code == 0
    assert "https://login.example/device" in result.output
    assert "ABCD-EFGH" in result.output
    stored = tmp_path / "anna.token"
    assert stored.read_text() == "refresh-2-secret\n"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert load(path, {}).warnings == ()


async def test_no_consent_leaves_the_old_token_alone(tmp_path: Path) -> None:
    (tmp_path / "anna.token").write_text("refresh-1-secret")
    async with authorization_server(CODES, {"error": "access_denied"}) as provider:
        here = f"http://127.0.0.1:{provider.port}"
        oauth2 = provider.settings(device_url=f"{here}/device", refresh_token={"file": "anna.token"})
        result = await run("anna", "-c", str(config(tmp_path, {"oauth2": oauth2})))
    assert result.exit_code == 2
    assert "mailbox anna: no consent" in result.output
    assert (tmp_path / "anna.token").read_text() == "refresh-1-secret"


async def test_an_address_is_shown_and_the_browser_comes_back_to_the_port_that_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with authorization_server(tokens(refresh_token="refresh-2-secret")) as provider:
        oauth2 = provider.settings(
            authorization_url="https://a.example/authorize",
            device_url="https://a.example/device",
            refresh_token={"file": "anna.token"},
        )
        path = config(tmp_path, {"oauth2": oauth2})
        command = ["-m", "mysterybot", "login", "anna", "-c", str(path), "--browser", "--port", str(port)]
        running = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        try:
            assert running.stdout is not None
            async with asyncio.timeout(30):
                shown = (await running.stdout.readuntil(b"Waiting")).decode()
                (address,) = (line for line in shown.splitlines() if line.startswith("https://a.example/authorize?"))
                question = dict(parse_qsl(urlsplit(address).query))
                assert question["redirect_uri"] == f"http://127.0.0.1:{port}"
                async with httpx.AsyncClient(trust_env=False) as browser:
                    await browser.get(f"{question['redirect_uri']}/?code=c&state={question['state']}")
                told, _ = await running.communicate()
        finally:
            if running.returncode is None:
                running.kill()
    assert running.returncode == 0
    assert f"ssh -L {port}:127.0.0.1:{port}" in shown
    assert (tmp_path / "anna.token").read_text() == "refresh-2-secret\n"
    assert b"secret" not in told


OAUTH2 = {"token_url": "https://a.example/t", "client_id": "ours", "refresh_token": {"file": "anna.token"}}


@pytest.mark.parametrize(
    ("words", "login", "said"),
    [
        (["ana"], {"oauth2": OAUTH2}, "there is no mailbox ana; did you mean anna?"),
        (["anna"], {"password": "x"}, "logs in with a password"),
        (["anna"], {"oauth2": {**OAUTH2, "refresh_token": "refresh-1-secret"}}, "write {file: PATH}"),
        (["anna"], {"oauth2": OAUTH2}, "lacks authorization_url or device_url"),
        (["anna", "--browser"], {"oauth2": {**OAUTH2, "device_url": "https://a.example/d"}}, "lacks authorization_url"),
    ],
)
async def test_what_cannot_be_is_told_before_anybody_logs_in(
    words: list[str], login: dict[str, Any], said: str, tmp_path: Path
) -> None:
    result = await run(*words, "-c", str(config(tmp_path, login)))
    assert result.exit_code == 2
    assert said in result.output
