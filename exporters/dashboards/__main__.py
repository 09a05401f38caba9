"""Write the dashboards into this folder: `python -m exporters.dashboards`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from exporters.dashboards.bot import bot
from exporters.dashboards.desk import desk
from exporters.dashboards.desks import desks

BOARDS: Final[Mapping[str, Callable[[], Dashboard]]] = {"desks": desks, "desk": desk, "bot": bot}


def written(name: str) -> str:
    """One dashboard as Grafana's JSON."""
    board = json.loads(JSONEncoder().encode(BOARDS[name]().build()))
    for variable in board["templating"]["list"]:
        for meant_for_intervals in ("auto", "auto_count", "auto_min"):  # the library writes them on every variable
            variable.pop(meant_for_intervals, None)
    return json.dumps(board, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in BOARDS:
        Path(__file__).with_name(f"{name}.json").write_text(written(name), encoding="utf-8")
