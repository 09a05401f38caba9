import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, StringConstraints

from conversations.durations import Duration
from conversations.scenario import Scenario, scenario
from conversations.wallclock import At
from mysterybot.config import Config, ConfigErrors, load, schema
from mysterybot.yamlfile import MAX_CHARACTERS, MAX_DEPTH, Mark, YamlError, compose
from scenarios.parity import parity

BAD = Path(__file__).parent / "bad_configs"
DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
HIDDEN = "hunter2"
ENVIRON = {"ANNA_PASSWORD": HIDDEN, "EMPTY_PASSWORD": ""}

GOOD = """
bot: {data: ./state, location: zurich}
mailboxes:
  anna: &anna
    address: anna@example.net
    name: Anna Keller
    smtp: {host: smtp.example.net, port: 587, security: starttls}
    imap: {host: imap.example.net, junk: Junk}
    login: {user: anna@example.net, password: {env: ANNA_PASSWORD}}
  bob:
    <<: *anna
    address: bob@example.net
    name: no
desks:
  acme:
    name: Acme
    hours: {timezone: Europe/Zurich, open: ["mon-fri 09:00-17:00"]}
    promises: {first_reply: 4 business hours}
    channels:
      support: {email: support@acme.example}
      contact: {form: "https://acme.example/contact", fields: {Name: "{name}", Order: "{order}"}, submit: Send}
visits:
  refund:
    desk: acme
    channel: contact
    mailbox: anna
    scenario: ask
    at: [10:30, "mon-fri 16:00"]
    overlap: yes
    persona: {facts: {order: 007}}
    with: {opening: no, turns: 3, questions: [{ask: 1.50}]}
"""


A_DAY = Duration.parse("1 day")


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ask: str
    expect: tuple[str, ...] = ()


@scenario("Ask")
async def ask(
    customer: object,
    opening: Annotated[str, StringConstraints(min_length=1)],
    questions: tuple[Question, ...] = (),
    patience: Duration = A_DAY,
    turns: int = 1,
) -> None:
    pass


def scenarios(reference: str, base: Path) -> Scenario:
    if reference == "parity":
        return parity
    if reference != "ask":
        raise LookupError("there is no such scenario; built in are ask")
    return ask


def read(folder: Path, text: str | bytes) -> Config:
    file = folder / "mysterybot.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, ENVIRON, scenarios)


def mistakes(file: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(file, ENVIRON, scenarios)
    assert HIDDEN not in str(caught.value)
    return [error.told(Path(file.name)) for error in caught.value.errors]


def test_a_good_config_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.file == tmp_path / "mysterybot.yaml"
    assert config.bot.data == tmp_path / "state"
    assert (config.bot.host, config.bot.port) == ("127.0.0.1", 9877)
    password = config.mailboxes["anna"].login.password
    assert password is not None
    assert password.reveal() == HIDDEN
    assert config.warnings == ()
    assert HIDDEN not in repr(config)
    assert HIDDEN not in config.model_dump_json()


def test_unquoted_yaml_means_what_it_looks_like(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    refund = config.visits["refund"]
    assert refund.at == (At.parse("10:30"), At.parse("mon-fri 16:00"))
    assert refund.overlap is True
    assert refund.persona.facts == {"order": "007"}
    assert config.mailboxes["bob"].name == "no"
    parameters = ask.parameters(refund.with_)
    assert parameters.model_dump(include={"opening", "turns", "questions"}) == {
        "opening": "no", "turns": 3, "questions": ({"ask": "1.50", "expect": ()},),
    }  # fmt: skip


def test_a_merged_mapping_fills_in_what_is_not_set(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert config.mailboxes["bob"].smtp == config.mailboxes["anna"].smtp
    assert config.mailboxes["bob"].address == "bob@example.net"


def test_the_time_zone_of_a_visit_is_its_own_or_its_desks_or_utc(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    refund = config.visits["refund"]
    assert config.timezone(refund) == "Europe/Zurich"
    assert config.timezone(refund.model_copy(update={"timezone": "America/New_York"})) == "America/New_York"


def test_an_almost_empty_config_has_careful_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, "bot: {}")
    assert config.bot.data == tmp_path / "data"
    assert config.bot.location == "default"
    assert config.reach.timeout == Duration(seconds=10)
    assert read(tmp_path, "limits: {turns: 3}").bot.data == tmp_path / "data"


def test_a_relative_file_starts_at_the_config_and_not_where_we_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("from-file\n")
    (tmp_path / "mysterybot.yaml").write_text(GOOD.replace("{env: ANNA_PASSWORD}", "{file: password}"))
    monkeypatch.chdir(tmp_path.parent)
    config = load(Path(tmp_path.name) / "mysterybot.yaml", {}, scenarios)
    monkeypatch.chdir("/")
    password = config.mailboxes["anna"].login.password
    assert password is not None
    assert password.reveal() == "from-file"
    assert config.bot.data == tmp_path / "state"


def test_a_literal_secret_is_accepted_with_a_warning(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD.replace("{env: ANNA_PASSWORD}", HIDDEN))
    told = [warning.told(Path("f")) for warning in config.warnings]
    message = "a secret stands here in clear; better {env: NAME} or {file: PATH}"
    assert told[0] == f"f:9:47: mailboxes.anna.login.password: {message}"
    assert len(told) == 2  # and bob's, which is the same
    assert HIDDEN not in "".join(told)


def test_a_config_with_mistakes_still_warns_of_literal_secrets(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(tmp_path, GOOD.replace("{env: ANNA_PASSWORD}", HIDDEN) + "oops: 1\n")
    assert len(caught.value.warnings) == 2
    assert len(caught.value.errors) == 1


@pytest.mark.parametrize(
    ("url", "warnings"), [("sqlite:///a.sqlite", 0), ("postgresql://db/x", 0), ("postgresql://u:p@db/x", 1)]
)
def test_a_database_url_without_credentials_is_no_secret(tmp_path: Path, url: str, warnings: int) -> None:
    assert len(read(tmp_path, f"bot: {{database: '{url}'}}").warnings) == warnings


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_bad_config_is_told_exactly(file: Path) -> None:
    told = "".join(line + "\n" for line in mistakes(file))
    expected = file.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(told)
    assert told == expected.read_text()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: None, "cannot be read: No such file or directory"),
        (lambda file: file.mkdir(), "cannot be read: Is a directory"),
        (lambda file: file.write_text("#" * (5 * MAX_CHARACTERS)), "longer than"),
        (lambda file: file.write_text("# ä" * MAX_CHARACTERS), "longer than"),
    ],
)
def test_a_file_that_is_missing_or_no_config_is_one_line(tmp_path: Path, make: Any, message: str) -> None:
    file = tmp_path / "mysterybot.yaml"
    make(file)
    (told,) = mistakes(file)
    assert message in told
    assert "\n" not in told


def test_without_a_source_of_scenarios_they_are_not_checked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("scenario: ask", "scenario: unknown"))
    assert load(tmp_path / "a.yaml", ENVIRON).visits["refund"].scenario == "unknown"


def test_a_strangers_check_that_breaks_is_a_mistake_and_no_traceback(tmp_path: Path) -> None:
    class Broken:
        settings = BaseModel

        def parameters(self, given: object, stage: object) -> BaseModel:
            raise ZeroDivisionError(HIDDEN)

    (tmp_path / "a.yaml").write_text(GOOD)
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "a.yaml", ENVIRON, lambda reference, base: Broken())  # type: ignore[arg-type,return-value]
    (error,) = caught.value.errors
    assert (error.path, error.message) == ("visits.refund.with", "the scenario's own check broke: ZeroDivisionError")


YAMLISH = st.text(st.sampled_from("ab:-?,[]{}&*!|>'\"%@` \n\t#~<=\\U0é\x00\ufeff"), max_size=60)


@given(YAMLISH | st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        root, _ = compose(text)
    except YamlError as error:
        assert error.mark >= (1, 1)
        assert error.message
        return
    if root is not None:
        json.dumps(root.plain())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=timedelta(seconds=5))
@given(st.data())
def test_a_config_with_a_piece_cut_out_is_read_or_refused_in_order(tmp_path: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(start + 40, len(GOOD))))
    try:
        read(tmp_path, GOOD[:start] + GOOD[end:])
    except ConfigErrors as caught:
        assert caught.errors
        assert caught.errors == sorted(caught.errors)
        assert HIDDEN not in str(caught)


def test_positions_count_from_one() -> None:
    root, _ = compose("a:\n  b: [x, y]\n")
    assert root is not None
    inner = root.child("a")
    assert inner is not None
    assert inner.keys["b"] == Mark(2, 3)
    items = inner.child("b")
    assert items is not None
    second = items.child(1)
    assert second is not None
    assert second.mark == Mark(2, 10)


def test_the_deepest_nesting_is_accepted_and_one_more_is_not() -> None:
    compose("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(YamlError, match="nested"):
        compose("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_aliases_do_not_nest_deeper_than_what_is_written() -> None:
    levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 5)]
    with pytest.raises(YamlError, match="nested"):
        compose("\n".join(levels))


def properties(part: Any) -> set[str]:
    """The names of all settings in a JSON Schema."""
    if isinstance(part, list):
        return {name for each in part for name in properties(each)}
    if not isinstance(part, dict):
        return set()
    return set(part.get("properties", ())) | {name for each in part.values() for name in properties(each)}


def test_the_schema_knows_every_setting_and_is_json() -> None:
    written = json.loads(json.dumps(schema()))
    assert written["$schema"].startswith("https://json-schema.org/")
    assert written["additionalProperties"] is False
    assert {"with", "every", "junk", "env", "file", "email", "form", "holidays"} <= properties(written)
    assert "with_" not in properties(written)


def test_every_setting_is_in_the_manual() -> None:
    manual = set(re.findall(r"`([a-z0-9_]+)`", DOCS.read_text()))
    assert sorted(properties(schema()) - manual) == []


def test_the_example_in_the_manual_is_right(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    whole = next(example for example in examples if "mailboxes:" in example and "visits:" in example)
    (tmp_path / "a.yaml").write_text(whole)
    config = load(tmp_path / "a.yaml", ENVIRON)
    assert config.visits
    assert config.warnings == ()
