"""What Prometheus is told."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from sqlalchemy.engine import Connection

from conversations.durations import Duration
from conversations.journal import aggregates, schema
from conversations.records import StoredFinding, Verdict, to_json
from exporters import prometheus
from exporters.exposition import OPENMETRICS, TEXT
from exporters.metrics import METRICS
from exporters.prometheus import render
from exporters.snapshot import LiveMailbox, LiveVisit, snapshot
from replies.checks import NAMES as CHECKS
from tests.exporters.alerts.promtool import promtool
from tests.exporters.stories import (
    ACME,
    DAY,
    HOUR,
    MONDAY,
    Stories,
    acknowledged,
    everyday,
    live,
    replied,
    stories,
    wrote,
)

GOLDEN = Path(__file__).with_name("golden")
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


async def scrape(pen: Stories, accept: str = "", **changes: object) -> str:
    return render(await snapshot(pen.journal, live(**changes)), accept).body.decode()


def value(text: str, series: str) -> float | None:
    """The value of the series whose labels contain these, written as `name{a="b"}`."""
    name, _, wanted = series.partition("{")
    labels = set(re.findall(r'(\w+)="([^"]*)"', wanted))
    found = [
        sample.value
        for family in parse_text(text)
        for sample in family.samples
        if sample.name == name and labels <= set(sample.labels.items())
    ]
    assert len(found) <= 1, f"{series} is not one series"
    return found[0] if found else None


def note_reach(connection: Connection, labels: dict[str, str], *, up: bool, expires: float | None = None) -> None:
    phases = {"resolve": 0.004, "connect": 0.02, "load": 0.4} if up else {"resolve": 0.004}
    addresses = {"4": up, "6": False} if expires else {}
    values = {"target": to_json(labels), "up": up, "at": MONDAY + 60, "phases": to_json(phases)}
    values["addresses"] = to_json(addresses)
    connection.execute(schema.reach.insert().values(**values, certificate_expires=expires))


async def reached(pen: Stories) -> None:
    page, imap = live().targets
    await pen.journal.write(lambda c: note_reach(c, dict(page), up=True, expires=MONDAY + 1e6))
    await pen.journal.write(lambda c: note_reach(c, dict(imap), up=False))
    await pen.journal.write(lambda c: note_reach(c, {"desk": "gone", "probe": "page"}, up=True))


@pytest.fixture
def two_checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only these are there from zero, so that a new check leaves the golden files alone."""
    monkeypatch.setattr(prometheus, "CHECKS", ("no_reply", "promise"))
    prometheus._from_zero.cache_clear()
    yield
    prometheus._from_zero.cache_clear()


@pytest.mark.usefixtures("two_checks")
@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
async def test_a_week_of_visits_reads_as_the_golden_file(
    pen: Stories, accept: str, request: pytest.FixtureRequest
) -> None:
    await everyday(pen)
    await reached(pen)
    text = await scrape(pen, accept)
    golden = GOLDEN / ("metrics.om" if "openmetrics" in accept else "metrics.prom")
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(text)
    assert text == golden.read_text(), "if this is meant: pytest tests/exporters --update-golden"


async def test_promtool_finds_nothing_to_criticise(pen: Stories) -> None:
    await everyday(pen)
    await reached(pen)
    text = await scrape(pen)
    checked = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


async def test_openmetrics_is_what_its_own_parser_reads(pen: Stories) -> None:
    await everyday(pen)
    exposition = render(
        await snapshot(pen.journal, live()), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    )
    assert exposition.content_type == OPENMETRICS
    families = parse_openmetrics(exposition.body.decode())  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert "mysterybot_visit_conversations" in names  # there the counter's family is without _total


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/plain;version=0.0.4", "application/json;version=x;;,", "\x00" * 99]
)
async def test_everybody_else_gets_the_classic_format(pen: Stories, accept: str) -> None:
    assert render(await snapshot(pen.journal, live()), accept).content_type == TEXT


async def test_what_can_be_counted_is_there_from_zero(pen: Stories) -> None:
    text = await scrape(pen)
    for verdict in Verdict:
        assert value(text, f'mysterybot_visit_conversations_total{{visit="refund",verdict="{verdict}"}}') == 0
    assert value(text, 'mysterybot_first_reply_seconds_bucket{visit="refund",clock="business",le="604800.0"}') == 0
    assert value(text, 'mysterybot_first_reply_seconds_count{visit="order",clock="calendar"}') == 0
    assert value(text, 'mysterybot_promises_missed_total{visit="refund",promise="first_reply"}') == 0
    assert value(text, 'mysterybot_sends_uncertain_total{visit="order"}') == 0
    assert value(text, 'mysterybot_mailbox_unmatched_total{mailbox="ben"}') == 0
    assert value(text, 'mysterybot_detection_lag_seconds_count{mailbox="ben"}') == 0
    assert value(text, 'mysterybot_visit_open_conversations{visit="order"}') == 0
    assert value(text, 'mysterybot_reach_probes_total{mailbox="anna",result="failure"}') == 0
    assert value(text, 'mysterybot_reach_retries_total{desk="acme"}') == 0
    assert value(text, 'mysterybot_visit_consecutive_failures{visit="order"}') == 0


async def test_only_mailboxes_that_send_control_mails_have_their_series(pen: Stories) -> None:
    boxes = (LiveMailbox("anna", True, 0.25, control=True), LiveMailbox("ben", True, None))
    text = await scrape(pen, mailboxes=boxes)
    for name in ("control_mail_lost_total", "delivery_seconds_count"):
        assert value(text, f'mysterybot_{name}{{mailbox="anna"}}') == 0
        assert value(text, f'mysterybot_{name}{{mailbox="ben"}}') is None


async def test_what_is_not_known_is_absent(pen: Stories) -> None:
    text = await scrape(pen)
    for unknown in (
        "mysterybot_visit_last_run_timestamp_seconds",
        "mysterybot_visit_last_success_timestamp_seconds",
        "mysterybot_visit_waiting_since_timestamp_seconds",
        'mysterybot_visit_interval_seconds{visit="order"}',
        'mysterybot_mailbox_clock_skew_seconds{mailbox="ben"}',
        "mysterybot_reach_up",
        'mysterybot_form_submit_seconds_count{visit="refund"}',
    ):
        assert value(text, unknown) is None, unknown


async def test_counters_go_on_after_closing_and_reopening_the_journal(tmp_path: Path) -> None:
    series = 'mysterybot_visit_conversations_total{visit="refund",verdict="passed"}'
    reply = 'mysterybot_first_reply_seconds_count{visit="refund",clock="calendar"}'
    async with stories(tmp_path / "journal.sqlite") as pen:
        await pen.tell(wrote(0, "Hello?"), replied(90, "Hello!"))
        before = await scrape(pen)
    async with stories(tmp_path / "journal.sqlite") as pen:
        assert await scrape(pen) == before
        pen.told = 1
        await pen.tell(wrote(0, "Hello?"), replied(90, "Hello!"), at=MONDAY + HOUR)
        after = await scrape(pen)
    assert [value(text, series) for text in (before, after)] == [1, 2]
    assert [value(text, reply) for text in (before, after)] == [1, 2]


async def test_a_histogram_is_cumulative_and_ends_in_its_count(pen: Stories) -> None:
    for number, seconds in enumerate((4, 70, 4000, 9e6)):
        await pen.tell(wrote(0, "Hello?"), replied(seconds, "Hello!"), at=MONDAY + number)
    text = await scrape(pen)
    labels = 'visit="refund",clock="calendar"'
    bucket = f"mysterybot_first_reply_seconds_bucket{{{labels},le="
    bounds = ("1.0", "5.0", "60.0", "300.0", "3600.0", "7200.0", "604800.0", "+Inf")
    assert [value(text, f'{bucket}"{bound}"}}') for bound in bounds] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert value(text, f"mysterybot_first_reply_seconds_count{{{labels}}}") == 4
    assert value(text, f"mysterybot_first_reply_seconds_sum{{{labels}}}") == pytest.approx(4 + 70 + 4000 + 9e6)


async def test_buckets_of_an_older_version_still_count(pen: Stories) -> None:
    labels = {"visit": "refund", "desk": "acme", "channel": "support"}
    await pen.journal.write(lambda c: aggregates.add(c, "acknowledgement_seconds_bucket", {**labels, "le": "42.0"}))
    text = await scrape(pen)
    bucket = 'mysterybot_acknowledgement_seconds_bucket{visit="refund",le='
    assert [value(text, f'{bucket}"{bound}"}}') for bound in ("30.0", "42.0", "60.0", "+Inf")] == [0, 1, 1, 1]


async def test_both_clocks_are_told_apart(pen: Stories) -> None:
    await pen.tell(wrote(0, "Hello?"), replied(24 * HOUR, "Hello!"))
    text = await scrape(pen)
    assert value(text, 'mysterybot_first_reply_seconds_sum{visit="refund",clock="calendar"}') == 24 * HOUR
    assert value(text, 'mysterybot_first_reply_seconds_sum{visit="refund",clock="business"}') == 8 * HOUR


async def test_the_oldest_unanswered_message_is_what_waits(pen: Stories) -> None:
    await pen.tell(wrote(10, "Hello?"), acknowledged(20), verdict=None)
    await pen.tell(wrote(10, "Hello?"), verdict=None, at=MONDAY + HOUR)
    text = await scrape(pen)
    assert value(text, 'mysterybot_visit_open_conversations{visit="refund"}') == 2
    assert value(text, 'mysterybot_visit_waiting_since_timestamp_seconds{visit="refund"}') == MONDAY + 10


DUE = "mysterybot_visit_reply_due_timestamp_seconds"


async def due(pen: Stories) -> dict[str, float]:
    """promise → when it runs out, counted from Monday 10:00 in Zurich."""
    text = await scrape(pen)
    names = ("acknowledgement", "first_reply", "next_reply", "resolution")
    found = {name: value(text, f'{DUE}{{visit="refund",promise="{name}"}}') for name in names}
    return {name: at - MONDAY for name, at in found.items() if at is not None}


async def test_what_is_due_is_told_before_any_reply_comes(pen: Stories) -> None:
    await pen.tell(wrote(0, "Hello?"), verdict=None)
    assert await due(pen) == {"acknowledgement": 300, "first_reply": 4 * HOUR, "resolution": 2 * DAY}


async def test_an_acknowledgement_ends_the_wait_for_one_and_no_other(pen: Stories) -> None:
    await pen.tell(wrote(0, "Hello?"), acknowledged(20), verdict=None)
    assert await due(pen) == {"first_reply": 4 * HOUR, "resolution": 2 * DAY}


async def test_a_reply_ends_every_wait_but_that_for_the_end_and_the_next_message_begins_a_new_one(
    tmp_path: Path,
) -> None:
    promises = ACME.promises.model_copy(update={"next_reply": Duration(business_days=1)})
    async with stories(tmp_path / "journal.sqlite") as pen:
        pen.desk = ACME.model_copy(update={"promises": promises})
        asked = (wrote(0, "Hello?"), replied(HOUR, "Hello!"))
        await pen.tell(*asked, verdict=None)
        assert await due(pen) == {"resolution": 2 * DAY}
        await pen.tell(*asked, wrote(8 * HOUR, "And now?"), verdict=None, at=MONDAY + 60)
        assert await due(pen) == {
            "next_reply": 2 * DAY - HOUR,
            "resolution": 2 * DAY,
        }  # closed, so from Tuesday 9:00 on
        await pen.tell(*asked, wrote(2 * HOUR, "And now?"), at=MONDAY + 90)
        assert len(await due(pen)) == 2  # nothing is due in one that has ended


async def test_business_hours_nights_and_holidays_put_off_what_is_due(pen: Stories) -> None:
    hours = ACME.hours
    assert hours is not None
    pen.desk = ACME.model_copy(update={"hours": hours.model_copy(update={"holidays": "CH-ZH"})})
    christmas_eve = datetime(2026, 12, 24, 15, tzinfo=UTC).timestamp()  # a Thursday, an hour before the desk closes
    await pen.tell(wrote(0, "Hello?"), verdict=None, at=christmas_eve)
    monday_at_noon = datetime(2026, 12, 28, 11, tzinfo=UTC).timestamp()
    assert (await due(pen))["first_reply"] == monday_at_noon - MONDAY


async def test_the_first_of_several_that_are_due_is_told(pen: Stories) -> None:
    await pen.tell(wrote(60, "Hello?"), verdict=None)
    await pen.tell(wrote(30, "Hello?"), verdict=None, at=MONDAY + 1)
    assert (await due(pen))["acknowledgement"] == 331


@pytest.mark.parametrize(
    ("box", "told"),
    [
        (LiveMailbox("anna", True, None), {"acknowledgement", "first_reply", "resolution"}),
        (LiveMailbox("anna", False, None), set()),
        (LiveMailbox("anna", False, None, read_until=MONDAY + 299), set()),
        (LiveMailbox("anna", False, None, read_until=MONDAY + 300), {"acknowledgement"}),
    ],
    ids=["up", "not up since the start", "it went down before", "it went down afterwards"],
)
async def test_what_ran_out_while_the_mailbox_could_not_be_read_is_not_told(
    pen: Stories, box: LiveMailbox, told: set[str]
) -> None:
    await pen.tell(wrote(0, "Hello?"), verdict=None)
    visit = LiveVisit("refund", "acme", "support", 7200.0, {}, form=False, mailbox="anna")
    text = await scrape(pen, visits=(visit,), mailboxes=(box,))
    assert set(re.findall(rf"^{DUE}{{.*promise=\"(\w+)\"", text, re.MULTILINE)) == told


async def test_a_reply_that_proves_that_our_message_went_out_has_answered_it(pen: Stories) -> None:
    await pen.tell(replied(20, "Hello!"), wrote(10, "Hello?"), verdict=None)
    assert await due(pen) == {"resolution": 2 * DAY + 10}
    assert value(await scrape(pen), 'mysterybot_visit_waiting_since_timestamp_seconds{visit="refund"}') is None


async def test_failures_and_faults_in_a_row_are_counted_apart_and_a_success_ends_both(pen: Stories) -> None:
    async def streaks() -> tuple[float | None, float | None]:
        text = await scrape(pen)
        failures, faults = (f'mysterybot_visit_consecutive_{what}{{visit="refund"}}' for what in ("failures", "faults"))
        return value(text, failures), value(text, faults)

    told = (
        (Verdict.FAILED, (1, 0)),
        (Verdict.FAULTED, (1, 1)),
        (Verdict.FAULTED, (1, 2)),
        (Verdict.FAILED, (2, 0)),
        (Verdict.PASSED, (0, 0)),
    )
    for number, (verdict, expected) in enumerate(told):
        await pen.tell(wrote(0, "Hello?"), at=MONDAY + number, verdict=verdict)
        assert await streaks() == expected


async def test_a_visit_that_left_the_config_keeps_its_counters_and_its_open_conversations(pen: Stories) -> None:
    await everyday(pen)
    text = await scrape(pen, visits=())
    assert value(text, 'mysterybot_visit_conversations_total{visit="refund",verdict="passed"}') == 2
    assert value(text, 'mysterybot_visit_open_conversations{visit="refund",desk="acme",channel="support"}') == 1
    assert value(text, 'mysterybot_visit_last_run_timestamp_seconds{visit="refund"}') is None
    assert value(text, 'mysterybot_promise_seconds{visit="refund"}') is None


async def test_every_check_is_there_from_zero_with_all_its_results(pen: Stories) -> None:
    text = await scrape(pen)
    for check, result in ((check, result) for check in CHECKS for result in ("ok", "problem", "unknown")):
        assert value(text, f'mysterybot_findings_total{{visit="refund",check="{check}",result="{result}"}}') == 0


async def test_a_check_that_only_a_scenario_knows_shows_all_its_results_once_it_spoke(pen: Stories) -> None:
    await pen.tell(wrote(0, "Hi"), findings=[StoredFinding("has_a_lift", "problem", "asked", "no")])
    text = await scrape(pen)
    found = 'mysterybot_findings_total{visit="refund",check="has_a_lift",result='
    assert [value(text, f'{found}"{result}"}}') for result in ("ok", "problem", "unknown")] == [0, 1, 0]


OM = "application/openmetrics-text; version=1.0.0"


async def exemplars(pen: Stories, family: str) -> list[tuple[dict[str, str], float, float]]:
    """Labels, value and moment of the exemplars of a family, as the library's own parser reads them."""
    families = parse_openmetrics(await scrape(pen, OM))  # type: ignore[no-untyped-call]
    samples = [sample for each in families if each.name == f"mysterybot_{family}" for sample in each.samples]
    return [(s.exemplar.labels, s.exemplar.value, float(s.exemplar.timestamp)) for s in samples if s.exemplar]


async def test_each_figure_leads_to_the_conversation_that_came_last(tmp_path: Path) -> None:
    async with stories(tmp_path / "journal.sqlite") as pen:
        for number, seconds in enumerate((70, 80, 4000)):
            await pen.tell(wrote(0, "Hello?"), replied(seconds, "Hello!"), at=MONDAY + number)
    async with stories(tmp_path / "journal.sqlite") as pen:  # as after a restart
        calendar, business = (
            [({"conversation": "c0002"}, 80, MONDAY + 82), ({"conversation": "c0003"}, 4000, MONDAY + 4003)],
            2,
        )
        assert await exemplars(pen, "first_reply_seconds") == calendar * business
        assert await exemplars(pen, "visit_conversations") == [({"conversation": "c0003"}, 1, MONDAY + 4003)]
        assert "c000" not in await scrape(pen)  # the classic format has none


@pytest.mark.parametrize(("conversation", "shown"), [("x" * 116, 1), ("x" * 117, 0), ('x"} 1\n', 0)])
async def test_an_exemplar_that_the_format_does_not_allow_is_left_out(
    pen: Stories, conversation: str, shown: int
) -> None:
    labels, by = (
        {"visit": "refund", "desk": "acme", "channel": "support", "clock": "calendar"},
        aggregates.By(conversation, 9.5),
    )
    await pen.journal.write(lambda c: aggregates.observe(c, "next_reply_seconds", labels, 3, by))
    assert len(await exemplars(pen, "next_reply_seconds")) == shown


async def test_reach_shows_the_targets_of_the_config_only(pen: Stories) -> None:
    await reached(pen)
    text = await scrape(pen)
    assert value(text, 'mysterybot_reach_up{desk="acme",channel="contact",probe="page"}') == 1
    assert value(text, 'mysterybot_reach_up{mailbox="anna",probe="imap"}') == 0
    assert value(text, 'mysterybot_reach_duration_seconds{desk="acme",phase="load"}') == 0.4
    assert value(text, 'mysterybot_reach_address_up{desk="acme",ip="4"}') == 1
    assert value(text, 'mysterybot_reach_address_up{desk="acme",ip="6"}') == 0
    assert value(text, 'mysterybot_reach_address_up{mailbox="anna"}') is None
    assert "gone" not in text


async def test_every_series_has_its_place_and_no_made_up_label(pen: Stories) -> None:
    await everyday(pen)
    await reached(pen)
    for family in parse_text(await scrape(pen)):
        for sample in family.samples:
            assert sample.labels.pop("location") == "zurich", sample
            sample.labels.pop("le", None)
            name = family.name.removeprefix("mysterybot_")
            metric = METRICS.get(name) or METRICS[f"{name}_total"]
            assert tuple(sorted(sample.labels)) == tuple(sorted(metric.labels)), sample


async def test_hostile_label_values_stay_inside_their_quotes(pen: Stories) -> None:
    evil = 'a"} 1\nmysterybot_paused 1\n\\'
    visit = LiveVisit(evil, "acme", "support", 60.0, {}, form=False)
    text = await scrape(pen, visits=(visit,))
    seen = {sample.labels["visit"] for f in parse_text(text) for sample in f.samples if "visit" in sample.labels}
    assert seen == {evil}
    assert value(text, "mysterybot_paused") == 0


async def test_a_scrape_does_not_read_ended_conversations(pen: Stories) -> None:
    await everyday(pen)
    statements: list[str] = []
    sa.event.listen(
        pen.journal._reading, "before_cursor_execute", lambda *arguments: statements.append(str(arguments[2]))
    )
    await snapshot(pen.journal, live())
    assert statements
    about = [s for s in statements if re.search(r"FROM (conversation|message|step|finding)\b", s)]
    assert all("verdict IS NULL" in statement for statement in about)


def test_the_documentation_names_every_metric_with_its_type_and_labels() -> None:
    text = DOCS.read_text()
    rows = dict(re.findall(r"^\| `mysterybot_(\w+)` \|(.*)$", text, re.MULTILINE))
    assert set(rows) == set(METRICS)
    for name, row in rows.items():
        kind, labels = (cell.strip() for cell in row.split("|")[:2])
        assert (name, kind) == (name, METRICS[name].type)
        assert (name, re.findall(r"`(\w+)`", labels)) == (name, list(METRICS[name].labels))


def test_the_documented_queries_are_promql_over_metrics_that_exist(tmp_path: Path) -> None:
    queries = re.findall(r"```promql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(queries) > 10
    series = {f"{m.full_name}{end}" for m in METRICS.values() for end in ("", "_bucket", "_sum", "_count")}
    assert {name for query in queries for name in re.findall(r"mysterybot_\w+", query)} <= series
    rules = [{"alert": f"Query{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "documented", "rules": rules}]}))  # JSON is YAML
    checked = subprocess.run([promtool(), "check", "rules", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
