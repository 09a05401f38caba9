"""The report that a manager reads."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conversations.records import StoredFinding, Verdict
from conversations.visit import Promises
from exporters.presentation import formats
from exporters.report import ReportError, write_report
from exporters.scorecard import Facts, Scorecard, Share, Spread, scorecard
from exporters.summaries import Wanted, ids
from tests.exporters.stories import ACME, DAY, HOUR, MONDAY, Stories, acknowledged, answered, everyday, replied, wrote

DESKS = {"acme": "Acme Hosting", "quiet": "Quiet & Sons <Ltd>"}
HOSTILE = "<script>alert(1)</script>" + "x" * 64_000 + "\u202e drow \u0000\u001b[31m"


class Seen(HTMLParser):
    """The tags, addresses and text of a page; complains when a tag is not closed."""

    VOID = frozenset({"meta", "link", "img", "br", "rect", "line", "path", "circle"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.ids: set[str | None] = set()
        self._open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids |= {value for name, value in attrs if name == "id"}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in {"meta", "link", "img", "br"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open[-1] in {"option", "li"} and self._open[-1] != tag:
            self._open.pop()
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data


async def card_of(pen: Stories) -> Scorecard:
    from conversations.journal import lifecycle

    wholes = [await pen.journal.read(lambda c, each=each: lifecycle.load(c, each)) for each in pen.ids]  # type: ignore[misc]
    return scorecard("acme", "Acme Hosting", [Facts.of(whole) for whole in wholes if whole is not None])


async def test_a_report_is_a_folder_that_needs_nothing_else(pen: Stories, tmp_path: Path) -> None:
    await everyday(pen)
    index = await write_report(pen.journal, tmp_path / "out", None, None, DESKS)
    assert index == tmp_path / "out" / "index.html"
    pages = [index, *sorted((tmp_path / "out" / "conversations").iterdir())]
    assert len(pages) == 1 + len(pen.ids)
    for page in pages:
        seen = Seen(page.read_text())
        assert "script" not in seen.tags
        local = [link for link in seen.links if not link.startswith("#")]
        assert all((page.parent / link).is_file() for link in local), local


async def test_its_json_is_what_the_command_line_prints(pen: Stories, tmp_path: Path) -> None:
    await everyday(pen)
    await write_report(pen.journal, tmp_path, None, None, DESKS)
    told = json.loads((tmp_path / "conversations.json").read_text())
    assert [each["id"] for each in told] == await pen.journal.read(lambda c: ids(c, Wanted()))
    assert told[0]["times"]["first_reply_seconds"]["calendar"] == 42 * 60


async def test_every_figure_stands_with_its_count_and_its_rule(pen: Stories) -> None:
    await everyday(pen)
    card = await card_of(pen)
    shares = {figure.name: figure.share for figure in card.figures if figure.share}
    assert shares == {
        "Reachable": Share(3, 4),
        "Acknowledged": Share(2, 3),
        "Replied": Share(2, 3),
        "Every question answered": Share(2, 2),
        "One-touch": Share(1, 2),
        "Promises kept": Share(5, 8),
    }
    spreads = {figure.name: figure.spread for figure in card.figures if figure.spread}
    assert spreads["First reply, round the clock"] == Spread(42 * 60, 2 * DAY, 2)
    assert spreads["First reply, in business hours"] == Spread(42 * 60, 16 * HOUR, 2)
    assert all(figure.rule for figure in card.figures)
    assert (card.judged, card.passed, card.faulted, card.open) == (4, 2, 1, 1)


async def test_our_own_faults_are_left_out_of_every_figure(pen: Stories) -> None:
    await pen.tell(wrote(0, "Hello?"), verdict=Verdict.FAULTED, reason="the browser is missing")
    card = await card_of(pen)
    assert (card.judged, card.faulted) == (0, 1)
    assert all(figure.share is None or figure.share.of == 0 for figure in card.figures)
    assert card.problems == ()


async def test_what_went_wrong_is_quoted_and_linked(pen: Stories, tmp_path: Path) -> None:
    silent = await pen.tell(
        wrote(0, "Hello?"),
        acknowledged(9, "We will be with you shortly."),
        verdict=Verdict.FAILED,
        reason="no reply within 2 days",
        finished_after=2 * DAY,
    )
    page = (await write_report(pen.journal, tmp_path, None, None, DESKS)).read_text()
    seen = Seen(page)
    assert f"conversations/{silent}.html" in seen.links
    for told in ("no reply within 2 days", "“We will be with you shortly.”", "first reply within 4 business hours"):
        assert told in seen.text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([], (None, None)), ([5.0], (5.0, 5.0)), ([1.0, 2.0], (1.0, 2.0)), ([float(n) for n in range(1, 11)], (5.0, 9.0))],
)
def test_percentiles_are_times_that_somebody_waited(
    seconds: list[float], expected: tuple[float | None, float | None]
) -> None:
    spread = Spread.of(reversed(seconds))
    assert (spread.median, spread.ninetieth, spread.count) == (*expected, len(seconds))


async def test_a_desk_without_a_conversation_has_its_place(pen: Stories, tmp_path: Path) -> None:
    seen = Seen((await write_report(pen.journal, tmp_path, None, None, DESKS)).read_text())
    assert "Quiet & Sons <Ltd>" in seen.text
    assert "nothing to judge" in seen.text
    assert json.loads((tmp_path / "conversations.json").read_text()) == []


async def test_a_report_without_any_desk_says_so(pen: Stories, tmp_path: Path) -> None:
    seen = Seen((await write_report(pen.journal, tmp_path, None, None, {})).read_text())
    assert "There is no desk" in seen.text


async def test_only_the_period_asked_for_is_told(pen: Stories, tmp_path: Path) -> None:
    for day in range(3):
        await pen.tell(wrote(0, "Hello?"), replied(60, "Hello!"), at=MONDAY + day * DAY)
    start, end = (datetime.fromtimestamp(MONDAY + day * DAY, UTC) for day in (1, 2))
    await write_report(pen.journal, tmp_path, start, end, DESKS)
    told = json.loads((tmp_path / "conversations.json").read_text())
    assert [each["id"] for each in told] == [pen.ids[1]]


async def test_hostile_texts_stay_text(pen: Stories, tmp_path: Path) -> None:
    await pen.tell(
        wrote(0, "Hello?", subject=HOSTILE),
        replied(60, HOSTILE, subject=HOSTILE, findings=[StoredFinding("rude", "problem", HOSTILE[:90], HOSTILE)]),
        verdict=Verdict.FAILED,
        reason=HOSTILE,
        visit="<b>visit</b>",
    )
    index = await write_report(pen.journal, tmp_path, None, None, DESKS)
    for page in (index, *(tmp_path / "conversations").iterdir()):
        text = page.read_text()
        seen = Seen(text)
        assert "script" not in seen.tags and "b" not in [t for t in seen.tags if "visit" in t]
        assert not any(name.startswith("on") for name in seen.attributes)
        assert re.search(r"[\x00-\x08\x0b-\x1f]", text) is None
    assert len(index.read_text()) < 60_000, "an index quotes, it does not repeat"


async def test_a_folder_that_cannot_be_written_is_told_in_one_line(pen: Stories, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match="file"):
        await write_report(pen.journal, tmp_path / "file", None, None, DESKS)


async def test_no_mean_ever_stands_in_a_report(pen: Stories, tmp_path: Path) -> None:
    await everyday(pen)
    seen = Seen((await write_report(pen.journal, tmp_path, None, None, DESKS)).read_text())
    assert not re.search(r"\b(mean|average)\b", seen.text)


async def test_a_desk_without_hours_is_always_open(pen: Stories) -> None:
    pen.desk = ACME.model_copy(update={"hours": None, "promises": Promises()})
    await pen.tell(wrote(0, "Hello?"), replied(2 * DAY, "Hello!", findings=[answered(1, 1)]))
    spreads = {figure.name: figure.spread for figure in (await card_of(pen)).figures}
    assert spreads["First reply, in business hours"] == spreads["First reply, round the clock"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "–"), (0, "0.0 s"), (-3, "0.0 s"), (0.42, "0.4 s"), (9.97, "10 s"), (59.7, "1 min"),
        (200, "3 min 20 s"),
        (2520, "42 min"), (3599, "1 h"), (7500, "2 h 05 min"), (86_399, "1 d"), (187_200, "2 d 4 h"),
        (1e9, "11574 d 2 h"),
    ],
)  # fmt: skip
def test_spans_are_told_in_their_two_largest_units(seconds: float | None, expected: str) -> None:
    assert formats.span(seconds) == expected


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [(0, 0, "–"), (0, 5, "0 %"), (5, 5, "100 %"), (999, 1000, "99 %"), (1, 1000, "1 %"), (1, 3, "33 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(count: int, of: int, expected: str) -> None:
    assert formats.percent(count, of) == expected


def test_a_moment_is_on_the_wall_clock_of_the_desk() -> None:
    assert "Mon 16 Nov 2026" in formats.moment(MONDAY, "Europe/Zurich")
    assert ">10:00<" in formats.moment(MONDAY, "Europe/Zurich")
    assert ">09:00<" in formats.moment("2026-11-16T09:00:00Z")
