"""The command line, as a person and as a program meet it: exit codes, words, JSON; never a traceback, never a secret."""

import asyncio
import json
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest
from click.testing import CliRunner

from conversations.journal import Journal, aggregates, messages
from mysterybot import __version__
from mysterybot.cli import main
from mysterybot.demo.company import Company
from mysterybot.demo.configuration import configuration
from probes.mail.arrivals import Position
from tests.conversations.desk import Town, life
from tests.mysterybot.bots import PROMPT, SILENT, bot_config
from tests.mysterybot.demo.acme import open_company

SECRET = "hunter2-correct-horse"
ENOUGH = 40.0
COMMANDS = (
    "demo", "init", "check", "login", "run", "once", "visits", "conversations", "report", "export", "pause", "resume",
    "maintenance", "notify", "doctor", "read", "schema",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


Command = Callable[..., Ran]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs a command in a folder of its own. Whatever it is, it must not end in a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MYSTERYBOT_CONFIG", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    root = logging.getLogger()
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in root.manager.loggerDict}

    def run(*words: str, **environ: str) -> Ran:
        result = CliRunner().invoke(main, words, env=environ)
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert "Traceback" not in result.output
        return Ran(result.exit_code, result.stdout, result.stderr)

    try:
        yield run
    finally:  # commands set up logging for a process of their own
        root.handlers[:], level, levels = before
        root.setLevel(level)
        for name, each in levels.items():
            logging.getLogger(name).setLevel(each)


@contextmanager
def in_a_thread() -> Iterator[Company]:
    """The demo company in an event loop of its own, since commands bring theirs."""
    ready, stop = threading.Event(), asyncio.Event()
    opened: list[Any] = []

    async def work() -> None:
        async with open_company() as company:
            opened.extend((company, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(ENOUGH)
        yield opened[0]
    finally:
        opened[1].call_soon_threadsafe(stop.set)
        thread.join(ENOUGH)


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with in_a_thread() as opened:
        yield opened


@pytest.fixture
def anna(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The company, with the right password in the environment."""
    for name, value in company.environ.items():
        monkeypatch.setenv(name, value)
    return company


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config that is right, of servers that are not there."""
    monkeypatch.setenv("ANNA_PASSWORD", SECRET)
    return bot_config(tmp_path, {"order": PROMPT, "silent": SILENT})


# --- help -------------------------------------------------------------------------------------------------------


def test_the_version(command: Command) -> None:
    assert command("--version").out == f"mysterybot, version {__version__}\n"


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mysterybot", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"mysterybot, version {__version__}\n"


def test_help_lists_every_command_in_the_order_in_which_a_newcomer_meets_them(command: Command) -> None:
    listed = re.findall(r"^  ([a-z]+) {2,}\S", command("--help").out.partition("Commands:")[2], re.M)
    assert tuple(listed) == COMMANDS


@pytest.mark.parametrize(
    "words", [[name] for name in COMMANDS] + [["conversations", "show"], ["conversations", "unmatched"]]
)
def test_every_command_explains_itself(command: Command, words: list[str]) -> None:
    ran = command(*words, "--help")
    assert ran.code == 0
    assert f"Usage: main {' '.join(words)} [OPTIONS]" in ran.out
    assert len(ran.out.splitlines()) > 5


@pytest.mark.parametrize("words", [["chekc"], ["check", "--conect"], ["once"], ["conversations", "--limit", "0"]])
def test_a_misspelt_command_line_says_so_and_exits_with_2(command: Command, words: list[str]) -> None:
    ran = command(*words)
    assert ran.code == 2
    assert "Usage: " in ran.err
    assert "Error: " in ran.err


# --- check ------------------------------------------------------------------------------------------------------


def test_a_good_config_is_good(command: Command, good: Path) -> None:
    assert command("check") == Ran(0, "ok   mysterybot.yaml: 1 mailbox, 1 desk, 2 visits\n", "")
    assert command("check", "-c", str(good)).code == 0
    assert command("check", MYSTERYBOT_CONFIG=str(good)).code == 0
    assert json.loads(command("check", "--json").out) == [
        {"what": "mysterybot.yaml", "ok": True, "detail": "1 mailbox, 1 desk, 2 visits"}
    ]


def test_everything_that_is_wrong_is_told_at_once_with_its_place(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "mailboxes: {}\ndesks:\n  acme:\n    name: Acme\n    channels: {support: {emial: a@b.example}}\n"
        "visits:\n  v:\n    desk: amce\n    channel: support\n    mailbox: anna\n    scenario: ask\n    every: soon\n"
    )
    ran = command("check", "-c", "bad.yaml")
    assert ran.code == 2
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert len(lines) >= 4
    assert all(re.match(r"bad\.yaml:\d+:\d+: [a-z.]+: \S", line) for line in lines)
    assert any("bad.yaml:8:11: visits.v.desk: " in line and "did you mean acme?" in line for line in lines)


@pytest.mark.parametrize("words", [["check"], ["once", "v"], ["run"], ["visits"], ["conversations"], ["pause"]])
def test_a_config_that_is_not_there_is_told_by_every_command(command: Command, words: list[str]) -> None:
    ran = command(*words, "-c", "none.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "none.yaml: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("words", [["-c", "none.yaml"], ["--web.config.file", "none.yml"]])
def test_the_service_says_in_json_too_why_it_does_not_start(command: Command, tmp_path: Path, words: list[str]) -> None:
    bot_config(tmp_path, {}, password="in clear")
    ran = command("run", "--log-format", "json", *words)
    said = [json.loads(line) for line in ran.err.splitlines()]
    assert (ran.code, said[-1]["level"]) == (2, "critical")
    assert "none.y" in said[-1]["message"]
    assert [line["level"] for line in said[:-1]] == ["warning"] * len(said[:-1])


def test_a_missing_secret_is_told_by_its_name(command: Command, tmp_path: Path) -> None:
    bot_config(tmp_path, {}, password={"env": "NO_SUCH_VARIABLE"})
    ran = command("check")
    assert ran.code == 2
    assert "NO_SUCH_VARIABLE" in ran.err


def test_a_password_in_clear_is_warned_of_and_not_repeated(command: Command, tmp_path: Path) -> None:
    bot_config(tmp_path, {}, password=SECRET)
    ran = command("check")
    assert ran.code == 0
    assert "a secret stands here in clear" in ran.err
    assert SECRET not in ran.said


def test_check_connect_says_what_can_be_reached(command: Command, tmp_path: Path, anna: Company) -> None:
    bot_config(tmp_path, {}, anna)
    ran = command("check", "--connect")
    assert (ran.code, ran.out.count("logged in")) == (0, 2)
    bot_config(tmp_path, {}, anna, password=SECRET)
    ran = command("check", "--connect")
    assert (ran.code, ran.out.count("BAD  mailbox anna, ")) == (2, 2)
    assert SECRET not in ran.said


def test_check_connect_tries_pages_and_ports(command: Command, tmp_path: Path, anna: Company) -> None:
    home = anna.url.removeprefix("http://").rstrip("/")
    reach = {"urls": {"home": anna.url, "shop": {"url": anna.url, "text": "no such words"}}, "tcp": {"web": home}}
    bot_config(tmp_path, {}, anna, reach=reach)
    ran = command("check", "--connect")
    assert ran.code == 2
    assert "ok   reach home, http: answers; IPv4" in ran.out
    assert "BAD  reach shop, http: " in ran.out
    assert "does not show the text: no such words" in ran.out
    assert "ok   reach web, tcp: answers; IPv4" in ran.out


# --- once -------------------------------------------------------------------------------------------------------


def test_once_passed_exits_with_0_and_tells_the_story(command: Command, tmp_path: Path, anna: Company) -> None:
    bot_config(tmp_path, {"order": PROMPT}, anna)
    ran = command("once", "order")
    assert ran.code == 0, ran.said
    assert "sent: My order" in ran.out
    assert "first reply after " in ran.out
    assert ran.err == ""


def test_once_failed_exits_with_1_and_says_why(command: Command, tmp_path: Path, anna: Company) -> None:
    impatient = {**PROMPT, "channel": "abuse", "with": {**PROMPT["with"], "patience": "1 second"}}
    bot_config(tmp_path, {"silent": impatient}, anna)
    ran = command("once", "silent", "--json")
    assert ran.code == 1, ran.said
    told = json.loads(ran.out)
    assert (told["verdict"], told["reason"]) == ("failed", "no reply within 1 second")


def test_once_faulted_exits_with_2_and_says_that_it_is_our_fault(
    command: Command, tmp_path: Path, anna: Company
) -> None:
    bot_config(tmp_path, {"order": PROMPT}, anna, password=SECRET)
    ran = command("once", "order", "--json")
    assert ran.code == 2, ran.said
    told = json.loads(ran.out)
    assert told["verdict"] == "faulted"
    assert "refuses LOGIN" in told["reason"]
    assert [step["outcome"] for step in told["steps"]] == ["failed"]
    assert told["messages"] == []
    assert SECRET not in ran.said


def test_a_judge_gives_a_second_opinion_that_counts_for_nothing(
    command: Command, tmp_path: Path, anna: Company
) -> None:
    script = tmp_path / "judge.py"
    script.write_text("""import json; print(json.dumps({"verdict": "problem", "why": "<b>Too</b> friendly."}))""")
    bot_config(tmp_path, {"order": PROMPT}, anna, judge={"command": [sys.executable, str(script)]})
    ran = command("once", "order", "--json")
    assert ran.code == 0, ran.said
    told = json.loads(ran.out)
    (opinion,) = told["second_opinions"]
    assert (opinion["verdict"], opinion["why"]) == ("problem", "<b>Too</b> friendly.")
    assert "second opinion" in command("conversations", "show", told["id"]).out
    command("report", "--out", "report")
    page = (tmp_path / "report" / "conversations" / f"{told['id']}.html").read_text()
    assert "Second opinion" in page
    assert "&lt;b&gt;Too&lt;/b&gt; friendly." in page


def with_ben(config: Path) -> Path:
    """Give the config ben's mailbox too, at the same provider."""
    document = json.loads(config.read_text())
    anna = document["mailboxes"]["anna"]
    login = {"user": "ben@inbox.example", "password": {"env": "BEN_PASSWORD"}}
    document["mailboxes"]["ben"] = {**anna, "address": "ben@inbox.example", "name": "Ben Aldous", "login": login}
    config.write_text(json.dumps(document))
    return config


def test_once_plays_companions_too_and_its_exit_code_is_that_of_the_visit(
    command: Command, tmp_path: Path, anna: Company
) -> None:
    compared = {**PROMPT, "scenario": "parity", "with": {**PROMPT["with"], "compare": {"mailbox": "ben"}}}
    silent = {**compared, "with": {**compared["with"], "patience": "1 second", "compare": {"channel": "abuse"}}}
    with_ben(bot_config(tmp_path, {"alike": compared, "unlike": silent}, anna))
    ran = command("once", "alike")
    assert ran.code == 0, ran.said
    assert "alike/other        ● contacts acme by support" in ran.out
    assert ran.out.count("passed") == 2
    ran = command("once", "unlike", "--json")
    assert ran.code == 1, ran.said
    told = json.loads(ran.out)
    (companion,) = told["companions"]
    other = json.loads(command("conversations", "show", companion, "--json").out)
    assert (other["visit"], other["channel"], other["parent"]) == ("unlike/other", "abuse", told["id"])
    assert other["verdict"] == "failed", "nobody reads that address"


@pytest.mark.parametrize(
    ("visit", "code", "check", "rule"),
    [
        ("closed_too_early", 0, "reopened", "reopened.new_ticket"),
        ("back_at_billing", 1, "context_lost", "context_lost.asked"),
        ("complaint", 0, "apologised", "apologised.phrase"),
        ("two_questions", 0, "threading", "threading.same_ticket"),
        ("closed_too_early", 0, "threading", "threading.other_ticket"),
    ],
)
def test_the_demo_company_treats_its_customers_as_its_config_says(
    command: Command, tmp_path: Path, anna: Company, visit: str, code: int, check: str, rule: str
) -> None:
    (tmp_path / "mysterybot.yaml").write_text(configuration(anna, data=tmp_path / "data"))
    ran = command("once", visit, "--json")
    assert ran.code == code, ran.said
    rules = {each["rule"] for each in json.loads(ran.out)["findings"] if each["check"] == check}
    assert rule in rules


def test_an_unknown_visit_is_told_with_the_one_that_was_meant(command: Command, good: Path) -> None:
    ran = command("once", "ordr")
    assert (ran.code, ran.err) == (2, "there is no visit ordr; did you mean order?\n")


def test_continuing_what_does_not_exist_is_told(command: Command, tmp_path: Path, anna: Company) -> None:
    bot_config(tmp_path, {"order": PROMPT}, anna)
    ran = command("once", "order", "--continue", "0123")
    assert (ran.code, ran.err) == (
        2,
        "visit order has no conversation 0123; mysterybot conversations --visit order lists them\n",
    )


def test_a_scenario_of_the_users_own_runs_by_its_path(command: Command, tmp_path: Path, anna: Company) -> None:
    (tmp_path / "mine.py").write_text(
        "from conversations.customer import Customer\n"
        "from conversations.durations import Duration\n"
        "from conversations.scenario import scenario\n\n\n"
        '@scenario("Ask about the data centre")\n'
        'async def where(customer: Customer, patience: Duration = Duration.parse("1 minute")) -> None:\n'
        '    await customer.write("Where do your servers stand?\\n\\n{name}")\n'
        "    reply = await customer.reply(within=patience)\n"
        '    if "Zurich" not in reply.text:\n'
        '        raise customer.fail("they do not say where")\n'
    )
    mine = {**PROMPT, "scenario": "mine.py:where", "with": {}}
    bot_config(tmp_path, {"mine": mine, "broken": {**mine, "with": {"pateince": "1h"}}}, anna)
    ran = command("check")
    assert ran.code == 2
    assert "visits.broken.with.pateince: unknown key; did you mean patience?" in ran.err
    bot_config(tmp_path, {"mine": mine}, anna)
    ran = command("once", "mine", "--json")
    assert ran.code == 0, ran.said
    assert json.loads(ran.out)["scenario"] == f"{tmp_path}/mine.py:where"


def test_a_users_scenario_that_raises_is_faulted_with_its_line(command: Command, tmp_path: Path, anna: Company) -> None:
    (tmp_path / "mine.py").write_text(
        "from conversations.scenario import scenario\n\n\n"
        '@scenario("Breaks")\nasync def breaks(customer) -> None:\n    return 1 / 0\n'
    )
    bot_config(tmp_path, {"mine": {**PROMPT, "scenario": "mine.py:breaks", "with": {}}}, anna)
    ran = command("once", "mine", "--json")
    assert ran.code == 2
    reason = json.loads(ran.out)["reason"]
    assert reason == "the scenario raised ZeroDivisionError: division by zero (mine.py:6)"


# --- conversations ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bot that has played two visits: one passed, one failed."""
    folder = tmp_path_factory.mktemp("played")
    path = bot_config(folder, {"order": PROMPT, "silent": SILENT}, company)
    company.helpdesk._handling_time = (0.0, 0.0)
    environ = {**os.environ, **company.environ, "MYSTERYBOT_CONFIG": str(path)}
    for visit, code in (("order", 0), ("silent", 0)):
        done = subprocess.run(
            [sys.executable, "-m", "mysterybot", "once", visit, "-v"],
            env=environ, capture_output=True, text=True, timeout=ENOUGH, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        (folder / f"{visit}.log").write_text(done.stdout + done.stderr)
    return path


@pytest.fixture
def at(played: Path, company: Company, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANNA_PASSWORD", company.environ["ANNA_PASSWORD"])
    return played


SHAPE: dict[str, Any] = {
    "id": str,
    "visit": str,
    "desk": str,
    "channel": str,
    "location": str,
    "verdict": str,
    "reason": str,
    "started_at": "time",
    "finished_at": "time",
    "steps": [{"seq": int, "name": str, "started_at": "time", "finished_at": "time", "outcome": str}],
    "messages": [
        {
            "direction": str, "kind": str, "message_id": str, "subject": str, "from": str, "to": str, "at": "time",
            "detected_at": "time?", "folder": "str?",
        }
    ],
    "times": {
        "acknowledgement_seconds": float,
        "first_reply_seconds": {"calendar": float, "business": float},
        "next_reply_seconds": [{"calendar": float, "business": float}],
        "resolution_seconds": {"calendar": float, "business": float},
        "delivery_seconds": "nothing yet",
    },
    "findings": [{"check": str, "result": str, "rule": str, "evidence": str, "value": "anything"}],
}  # fmt: skip


def misfits(found: Any, shape: Any, where: str = "") -> Iterator[str]:
    """Where a document is not of this shape; more keys than those are welcome."""
    if isinstance(shape, dict):
        for key, inner in shape.items():
            if not isinstance(found, dict) or key not in found:
                yield f"{where}.{key} is missing"
            else:
                yield from misfits(found[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(found, list):
            yield f"{where} is no list"
            return
        for number, each in enumerate(found):
            yield from misfits(each, shape[0], f"{where}[{number}]")
    elif isinstance(shape, type):
        if type(found) is not shape:
            yield f"{where} is {found!r}"
    elif shape.startswith("time"):
        if not (found is None and shape.endswith("?")) and not re.fullmatch(
            r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", str(found)
        ):
            yield f"{where} is {found!r}, not RFC 3339 in UTC"
    elif (shape == "str?" and not isinstance(found, str | None)) or (shape == "nothing yet" and found is not None):
        yield f"{where} is {found!r}"


def test_conversations_as_json_have_the_promised_shape_newest_first(command: Command, at: Path) -> None:
    listed = json.loads(command("conversations", "-c", str(at), "--json").out)
    assert [each["visit"] for each in listed] == ["silent", "order"]
    order = listed[1]
    assert list(misfits(order, SHAPE)) == []
    assert order["verdict"] == "passed"
    assert {step["outcome"] for step in order["steps"]} == {"done"}
    assert [step["seq"] for step in order["steps"]] == list(range(1, len(order["steps"]) + 1))
    assert {message["direction"] for message in order["messages"]} == {"in", "out"}
    assert [m["kind"] for m in order["messages"]].count("human") >= 1
    assert {m["folder"] for m in order["messages"] if m["direction"] == "in"} == {"INBOX"}
    assert {finding["result"] for finding in order["findings"]} <= {"ok", "problem", "unknown"}
    assert "questions_answered" in {finding["check"] for finding in order["findings"]}


def test_conversations_can_be_chosen_and_are_shown_as_a_table(command: Command, at: Path) -> None:
    config = ("-c", str(at))
    assert len(json.loads(command("conversations", *config, "--json", "--visit", "order").out)) == 1
    assert json.loads(command("conversations", *config, "--json", "--open").out) == []
    assert len(json.loads(command("conversations", *config, "--json", "--limit", "1").out)) == 1
    table = command("conversations", *config).out
    assert re.search(r"^ *[0-9a-f]{16}  order .*passed", table, re.M)


def test_a_conversation_is_shown_by_the_beginning_of_its_id(command: Command, at: Path) -> None:
    config = ("-c", str(at))
    [wanted] = json.loads(command("conversations", *config, "--json", "--visit", "order").out)
    shown = command("conversations", "show", wanted["id"][:6], *config, "--json")
    assert json.loads(shown.out) == wanted
    assert json.loads(command("conversations", *config, "--json", "show", wanted["id"]).out) == wanted
    told = command("conversations", "show", wanted["id"], *config).out
    for words in (wanted["reference"], "When will my order be ready?", "Thursday", "questions_answered"):
        assert words in told


def test_a_beginning_that_fits_none_or_several_is_told(command: Command, at: Path) -> None:
    none = command("conversations", "show", "zzz", "-c", str(at))
    assert (none.code, none.err) == (2, "there is no conversation whose id begins with zzz\n")
    several = command("conversations", "show", "", "-c", str(at))
    assert (several.code, several.err) == (2, "there is more than one conversation whose id begins with \n")
    assert command("conversations", "show", "%", "-c", str(at)).code == 2


def test_visits_tell_what_is_due_and_how_it_fared(command: Command, at: Path) -> None:
    listed = {each["visit"]: each for each in json.loads(command("visits", "-c", str(at), "--json").out)}
    assert set(listed) == {"order", "silent"}
    order = listed["order"]
    assert (order["consecutive_failures"], order["open"]) == (0, 0)
    assert order["last_success"] >= order["last_run"]
    assert order["next_due"] > order["last_run"]
    assert re.search(r"^ *order +acme +support ", command("visits", "-c", str(at)).out, re.M)


def test_a_bot_that_never_ran_has_nothing_to_list_and_says_what_to_do(command: Command, good: Path) -> None:
    assert command("conversations", "--json").out == "[]\n"
    assert "mysterybot once VISIT" in command("conversations").out
    assert command("conversations", "unmatched").out == "Every mail was matched to its conversation.\n"
    assert "never" in command("visits").out


# --- secrets ----------------------------------------------------------------------------------------------------


def test_no_password_is_anywhere_in_output_journal_evidence_or_logs(at: Path, company: Company) -> None:
    passwords = [password.encode() for password in company.environ.values()]
    files = [path for path in at.parent.rglob("*") if path.is_file()]
    assert {"journal.sqlite", "order.log"} <= {path.name for path in files}
    assert any(path.suffix == ".eml" for path in files)
    assert [path.name for path in files if any(password in path.read_bytes() for password in passwords)] == []


def test_data_is_for_its_owner_only(at: Path) -> None:
    data = at.parent / "data"
    assert oct(data.stat().st_mode & 0o777) == "0o700"
    assert oct((data / "journal.sqlite").stat().st_mode & 0o777) == "0o600"


# --- without secrets --------------------------------------------------------------------------------------------

NO_SECRETS: dict[str, Any] = {
    "notify": {
        "hook": {"webhook": {"env": "NO_HOOK"}},
        "chat": {"slack": {"file": "no.url"}},
        "phone": {"apprise": {"env": "NO_PHONE"}},
    },
    "browser": {"ws": {"env": "NO_BROWSER"}},
    "judge": {"url": "http://127.0.0.1:1/v1/chat/completions", "model": "m", "api_key": {"env": "NO_KEY"}},
}


@pytest.mark.parametrize(
    "words",
    [
        ["pause"],
        ["resume"],
        ["maintenance", "acme", "--for", "2h"],
        ["visits"],
        ["conversations"],
        ["conversations", "unmatched"],
        ["notify"],
        ["report", "--out", "report"],
        ["export", "alerts"],
    ],
)
def test_a_command_that_contacts_nobody_needs_no_secrets(command: Command, tmp_path: Path, words: list[str]) -> None:
    bot_config(tmp_path, {"order": PROMPT}, password={"env": "NO_PASSWORD"}, **NO_SECRETS)
    ran = command(*words)
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("words", [["check"], ["run"], ["once", "order"], ["notify", "--test"]])
def test_a_command_that_contacts_somebody_tells_every_secret_that_is_missing(
    command: Command, tmp_path: Path, words: list[str]
) -> None:
    bot_config(tmp_path, {"order": PROMPT}, password={"env": "NO_PASSWORD"}, **NO_SECRETS)
    ran = command(*words)
    assert ran.code == 2
    assert all(name in ran.err for name in ("NO_PASSWORD", "NO_HOOK", "chat.slack", "NO_PHONE", "NO_BROWSER", "NO_KEY"))


def test_the_secret_of_the_journal_is_needed_by_whoever_opens_it(command: Command, tmp_path: Path) -> None:
    path = bot_config(tmp_path, {})
    document = json.loads(path.read_text())
    document["bot"]["database"] = {"env": "NO_DATABASE"}
    path.write_text(json.dumps(document))
    assert (command("pause").code, command("pause").err) == (2, "the environment variable NO_DATABASE is not set\n")


# --- pause ------------------------------------------------------------------------------------------------------


def test_paused_once_starts_nothing_and_says_how_to_go_on(command: Command, tmp_path: Path, anna: Company) -> None:
    bot_config(tmp_path, {"order": PROMPT}, anna)
    assert "Paused" in command("pause").out
    assert "paused" in command("visits").out
    ran = command("once", "order")
    assert (ran.code, ran.err) == (
        2,
        "visit order not started: new contact is paused (mysterybot resume starts it again)\n",
    )
    assert "Resumed" in command("resume").out
    assert "paused" not in command("visits").out
    assert command("once", "order").code == 0


def test_a_desk_is_left_alone_for_a_while_and_it_is_told_until_when(
    command: Command, tmp_path: Path, anna: Company
) -> None:
    bot_config(tmp_path, {"order": PROMPT}, anna)
    assert command("maintenance", "acme").out == (
        "acme is not under maintenance: its visits begin as their timetables say.\n"
    )
    begun = command("maintenance", "acme", "--for", "2h", "--reason", "new [telephones]")
    told = r"acme is under maintenance until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(new \[telephones\]\): nobody new is contacted"
    assert re.match(told, begun.out), begun
    assert re.match(told, command("maintenance", "acme").out)
    ran = command("once", "order")
    assert (ran.code, ran.err) == (2, "visit order not started: the desk is under maintenance\n")
    assert "is not under maintenance" in command("maintenance", "acme", "--end").out
    assert "Nothing had been decided about acme." in command("maintenance", "acme", "--end").out
    assert command("once", "order").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["acne", "--for", "2h"], "there is no desk acne; did you mean acme?"),
        (["acme", "--for", "2"], "--for needs a unit"),
        (["acme", "--for", "2 business days"], "--for should be in calendar time"),
        (["acme", "--for", "0s"], "--for should be in calendar time"),
        (["acme", "--for", "2h", "--end"], "give one of them"),
    ],
)
def test_a_maintenance_that_cannot_be_is_refused(command: Command, good: Path, words: list[str], told: str) -> None:
    ran = command("maintenance", *words)
    assert ran.code == 2
    assert told in ran.said


# --- run --------------------------------------------------------------------------------------------------------


@contextmanager
def service(path: Path, environ: dict[str, str], *options: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`mysterybot run` and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mysterybot", "run", "-c", str(path), *options],
        env={**os.environ, **environ}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"mysterybot runs: (http://\S+/) ", line):
                yield process, found[1]
                return
        raise AssertionError(f"it ended with {process.wait(ENOUGH)}")
    finally:
        process.kill()
        process.communicate(timeout=ENOUGH)


def test_the_service_is_paused_by_a_signal_refuses_a_second_and_stops_politely(
    company: Company, tmp_path: Path
) -> None:
    path = bot_config(tmp_path, {"order": {**PROMPT, "every": "1 second"}}, company)
    with service(path, company.environ) as (process, url):
        assert httpx.get(f"{url}-/healthy").status_code == 200
        second = subprocess.run(
            [sys.executable, "-m", "mysterybot", "run", "-c", str(path)],
            env={**os.environ, **company.environ}, capture_output=True, text=True, timeout=ENOUGH, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert second.stderr == f"another mysterybot (process {process.pid}) runs on {tmp_path}/data; stop it first\n"
        for number, paused in ((signal.SIGUSR1, True), (signal.SIGUSR1, False)):
            process.send_signal(number)
            eventually(lambda paused=paused: is_paused(tmp_path) is paused, f"paused is {paused}")  # type: ignore[misc]
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=ENOUGH)
        assert process.returncode == 0
        assert "stopping; open conversations go on at the next start" in rest
        assert "Traceback" not in rest
        assert "ERROR" not in rest


def test_the_service_reads_its_config_anew_when_it_hangs_up(company: Company, tmp_path: Path) -> None:
    path = bot_config(tmp_path, {}, company)

    def visits() -> str:
        return httpx.get(f"{url}metrics").text

    with service(path, company.environ) as (process, url):
        assert httpx.post(f"{url}-/reload").status_code == 403
        bot_config(tmp_path, {"order": PROMPT}, company)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: 'visit_interval_seconds{channel="support"' in visits(), "the visit is there")
        path.write_text("{")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: 'config_last_reload_successful{location="test"} 0.0' in visits(), "it is refused")
        assert 'visit_interval_seconds{channel="support"' in visits()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=ENOUGH)
    assert process.returncode == 0
    assert "config not reloaded, the old one stays in force: " in rest
    assert "mysterybot.yaml:1:2: " in rest


def test_a_second_signal_ends_it_at_once_and_before_that_it_is_alive_and_not_ready(
    company: Company, tmp_path: Path
) -> None:
    with silent_port() as port:
        path = bot_config(tmp_path, {}, company)
        document = json.loads(path.read_text())
        document["reach"] = {"every": "1 minute", "timeout": "50 seconds"}
        document["mailboxes"]["anna"]["control"] = {"every": "1 second"}
        document["mailboxes"]["anna"]["smtp"]["port"] = port  # takes connections and says nothing
        path.write_text(json.dumps(document))
        with service(path, company.environ) as (process, url):
            eventually(lambda: httpx.get(f"{url}-/ready").status_code == 200, "it is ready")
            process.send_signal(signal.SIGTERM)
            eventually(lambda: httpx.get(f"{url}-/ready").text == "stopping\n", "it says so")
            assert httpx.get(f"{url}-/healthy").status_code == 200
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=ENOUGH)
    assert process.returncode == 128 + signal.SIGTERM
    assert "told a second time to stop: ending at once" in rest


@contextmanager
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("listen", "web", "told"),
    [
        ("127.0.0.1:0", None, ""),
        ("0.0.0.0:0", None, "bot.listen: everybody who reaches this address may read all conversations"),
        ("0.0.0.0:0", "basic_auth_users: {{anna: '{}'}}", "bot.listen: passwords travel in clear to this address"),
    ],
)
def test_check_warns_when_the_pages_are_open_to_others(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: str, web: str | None, told: str
) -> None:
    monkeypatch.setenv("ANNA_PASSWORD", SECRET)
    bot = {"data": "data", "listen": listen}
    if web is not None:
        (tmp_path / "web.yml").write_text(web.format(bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()))
        bot["web_config"] = "web.yml"
    bot_config(tmp_path, {}, bot=bot)
    ran = command("check")
    assert ran.code == 0
    assert (told in ran.err) if told else (ran.err == "")
    if web is not None:
        assert "web.yml: no TLS, 1 user" in ran.out


def test_check_tells_a_mistake_in_the_web_config(command: Command, good: Path, tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("basic_auth_users: {anna: oh}")
    ran = command("check", "--web.config.file", "web.yml")
    assert ran.code == 2
    assert ran.err.startswith("web.yml:1:26: basic_auth_users.anna: should be a bcrypt hash")


def is_paused(folder: Path) -> bool:
    with sqlite3.connect(folder / "data" / "journal.sqlite") as connection:
        return bool(connection.execute("SELECT count(*) FROM switch WHERE name = 'paused'").fetchone()[0])


def eventually(condition: Callable[[], bool], what: str) -> None:
    turn = threading.Event()
    for _ in range(int(ENOUGH / 0.05)):
        if condition():
            return
        turn.wait(0.05)
    raise AssertionError(f"never: {what}")


# --- init, schema, read, doctor ---------------------------------------------------------------------------------


def test_init_writes_a_config_that_is_good_and_never_overwrites(command: Command, tmp_path: Path) -> None:
    ran = command("init")
    assert ran.code == 0
    assert "mysterybot check -c mysterybot.yaml --connect" in ran.out
    (tmp_path / "anna.password").write_text(f"{SECRET}\n")
    checked = command("check")
    assert checked.code == 0, checked.said
    (tmp_path / "mysterybot.yaml").write_text("mine")
    again = command("init")
    assert (again.code, again.err) == (2, "mysterybot.yaml is there already; it was left alone\n")
    assert (tmp_path / "mysterybot.yaml").read_text() == "mine"
    assert command("init", "no/such/folder.yaml").err == "no/such/folder.yaml: No such file or directory\n"


def test_the_schema_is_json_and_knows_the_sections(command: Command) -> None:
    schema = json.loads(command("schema").out)
    assert {"bot", "mailboxes", "desks", "visits", "reach", "limits", "browser"} <= set(schema["properties"])


REPLY = (
    b"From: Robin <support@acme.example>\r\nTo: anna@inbox.example\r\nSubject: Re: [ACME-1042] Order\r\n"
    b"Message-ID: <1@acme.example>\r\n\r\nHello Anna,\r\n\r\nIt will be ready on Thursday.\r\n\r\nRobin\r\n\r\n"
    b"> When will it be ready?\r\n"
)


def test_read_tells_what_the_bot_makes_of_a_mail(command: Command, tmp_path: Path) -> None:
    (tmp_path / "reply.eml").write_bytes(REPLY)
    said = json.loads(command("read", "reply.eml", "--json").out)
    assert (said["kind"], said["ticket"]) == ("human", "ACME-1042")
    assert "Thursday" in said["new_text"]
    assert "When will it" not in said["new_text"]
    assert isinstance(said["findings"], list)
    assert "reply.eml: human" in command("read", "reply.eml").out


def test_read_gives_one_object_a_line_for_a_folder(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    (folder / "more").mkdir(parents=True)
    for name in ("b.eml", "a.eml", "more/c.eml"):
        (folder / name).write_bytes(REPLY)
    (folder / "binary").write_bytes(b"\0\xff" * 100)
    lines = [json.loads(line) for line in command("read", "mails", "--json").out.splitlines()]
    assert [line["file"] for line in lines] == ["mails/a.eml", "mails/b.eml", "mails/binary", "mails/more/c.eml"]


def test_read_gives_every_key_that_it_promises(command: Command, tmp_path: Path) -> None:
    (tmp_path / "reply.eml").write_bytes(REPLY)
    said = json.loads(command("read", "reply.eml", "--json").out)
    assert {"kind", "new_text", "findings", "ticket", "agent", "promise", "authentication"} <= set(said)


def test_doctor_says_what_is_missing(command: Command, good: Path) -> None:
    ran = command("doctor")
    assert ran.out.startswith(f"mysterybot {__version__}, Python 3.")
    assert "ok   config: mysterybot.yaml" in ran.out
    assert ran.code == 0, "this config needs no browser"
    nothing = command("doctor", "-c", "none.yaml")
    assert nothing.code == 2
    assert "mysterybot init" in nothing.out


# --- what may be wrong on this machine --------------------------------------------------------------------------

ALL = (
    ["visits"],
    ["conversations"],
    ["conversations", "unmatched"],
    ["pause"],
    ["once", "order"],
    ["run"],
    ["check", "--open"],
)


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_data_folder_that_is_a_file_is_told(command: Command, good: Path, words: list[str]) -> None:
    (good.parent / "data").write_text("")
    ran = command(*words)
    assert ran.code == 2
    assert f"{good.parent}/data" in ran.err


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_journal_that_is_none_is_told(command: Command, good: Path, words: list[str]) -> None:
    (good.parent / "data").mkdir()
    (good.parent / "data" / "journal.sqlite").write_text("my holiday photos " * 100)
    ran = command(*words)
    assert (ran.code, ran.err) == (2, f"{good.parent}/data/journal.sqlite: file is not a database\n")


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("postgresql://bot:hunter2-correct-horse@127.0.0.1/bot", "postgresql is not supported yet"),
        ("no-url-hunter2-correct-horse", "bot.database should be the URL"),
        ("sqlite+nothing:///x?hunter2-correct-horse", "bot.database should be the URL"),
    ],
)
@pytest.mark.parametrize("words", [["visits"], ["once", "order"], ["run"]], ids=" ".join)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], database: str, told: str
) -> None:
    monkeypatch.setenv("ANNA_PASSWORD", SECRET)
    monkeypatch.setenv("DATABASE_URL", database)
    bot = {"data": "data", "listen": "127.0.0.1:0", "database": {"env": "DATABASE_URL"}}
    bot_config(tmp_path, {"order": PROMPT}, bot=bot)
    ran = command(*words)
    assert ran.code == 2
    assert told in ran.err
    assert SECRET not in ran.said


def test_what_a_stranger_wrote_cannot_steer_the_terminal(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANNA_PASSWORD", SECRET)
    bot_config(tmp_path, {"order": PROMPT})
    (tmp_path / "data").mkdir(mode=0o700)

    async def prepare() -> None:
        town = Town(tmp_path)
        evil = "\x1b[2J\x1b]0;owned\x07[bold]x[/] \x9b31m"
        raw = f"From: x@y.example\r\nSubject: {evil}\r\nMessage-ID: <{evil}@x>\r\n\r\n{evil}\r\n".encode()
        town.receive_raw(raw)
        async with life(town, None) as here:  # type: ignore[arg-type]
            await here.intake.keep("INBOX", town.mailbox, Position(7, 2))
            assert await here.journal.read(lambda c: messages.unmatched(c, 1))
        (tmp_path / "journal.sqlite").rename(tmp_path / "data" / "journal.sqlite")

    asyncio.run(prepare())
    (tmp_path / "evil.eml").write_bytes(b"Subject: \x1b[2J\r\n\r\n\x1b[2J hello \xc2\x9b31m\r\n")
    for words in (["conversations", "unmatched"], ["read", "evil.eml"]):
        said = command(*words).out
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said), repr(said)


async def test_a_journal_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """By a process of its own, as a person who went back to an older version would see it."""
    path = bot_config(tmp_path, {})
    (tmp_path / "data").mkdir()
    async with Journal.at(tmp_path / "data" / "journal.sqlite") as journal:
        await journal.write(lambda c: aggregates.add(c, "counted", {}))
        await journal.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    ran = subprocess.run(
        [sys.executable, "-m", "mysterybot", "visits", "-c", str(path)],
        env={**os.environ, "ANNA_PASSWORD": SECRET}, capture_output=True, text=True, timeout=ENOUGH, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "the journal was written by a newer mysterybot (tables of version 9999): upgrade mysterybot\n"


def test_places_that_are_told_are_listed_and_tried(command: Command, anna: Company, tmp_path: Path) -> None:
    posted: list[Any] = []

    class Oncall(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(404 if self.path == f"/{SECRET}/gone" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Oncall) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
        path = bot_config(
            tmp_path,
            {},
            anna,
            notify={
                "oncall": {"webhook": {"env": "ONCALL_URL"}},
                "gone": {"slack": f"{url}/gone", "on": ["failed"], "desks": ["acme"]},
                "people": {"email": "ben@inbox.example", "mailbox": "anna"},
            },
        )
        good = command("notify", "oncall", "--test", "--json", "-c", str(path), ONCALL_URL=url)
        mailed = command("notify", "people", "--test", "-c", str(path), ONCALL_URL=url)
        every = command("notify", "--test", "-c", str(path), ONCALL_URL=url)
        checked = command("check", "--connect", "-c", str(path), ONCALL_URL=url)
        listed = command("notify", "--json", "-c", str(path), ONCALL_URL=url)
        table = command("notify", "-c", str(path), ONCALL_URL=url)
        unknown = command("notify", "onkall", "--test", "-c", str(path), ONCALL_URL=url)
        server.shutdown()
    assert good.code == 0
    assert json.loads(good.out) == [{"place": "oncall", "ok": True, "detail": "took the test notice (webhook)"}]
    assert mailed.code == 0
    assert posted[0]["event"] == "test"
    assert posted[0]["summary"] == "mysterybot: a test notice; nothing has happened"
    assert every.code == 2
    assert "ok   oncall: took the test notice (webhook)" in every.out
    assert "BAD  gone: 127.0.0.1 answered HTTP 404" in every.out
    assert "not tried; mysterybot notify oncall --test sends a test notice" in checked.out
    assert len(posted) == 3, "check sends nothing"
    assert [(each["place"], each["by"], each["desks"]) for each in json.loads(listed.out)] == [
        ("oncall", "webhook", "all"),
        ("gone", "slack", "acme"),
        ("people", "email to ben@inbox.example", "all"),
    ]
    assert "oncall" in table.out
    assert (unknown.code, "did you mean oncall?" in unknown.err) == (2, True)
    assert all(SECRET not in ran.out + ran.err for ran in (good, mailed, every, checked, listed, table))
