"""Secrets are planted everywhere where one can be, and looked for everywhere where one might come out."""

import asyncio
import base64
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bcrypt
import httpx
import pytest

from mysterybot.demo.company import Company
from tests.mysterybot.bots import PROMPT, bot_config
from tests.mysterybot.demo.acme import open_company
from tests.mysterybot.test_cli import eventually, service
from tests.probes.mail.authorization_server import SECRETS, authorization_server, tokens

WEB_PASSWORD = "web-password-planted"
TEXT = "sesquipedalian"
"""A word of our mail's text, which is no secret in the journal and on pages, and belongs into no log."""


@pytest.fixture
async def company() -> AsyncIterator[Company]:
    async with open_company() as opened:
        yield opened


PLACES = {
    "hook": {"webhook": "http://127.0.0.1:1/hook-planted"},
    "chat": {"slack": "http://127.0.0.1:1/slack-planted"},
    "other": {"apprise": "json://user:apprise-planted@127.0.0.1:1/"},
}
"""Nobody listens there, and it is told why nothing arrives."""

BROKEN = """
from conversations.scenario import scenario


@scenario("Breaks at once")
async def broken(customer):
    raise RuntimeError("broken on purpose")
"""


@dataclass(slots=True)
class Planted:
    """What must not come out, by name; each in the forms in which it travels."""

    secrets: dict[str, str]

    def found_in(self, content: bytes) -> list[str]:
        return [name for name, secret in self.secrets.items() if any(form in content for form in forms(secret))]


def forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield raw
    yield quote(secret).encode()
    yield quote(secret, safe="").encode()
    for shift in range(3):  # within base64, as AUTH PLAIN and Basic have it, wherever it stands there
        encoded = base64.b64encode(b"x" * shift + raw)
        yield encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]


def document(folder: Path, company: Company, oauth2: dict[str, Any]) -> Path:
    opening = f"Hello\n\nMy order number is AH-20417. When will my {TEXT} order be ready?\n\n{{name}}"
    visit = {**PROMPT, "with": {**PROMPT["with"], "opening": opening}}
    path = bot_config(folder, {"order": visit, "refused": {**visit, "mailbox": "ben"}}, company)
    written = json.loads(path.read_text())
    anna = written["mailboxes"]["anna"]
    anna["control"] = {"every": "1 hour"}
    written["mailboxes"]["ben"] = {
        **anna, "address": "ben@inbox.example", "login": {"user": "ben@inbox.example", "oauth2": oauth2},
    }  # fmt: skip
    written["mailboxes"]["carla"] = {
        **anna, "address": "carla@inbox.example", "login": {"user": "carla@inbox.example", "password": {"env": "WRONG"}},
    }  # fmt: skip
    del written["mailboxes"]["ben"]["control"], written["mailboxes"]["carla"]["control"]
    written["notify"] = {name: {"after": 1, **place} for name, place in PLACES.items()}
    written["judge"] = {"url": "http://127.0.0.1:1/v1/chat", "model": "m", "api_key": "judge-key-planted"}
    # Who faults at once is told of at once.
    written["visits"]["broken"] = {**visit, "mailbox": "ben", "scenario": "broken.py:broken", "with": {}}
    (folder / "broken.py").write_text(BROKEN)
    path.write_text(json.dumps(written))
    return path


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "\0anna\0"])
def test_the_search_finds_a_secret_in_each_of_its_forms(before: str) -> None:
    planted = Planted({"it": "p@ss word/1"})
    plain = f"{before}p@ss word/1 and more"
    for content in (plain, quote(plain), quote(plain, safe=""), base64.b64encode(plain.encode()).decode()):
        assert planted.found_in(f"AUTH {content}".encode()) == ["it"], content
    assert planted.found_in(b"p@ss word/2") == []


async def test_no_secret_comes_out_anywhere(company: Company, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(WEB_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ops: '{hashed}'}}")
    (tmp_path / "ben.token").write_text("refresh-1-secret\n")
    environ = {**company.environ, "WRONG": "wrong-password-planted"}
    planted = Planted(
        {
            "anna's password": environ["ANNA_PASSWORD"],
            "a wrong password": environ["WRONG"],
            "web password": WEB_PASSWORD,
            "web hash": hashed,
            **{secret: secret for secret in SECRETS},
            **{secret: secret for secret in ("hook-planted", "slack-planted", "apprise-planted", "judge-key-planted")},
        }
    )
    async with authorization_server(tokens(1, refresh_token="refresh-2-secret")) as provider:
        oauth2 = provider.settings(refresh_token={"file": "ben.token"}, client_secret="client-secret-x")
        path = document(tmp_path, company, oauth2)
        options = (
            "--web.config.file",
            str(tmp_path / "web.yml"),
            "--log-format",
            "json",
            "-v",
            "--web.enable-lifecycle",
        )
        logs, pages = await asyncio.to_thread(look_everywhere, path, environ, options, provider)
    assert provider.asked, "the tokens were really in use"
    for name, content in pages.items():
        assert planted.found_in(content) == [], name
    assert planted.found_in(logs.encode()) == []
    for told in ("no second opinion on message", *(f"notify {name}: not told" for name in PLACES)):
        assert told in logs, "it was really tried"
    lines = [json.loads(line) for line in logs.splitlines()]
    about_order = [line for line in lines if line.get("visit") == "order" and line.get("conversation")]
    assert {("anna", "acme")} == {(line["mailbox"], line["desk"]) for line in about_order}
    watched = {line["mailbox"] for line in lines if line["logger"] == "probes.mail.folder_watch"}
    assert set() < watched <= {"anna", "ben", "carla"}
    assert TEXT not in logs
    files = [each for each in (tmp_path / "data").rglob("*") if each.is_file()]
    assert {"journal.sqlite"} < {each.name for each in files}
    assert any(each.suffix == ".eml" for each in files)
    for each in [*files, *(tmp_path / "report").rglob("*.*")]:
        assert planted.found_in(each.read_bytes()) == [], each


def tried(folder: Path) -> set[str]:
    """Which places a notice could not be told to, and whether the judge could not be asked."""
    with closing(sqlite3.connect(folder / "data" / "journal.sqlite")) as journal:
        places = journal.execute("SELECT place FROM delivery WHERE error IS NOT NULL").fetchall()
        opinions = journal.execute("SELECT 'opinion' FROM opinion WHERE next_at IS NOT NULL").fetchall()
    return {name for (name,) in places + opinions}


def look_everywhere(
    path: Path, environ: dict[str, str], options: tuple[str, ...], provider: Any
) -> tuple[str, dict[str, bytes]]:
    """Run the service until it has done all it can; what it logged, and all that it and the commands showed."""
    pages: dict[str, bytes] = {}
    with service(path, environ, *options) as (process, url), httpx.Client(base_url=url, timeout=20) as client:

        def metrics() -> str:
            return client.get("/metrics", auth=("ops", WEB_PASSWORD)).text

        eventually(lambda: client.get("/", auth=("ops", "wrong-guess")).status_code == 401, "it is guarded")
        eventually(
            lambda: re.search(r'conversations_total\{[^}]*visit="order"[^}]*\} 1', metrics()) is not None, "passed"
        )
        eventually(lambda: bool(provider.asked), "tokens are asked for")
        eventually(lambda: tried(path.parent) >= {"opinion", *PLACES}, "all who are to be told have been tried")
        assert client.post("/-/reload", auth=("ops", WEB_PASSWORD)).status_code == 200
        todo = ["/", "/conversations", "/desks/acme", "/unmatched", "/metrics", "/-/ready"]
        while todo:
            address = todo.pop()
            answer = client.get(address, auth=("ops", WEB_PASSWORD))
            pages[address] = answer.content + str(answer.headers).replace(WEB_PASSWORD, "").encode()
            links = (
                re.findall(r'(?:href|src)="(/[^"]*)"', answer.text) if "html" in answer.headers["content-type"] else []
            )
            todo += [link for link in links if link not in pages and link not in todo]
        assert any("/evidence/" in address for address in pages)
        process.send_signal(signal.SIGTERM)
        _, logs = process.communicate(timeout=40)
    for words in (["check"], ["conversations", "--json"], ["report", "--out", str(path.parent / "report")]):
        ran = subprocess.run(
            [sys.executable, "-m", "mysterybot", *words, "-c", str(path)],
            env=environ,
            capture_output=True,
            timeout=60,
            check=False,
        )
        pages[" ".join(words)] = ran.stdout + ran.stderr
    return logs, pages
