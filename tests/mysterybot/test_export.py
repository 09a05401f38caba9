"""What `mysterybot export` writes follows from the config."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from mysterybot.cli import main
from tests.mysterybot.bots import PROMPT, bot_config


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANNA_PASSWORD", "never shown")
    return bot_config(tmp_path, {"prompt": {**PROMPT, "every": "7 days"}}, reach={"every": "10 minutes"})


def export(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words])


def test_alert_rules_know_the_location_and_the_intervals_of_the_config(config: Path) -> None:
    printed = export("alerts", "-c", str(config), "--runbooks", "https://wiki.example")
    assert printed.exit_code == 0
    groups = YAML(typ="safe").load(printed.stdout)["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert 'location="test"' in rules["DeskUnreachable"]["expr"]
    assert rules["DeskUnreachable"]["for"] == "25m"
    assert "[14d]" in rules["DeskRepliesInSpam"]["expr"]
    assert rules["MysterybotDown"]["annotations"]["runbook_url"] == "https://wiki.example/MysterybotDown.md"


def test_alert_rules_are_written_to_a_file_and_what_cannot_be_written_is_said(config: Path, tmp_path: Path) -> None:
    printed = export("alerts", "-c", str(config)).stdout
    written = export("alerts", "-c", str(config), "--out", str(tmp_path / "rules" / "mysterybot.yml"))
    assert (written.exit_code, (tmp_path / "rules" / "mysterybot.yml").read_text()) == (0, printed)
    blocked = export("alerts", "-c", str(config), "--out", str(config / "below a file.yml"))
    assert blocked.exit_code == 2
    assert "cannot be written" in blocked.stderr


def test_a_config_with_a_mistake_exports_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mysterybot.yaml"
    path.write_text("bots: {}\n")
    refused = export("alerts", "-c", str(path))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "bots: unknown key; did you mean bot?" in refused.stderr


def test_dashboards_are_written_as_they_are_shipped(tmp_path: Path) -> None:
    done = export("dashboards", "--out", str(tmp_path / "grafana"))
    assert done.exit_code == 0
    written = {path.name: path.read_text() for path in (tmp_path / "grafana").iterdir()}
    shipped = {f"mysterybot-{path.name}": path.read_text() for path in Path("exporters/dashboards").glob("*.json")}
    assert written == shipped
    assert len(written) == 3
