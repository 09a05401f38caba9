"""Log lines: one a fact, as text or JSON, with what they are about."""

import asyncio
import json
import logging
import sys

import pytest

from conversations.about import about, told
from mysterybot.commands.common import log_to_stderr
from mysterybot.logs import JsonLines, TextLines


def record(message: str, *args: object, failed: bool = False) -> logging.LogRecord:
    info = None
    if failed:
        try:
            raise ValueError("broken")
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord("probes.mail.smtp", logging.WARNING, "smtp.py", 1, message, args, info)


def test_a_text_line_tells_what_it_is_about_unless_it_says_so_itself() -> None:
    lines = TextLines()
    assert lines.format(record("no connection")).endswith("Z WARNING probes.mail.smtp: no connection")
    with about(conversation="4f2a", visit="refund", desk="", mailbox="anna"):
        assert lines.format(record("no connection")).endswith(
            ": no connection [conversation=4f2a visit=refund mailbox=anna]"
        )
        assert lines.format(record("mailbox anna of 4f2a: %s", "no")).endswith(
            ": mailbox anna of 4f2a: no [visit=refund]"
        )
        with about(desk="acme"):
            assert lines.format(record("x")).endswith(" [conversation=4f2a visit=refund desk=acme mailbox=anna]")
    assert not told()


def test_a_json_line_has_them_as_fields() -> None:
    with about(conversation="4f2a", visit="refund", mailbox="anna"):
        line = json.loads(JsonLines().format(record("a\nb %s", "ü", failed=True)))
    assert {
        "level": "warning",
        "logger": "probes.mail.smtp",
        "message": "a\nb ü",
        "conversation": "4f2a",
    }.items() <= line.items()
    assert (line["visit"], line["mailbox"]) == ("refund", "anna")
    assert "desk" not in line
    assert "ValueError: broken" in line["exception"]


@pytest.mark.parametrize("text", ["two\nlines", "two\r\nlines", "2026-01-01T00:00:00Z ERROR\n"])
def test_a_stranger_s_text_begins_no_line(text: str) -> None:
    assert len(TextLines().format(record("%s", text)).splitlines()) == 1
    assert len(JsonLines().format(record("%s", text)).splitlines()) == 1


async def test_tasks_at_the_same_time_are_each_about_their_own() -> None:
    async def work(name: str) -> str:
        with about(conversation=name):
            await asyncio.sleep(0)
            inner = asyncio.create_task(deeper())
            await asyncio.sleep(0)
            return f"{told()['conversation']} {await inner} {(await asyncio.to_thread(told))['conversation']}"

    async def deeper() -> str:
        await asyncio.sleep(0)
        return told()["conversation"]

    assert list(await asyncio.gather(work("a"), work("b"))) == ["a a a", "b b b"]
    assert not told()


def test_debug_lines_are_ours_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        log_to_stderr(verbose=True)
        for name in ("aiosmtplib", "aioimaplib.aioimaplib", "httpcore.http11", "httpx", "sqlalchemy.engine", "asyncio"):
            logging.getLogger(name).debug("theirs: hunter2")
            logging.getLogger(name).info("theirs: hunter2")
            logging.getLogger(name).warning("theirs: careful")
        for name in ("conversations.engine", "probes.mail.smtp", "mysterybot_user_scenarios.mine_1"):
            logging.getLogger(name).debug("ours")
        said = capsys.readouterr().err
        assert "hunter2" not in said
        assert [said.count("theirs: careful"), said.count(": ours")] == [6, 3]
        log_to_stderr(verbose=False, quiet=True)
        logging.getLogger("conversations.engine").error("x")
        assert capsys.readouterr().err == ""
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
