"""Where scenarios are found, and what their settings may be."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from conversations.durations import Duration
from conversations.scenario import Scenario, load_scenario, scenario, where_raised
from mysterybot.app import find_scenario
from scenarios import BUILT_IN

GOOD = """
from conversations.customer import Customer
from conversations.durations import Duration
from conversations.scenario import scenario


@scenario("Ask whether we are open")
async def are_you_open(customer: Customer, question: str, patience: Duration = Duration.parse("1 day")) -> None:
    await customer.write(question)
    await customer.reply(within=patience)


@scenario("Do nothing")
async def nothing(customer: Customer) -> None:
    pass


def helper() -> None:
    pass
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(GOOD)
    return tmp_path


def load(reference: str, base: Path) -> Scenario:
    return load_scenario(reference, base, BUILT_IN)


# --- finding one ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_built_in_scenario_is_found_by_its_name(name: str) -> None:
    found = find_scenario(name)
    assert found.name == name
    assert found.title


def test_a_scenario_of_the_user_is_found_by_a_path_relative_to_the_config(mine: Path) -> None:
    (mine / "sub").mkdir()
    assert load("mine.py:are_you_open", mine).title == "Ask whether we are open"
    assert load("../mine.py:are_you_open", mine / "sub").name == "are_you_open"
    assert load(f"{mine}/mine.py:nothing", Path("/")).name == "nothing"


def test_two_files_of_the_same_name_are_two(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(GOOD.replace("Do nothing", f"Do nothing in {name}"))
    assert [load(f"{name}/mine.py:nothing", tmp_path).title[-1] for name in "ab"] == ["a", "b"]


def test_a_folder_with_spaces_and_dots_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "my scenarios v1.2: new"
    folder.mkdir()
    (folder / "mine.py").write_text(GOOD)
    assert load(f"{folder}/mine.py:nothing", tmp_path).name == "nothing"


def test_a_missing_file_is_named_in_full(tmp_path: Path) -> None:
    with pytest.raises(LookupError) as told:
        load("none.py:ask", tmp_path)
    assert str(told.value) == f"there is no file {tmp_path}/none.py"


def test_an_unknown_name_tells_the_known_ones_and_how_to_name_a_file(tmp_path: Path) -> None:
    with pytest.raises(LookupError) as told:
        load("ask_and_folow_up", tmp_path)
    assert str(told.value) == (
        f"there is no scenario 'ask_and_folow_up'; built in are {', '.join(sorted(BUILT_IN))}; "
        "your own is path/to/file.py:function"
    )


def test_an_unknown_function_tells_the_scenarios_of_the_file(mine: Path) -> None:
    with pytest.raises(LookupError, match=r"no is_open in that file; its scenarios: are_you_open, nothing"):
        load("mine.py:is_open", mine)


def test_what_is_not_a_scenario_says_what_is_missing(mine: Path) -> None:
    with pytest.raises(ValueError, match=r'helper is not a scenario; put @scenario\("…"\) above it'):
        load("mine.py:helper", mine)


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError"),
        ("x = 1\n\nimport no_such_module\n", 3, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f():\n    raise ValueError('bad')\n\n\nf()\n", 2, "ValueError: bad"),
        ("\0", "", "SyntaxError|ValueError"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(tmp_path: Path, source: str, line: object, why: str) -> None:
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(ValueError, match=rf"^{tmp_path}/broken\.py(:{line})?.*: ({why})") as told:
        load("broken.py:ask", tmp_path)
    if line:
        assert f"broken.py:{line}: " in str(told.value)


def test_a_file_that_was_mended_is_loaded_afresh(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("(")
    with pytest.raises(ValueError, match="SyntaxError"):
        load("mine.py:nothing", tmp_path)
    (tmp_path / "mine.py").write_text(GOOD)
    assert load("mine.py:nothing", tmp_path).name == "nothing"


def test_a_file_is_run_once_however_many_visits_name_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).open('a').write('x')\n{GOOD}"
    )
    for _ in range(3):
        load("mine.py:nothing", tmp_path)
    assert (tmp_path / "ran").read_text() == "x"


MINUTE = Duration(seconds=60)


# --- its settings -----------------------------------------------------------------------------------------------


@scenario("With all sorts of settings")
async def settings(customer: Any, question: str, times: int = 2, patience: Duration = MINUTE) -> None:
    customer.append((question, times, patience))


class Whole(BaseModel):
    opening: str


@scenario("With a model")
async def with_model(customer: Any, whole: Whole) -> None:
    customer.append(whole.opening)


async def test_settings_come_from_the_signature_with_their_types_and_defaults() -> None:
    called: list[Any] = []
    await settings(called, settings.parameters({"question": "Open?", "patience": "2 hours"}))
    assert called == [("Open?", 2, Duration.parse("2 hours"))]


async def test_a_single_model_takes_the_whole() -> None:
    called: list[Any] = []
    await with_model(called, with_model.parameters({"opening": "Hello"}))
    assert called == ["Hello"]


@pytest.mark.parametrize(
    ("given", "where", "kind"),
    [
        ({}, ("question",), "missing"),
        ({"question": "?", "times": "many"}, ("times",), "int_parsing"),
        ({"question": "?", "patience": "soon"}, ("patience",), "duration"),
        ({"question": "?", "pateince": "1h"}, ("pateince",), "extra_forbidden"),
    ],
)
def test_settings_that_do_not_fit_the_signature_are_refused(
    given: dict[str, object], where: tuple[str, ...], kind: str
) -> None:
    with pytest.raises(ValidationError) as told:
        settings.parameters(given)
    [error] = told.value.errors()
    assert (error["loc"], error["type"]) == (where, kind)


def test_a_plain_function_is_no_scenario() -> None:
    with pytest.raises(TypeError, match="must be an async function"):

        @scenario("Not asynchronous")  # type: ignore[arg-type]
        def ask(customer: Any) -> None:
            pass


def test_settings_without_names_cannot_be_checked() -> None:
    with pytest.raises(TypeError, match="must name its settings"):

        @scenario("With anything")
        async def ask(customer: Any, **anything: Any) -> None:
            pass


async def test_where_it_raised_is_the_scenarios_own_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("    pass\n\n\ndef", "    int('x')\n\n\ndef"))
    found = load("mine.py:nothing", tmp_path)
    try:
        await found(None, found.parameters({}))
    except ValueError as error:
        line = next(n for n, text in enumerate((tmp_path / "mine.py").read_text().splitlines(), 1) if "int(" in text)
        assert where_raised(error, found.play) == f"mine.py:{line}"
    else:
        raise AssertionError("it raises")
