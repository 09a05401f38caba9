"""What the panels of a dashboard ask Prometheus, with Grafana's variables filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("exporters/dashboards")
NAMES = ("desks", "desk", "bot")


@dataclass(frozen=True, slots=True)
class Question:
    """One query of one panel."""

    board: str
    panel: str
    expr: str

    def filled(self, values: Mapping[str, str]) -> str:
        """As Grafana sends it. KeyError for a variable that is not among `values`."""
        return re.sub(r"\$\{?(\w+)\}?", lambda name: values[name[1]], self.expr)


def board(name: str) -> dict[str, Any]:
    """A shipped dashboard."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def panels(name: str) -> list[dict[str, Any]]:
    """Its panels, without the headings."""
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def questions() -> Iterator[Question]:
    """All of them."""
    for name in NAMES:
        for panel in panels(name):
            for target in panel["targets"]:
                yield Question(name, panel["title"], target["expr"])
