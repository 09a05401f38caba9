"""How pages and reports look: formats, charts, shared templates and the one style sheet."""

from pathlib import Path
from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporters.presentation import charts, formats
from replies.finding import quoted

HERE: Final = Path(__file__).parent
STYLE: Final = (HERE / "style.css").read_text(encoding="utf-8")


def environment(templates: Path) -> Environment:
    """Templates of this folder and the shared ones. What is put into them is escaped and rid of control characters."""
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(templates), FileSystemLoader(HERE)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {
        "span": formats.span,
        "moment": formats.moment,
        "percent": formats.percent,
        "clip": quoted,
        "words": formats.words,
    }
    made.globals |= {"bands": charts.bands, "waits_over_time": charts.waits_over_time}
    return made


def _printable(value: object) -> object:
    return formats.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
