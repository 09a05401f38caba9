"""Writes the report.

    OUT/index.html               the scorecard of every desk, what went wrong, the conversations
    OUT/conversations/ID.html    each conversation, word for word
    OUT/conversations.json       all of it for programs, an array as `mysterybot conversations --json` prints

Pages carry their style in themselves, so that one of them can be sent on alone.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from conversations.description import describe, rfc3339
from conversations.journal import Journal, lifecycle
from conversations.records import Conversation
from exporters.detail import detail
from exporters.presentation import STYLE, environment
from exporters.presentation.formats import span
from exporters.scorecard import Facts, Scorecard, scorecard
from exporters.summaries import Summary, Wanted, ids

AT_ONCE: Final = 50
"""Conversations that are held in memory with their texts."""

MOST_ROWS: Final = 500
MOST_PROBLEMS: Final = 25

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ReportError(Exception):
    """The report cannot be written; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when conversations began; None is open."""

    start: datetime | None
    end: datetime | None

    def wanted(self) -> Wanted:
        """As a choice of conversations."""
        return Wanted(
            since=None if self.start is None else self.start.timestamp(),
            until=None if self.end is None else self.end.timestamp(),
        )


async def write_report(
    journal: Journal, out: Path, start: datetime | None, end: datetime | None, desks: Mapping[str, str]
) -> Path:
    """Report on the conversations that began from `start` (inclusive) to `end` (exclusive); the path of the index.

    `desks`: the desks of the config by name, with what people call them; each has its place even without a
    conversation. Files that are there are replaced. Raises ReportError.
    """
    period = Period(start, end)
    found = await journal.read(lambda connection: ids(connection, period.wanted()))
    writing = _Writing(out, period, desks)
    try:
        await asyncio.to_thread(writing.begin)
        for first in range(0, len(found), AT_ONCE):
            some = found[first : first + AT_ONCE]
            wholes = await journal.read(partial(lifecycle.load_all, ids=some))
            await asyncio.to_thread(writing.add, wholes)
        return await asyncio.to_thread(writing.finish)
    except OSError as error:
        raise ReportError(f"{error.filename or out}: {error.strerror}") from error


class _Writing:
    """A report that is being written; what is kept of each conversation is small."""

    def __init__(self, out: Path, period: Period, desks: Mapping[str, str]) -> None:
        self._out, self._period = out, period
        self._names = dict(desks)
        self._facts: dict[str, list[Facts]] = {desk: [] for desk in desks}
        self._templates: Environment = environment(Path(__file__).parent)
        self._separator = "["

    def begin(self) -> None:
        (self._out / "conversations").mkdir(parents=True, exist_ok=True)
        (self._out / "conversations.json").write_bytes(b"")

    def add(self, wholes: Sequence[Conversation]) -> None:
        with (self._out / "conversations.json").open("ab") as everything:
            for whole in wholes:
                text = json.dumps(describe(whole), ensure_ascii=False)
                everything.write(f"{self._separator}\n{text}".encode())
                self._separator = ","
                self._add_page(whole)
                self._facts.setdefault(whole.desk, []).append(Facts.of(whole))
                self._names.setdefault(whole.desk, whole.desk)

    def _add_page(self, whole: Conversation) -> None:
        if _ID.fullmatch(whole.id):  # it becomes a file name
            self._write(f"conversations/{whole.id}.html", "page.html", it=detail(whole), shots=(), files=())

    def finish(self) -> Path:
        with (self._out / "conversations.json").open("ab") as everything:
            everything.write(b"[]\n" if self._separator == "[" else b"\n]\n")
        cards = [scorecard(desk, self._names[desk], facts) for desk, facts in sorted(self._facts.items())]
        summaries = list(self._newest())
        return self._write(
            "index.html",
            "index.html",
            cards=cards,
            sentences={card.desk: _in_a_sentence(card) for card in cards},
            period=self._shown_period(summaries),
            summaries=summaries[:MOST_ROWS],
            number=len(summaries),
            most_problems=MOST_PROBLEMS,
            link=_link,
        )

    def _newest(self) -> Iterator[Summary]:
        everything = [each.summary for facts in self._facts.values() for each in facts]
        yield from sorted(everything, key=lambda summary: (summary.started_at, summary.id), reverse=True)

    def _shown_period(self, newest: Sequence[Summary]) -> tuple[str | None, str | None]:
        """As asked for; where nothing was asked, from the first to the last conversation."""
        first = newest[-1].started_at if newest else None
        last = newest[0].started_at if newest else None
        start, end = self._period.start, self._period.end
        return rfc3339(start.timestamp() if start else first), rfc3339(end.timestamp() if end else last)

    def _write(self, name: str, template: str, **values: Any) -> Path:
        page = self._templates.get_template(template).render(style=Markup(STYLE), **values)  # noqa: S704 - our own file
        (self._out / name).write_text(page, encoding="utf-8")
        return self._out / name


def _in_a_sentence(card: Scorecard) -> str:
    """The desk in one sentence, for who reads no table."""
    figures = {figure.name: figure for figure in card.figures}
    replied = figures["Replied"].share
    spread = figures["First reply, round the clock"].spread
    if not card.judged or replied is None or spread is None:
        return ""
    said = f"A person replied to {replied.count} of {replied.of} customers who got through"
    return f"{said}." if spread.median is None else f"{said}, half of those within {span(spread.median)}."


_link: Callable[[str], str] = "conversations/{}.html".format
