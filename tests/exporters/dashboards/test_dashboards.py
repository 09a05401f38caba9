"""The shipped dashboards are what their source says, and ask only for what there is."""

import re

import pytest

from exporters.dashboards.__main__ import BOARDS, written
from exporters.metrics import METRICS, PREFIX
from tests.exporters.dashboards.questions import FOLDER, NAMES, Question, board, panels, questions

BUILT_IN = {"__range", "__interval", "__all", "__value", "__url_time_range"}


@pytest.mark.parametrize("name", BOARDS)
def test_the_shipped_file_is_what_the_source_writes(name: str, request: pytest.FixtureRequest) -> None:
    path = FOLDER / f"{name}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(written(name), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written(name), "write it with python -m exporters.dashboards"


def test_all_of_them_are_looked_at() -> None:
    assert set(NAMES) == set(BOARDS) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("question", list(questions()), ids=lambda question: f"{question.board}: {question.panel}")
def test_a_panel_asks_for_metrics_and_labels_that_there_are(question: Question) -> None:
    for name, selected in re.findall(rf"{PREFIX}(\w+?)(?:_bucket)?\{{(.*?)\}}", question.expr):
        metric = METRICS[name]
        asked = set(re.findall(r"(\w+)(?:=~|!=|=)", selected))
        assert asked <= {*metric.labels, "location"}
    assert PREFIX in question.expr


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_that_is_used_is_defined_and_the_other_way_round(name: str) -> None:
    whole = board(name)
    defined = {variable["name"] for variable in whole["templating"]["list"]}
    text = (FOLDER / f"{name}.json").read_text()
    used = set(re.findall(r"\$\{?([a-z_]\w*)", text)) - BUILT_IN
    assert used | {"datasource"} == defined


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_a_title_a_description_and_a_place_of_their_own(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(name):
        assert panel["title"] and panel["description"]
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells


def test_links_lead_to_dashboards_that_there_are_and_pages_of_the_bot() -> None:
    uids = {board(name)["uid"] for name in NAMES}
    for name in NAMES:
        text = (FOLDER / f"{name}.json").read_text()
        assert set(re.findall(r"/d/([\w-]+)", text)) <= uids
        pages = set(re.findall(r"\$\{bot\}(/[a-z]*)", text))
        assert pages <= {"/", "/desks", "/conversations", "/unmatched"}


def test_of_several_bots_each_one_is_told_for_itself() -> None:
    """Two bots may well have mailboxes and visits of the same names."""
    by = [names for each in questions() if each.board == "bot" for names in re.findall(r"by \(([^)]*)\)", each.expr)]
    assert by
    assert all("location" in names.split(", ") for names in by)
