"""The docs say what the code is: everything that a user can name is named there, examples work, links lead somewhere."""

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import cast

import click
import pytest

import scenarios
from conversations import errors
from conversations.customer import Customer
from conversations.reply import Reply
from conversations.scenario import Scenario
from mysterybot import __version__
from mysterybot.app import find_scenario
from mysterybot.cli import main
from mysterybot.config import Config, load
from mysterybot.server import ServerState, application
from replies.opinion import INSTRUCTIONS
from scenarios.questions import Asked, Questions

ROOT = Path(__file__).parents[1]
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
ENVIRON = {"ANNA_PASSWORD": "hunter2"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def whole_config(name: str) -> str:
    """The example of a document that is a config from top to bottom."""
    (found,) = (block for block in blocks(read(name), "yaml") if "mailboxes:" in block and "visits:" in block)
    return found


def loaded(text: str, folder: Path) -> Config:
    for example in (ROOT / "docs" / "examples").glob("*.py"):
        shutil.copy(example, folder)
    path = folder / "mysterybot.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, ENVIRON, find_scenario)


def commands(group: click.Command = main, name: str = "mysterybot") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name; a group that does nothing by itself is none."""
    if isinstance(group, click.Group):
        for each, command in group.commands.items():
            if not isinstance(command, click.Group) or command.invoke_without_command:
                yield f"{name} {each}", command
            yield from commands(command, f"{name} {each}")


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_a_command_is_in_the_table_with_every_option(name: str) -> None:
    (row,) = (line for line in read("docs/operate.md").splitlines() if line.startswith(f"| `{name}` |"))
    for option in dict(commands())[name].params:
        if isinstance(option, click.Option):
            assert any(re.search(rf"`{re.escape(way)}[ `]", row) for way in option.opts), f"{option.opts} of {name}"


def test_every_command_in_the_table_is_one() -> None:
    rows = re.findall(r"^\| `(mysterybot [a-z ]+)` \|(.*)$", read("docs/operate.md"), re.MULTILINE)
    known = dict(commands())
    for name, row in rows:
        ways = {way for option in known[name].params for way in option.opts}
        assert set(re.findall(r"`(--?[a-z.-]+)", row)) <= ways, name


def test_the_guide_names_everything_that_a_customer_can_do() -> None:
    guide = read("docs/scenarios.md")
    public = {name for name in vars(Customer) if not name.startswith("_")} | {"random"}
    assert (
        sorted(name for name in public if f"`customer.{name}" not in guide.replace("await ", "").replace("raise ", ""))
        == []
    )
    named = set(re.findall(r"customer\.([a-z_]+)", guide))
    assert named <= public
    assert all(f"`{field}`" in guide for field in Reply.__dataclass_fields__)


def test_the_guide_names_every_way_in_which_a_conversation_can_end() -> None:
    guide = read("docs/scenarios.md")
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.ConversationError)
    ]
    for kind in kinds:
        if kind is not errors.ConversationError:
            verdict = "failed" if issubclass(kind, errors.Failed) else "faulted"
            assert f"| `{kind.__name__}` | {verdict} |" in guide


@pytest.mark.parametrize("name", scenarios.BUILT_IN)
def test_the_guide_tells_a_built_in_scenario_with_all_its_settings(name: str) -> None:
    scenario = find_scenario(name)
    assert isinstance(scenario, Scenario)
    section = read("docs/scenarios.md").partition(f"### `{name}`\n")[2].partition("\n### ")[0]
    settings = {*scenario.settings.model_fields, *(Asked.model_fields if name == "ask_and_follow_up" else ())}
    if issubclass(scenario.settings, Questions) and "[`ask_and_follow_up`](#ask_and_follow_up)" in section:
        settings -= set(Questions.model_fields)  # told there
    assert sorted(setting for setting in settings if f"| `{setting}` |" not in section) == []


def test_every_address_of_the_server_is_told() -> None:
    manual = re.sub(r"[A-Z]{2,}", "{}", read("docs/operate.md"))
    paths = [
        re.sub(r"\{[^}]*\}", "{}", getattr(route, "path", "")) for route in application(cast(ServerState, None)).routes
    ]
    assert sorted(path for path in paths if not re.search(rf"[` ]{re.escape(path)}`", manual)) == []


@pytest.mark.parametrize("name", ["README.md", "docs/scenarios.md"])
def test_the_config_in_it_is_right(name: str, tmp_path: Path) -> None:
    config = loaded(whole_config(name), tmp_path)
    assert config.visits
    assert config.warnings == ()


def test_the_settings_shown_in_the_guide_are_accepted(tmp_path: Path) -> None:
    (shown,) = (block for block in blocks(read("docs/scenarios.md"), "yaml") if block.startswith("with:"))
    before, _, _ = whole_config("README.md").partition("    with:\n")
    config = loaded(before + indent(shown, "    "), tmp_path)
    (visit,) = config.visits.values()
    assert visit.with_["facts"] == {"plan": "Business"}


@pytest.mark.parametrize("name", scenarios.BUILT_IN)
def test_the_visit_shown_for_a_built_in_scenario_is_right(name: str, tmp_path: Path) -> None:
    section = read("docs/scenarios.md").partition(f"### `{name}`\n")[2].partition("\n### ")[0]
    shown = [block for block in blocks(section, "yaml") if block.startswith("visits:")]
    stage = read("docs/scenarios.md").partition("## The built-in scenarios\n")[2]
    before = next(block for block in blocks(stage, "yaml") if block.startswith("mailboxes:"))
    for visit in shown:
        (one,) = loaded(before + visit, tmp_path).visits.values()
        assert one.scenario == name
    assert shown or name in {"ask_and_follow_up", "acknowledged", "intact"}, "told in the README, or without settings"


def test_the_guide_shows_the_example_as_it_is() -> None:
    guide = read("docs/scenarios.md")
    assert read("docs/examples/are_you_open.py") in blocks(guide, "python")
    assert read("docs/examples/are_you_open.yaml") == whole_config("docs/scenarios.md")


@pytest.mark.parametrize("document", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), target
        if heading:
            assert heading in headings(linked.read_text(encoding="utf-8")), target


def headings(text: str) -> set[str]:
    """The anchors that a forge makes of them."""
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_files_that_contributors_are_sent_to_exist() -> None:
    text = read("CONTRIBUTING.md") + read("docs/architecture.md")
    paths = re.findall(r"`((?:mysterybot|scenarios|exporters|conversations|probes|replies|tests|docs)/[\w/.]*)`", text)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_changelog_tells_this_version() -> None:
    assert f"## {__version__}" in read("CHANGELOG.md")


def test_the_instructions_of_the_judge_stand_in_the_docs_as_they_are() -> None:
    (shown,) = blocks(read("docs/replies.md"), "text")
    assert shown.rstrip() == INSTRUCTIONS
