"""Every alert on Prometheus's own rule engine: it fires, not without cause, it ends, and it survives a restart of the bot."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporters.alerts import ALERTS, Watched, rule_file
from exporters.metrics import METRICS, PREFIX
from tests.exporters.alerts.promtool import Expected, firing, promtool

HERE = 'location="zurich"'
VISIT = f'visit="refund", desk="acme", channel="support", {HERE}'
TARGET = f'desk="acme", channel="contact", mailbox="", probe="http", {HERE}'
FORM = f'desk="acme", channel="contact", mailbox="", probe="form", {HERE}'
PROMISE = f'promise="first_reply", {VISIT}'
DUE = "mysterybot_visit_reply_due_timestamp_seconds"
CERTIFICATE = f"mysterybot_reach_certificate_expiry_timestamp_seconds{{{TARGET}}}"
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Case:
    """One alert's life: silent, firing, silent again."""

    alert: str
    series: dict[str, str]
    silent: str
    fires: str
    ended: str
    interval: str = "1m"  # between two samples of the series


def of(metric: str, labels: str, values: str) -> dict[str, str]:
    """One series."""
    return {f"mysterybot_{metric}{{{labels}}}": values}


def finding(check: str, values: str) -> dict[str, str]:
    """The counter of problems of one check."""
    return of("findings_total", f'check="{check}", result="problem", {VISIT}', values)


def mailbox(metric: str, values: str) -> dict[str, str]:
    """A series about our mailbox."""
    return of(metric, f'mailbox="anna", {HERE}', values)


def promises(missed: str, kept: str) -> dict[str, str]:
    """The counters of one promise."""
    return of("promises_missed_total", PROMISE, missed) | of("promises_kept_total", PROMISE, kept)


def alive(location: str = "zurich", values: str = "1x20000") -> dict[str, str]:
    """A bot that is scraped."""
    return {f'mysterybot_build_info{{version="1", location="{location}"}}': values}


REFUSED = of("undelivered_total", VISIT, "0x10 1x60") | of("visit_consecutive_failures", VISIT, "0x10 1x30 0x30")

CASES = (
    Case("DeskUnreachable", of("reach_up", TARGET, "1x10 0x20 1x10"), "12m", "20m", "33m"),
    Case("DeskFormBroken", of("reach_up", FORM, "1x10 0x60 1x10"), "30m", "60m", "73m"),
    Case("DeskRefusingMessages", REFUSED, "9m", "12m", "45m"),
    Case("CertificateEnding", {CERTIFICATE: f"{14 * DAY + 600}x120 {90 * DAY}x10"}, "9m", "90m", "122m"),
    Case("CertificateEndingNow", {CERTIFICATE: f"{2 * DAY + 600}x60 {90 * DAY}x10"}, "9m", "12m", "62m"),
    Case(
        "DeskNotAcknowledging", {f'{DUE}{{promise="acknowledgement", {VISIT}}}': "_x5 600x20 stale"}, "9m", "13m", "28m"
    ),
    Case("DeskNotAnswering", {f"{DUE}{{{PROMISE}}}": "_x5 600x20 stale"}, "9m", "13m", "28m"),
    Case("DeskFailing", of("visit_consecutive_failures", VISIT, "0x5 1x5 2x10 0x5"), "9m", "14m", "25m"),
    Case("DeskMissingPromises", promises("0x60 1x60 2x1760", "0x60 0x60 1x1760"), "100m", "150m", "1800m"),
    Case("DeskMissingPromisesOften", promises("0x20 3x620", "0x20 5x20 9x20 99x600"), "25m", "55m", "100m"),
    Case("DeskRepliesUnreadable", finding("login_wall", "0x2 1x2 2x1100"), "30m", "60m", "10400m", interval="10m"),
    Case("DeskRepliesInSpam", finding("spam_folder", "0x10 1x3000"), "9m", "14m", "2950m"),
    Case("MysterybotDown", alive(values="1x10 stale _x10 1x10"), "14m", "19m", "25m"),
    Case("MysterybotMailboxDown", mailbox("mailbox_up", "1x5 0x20 1x5"), "14m", "20m", "29m"),
    Case(
        "MysterybotMailServerUnreachable",
        of("reach_up", f'desk="", channel="", mailbox="anna", probe="smtp", {HERE}', "1x5 0x20 1x5"),
        *("9m", "14m", "29m"),
    ),
    Case("MysterybotFaulting", of("visit_consecutive_faults", VISIT, "0x5 1x5 2x10 0x5"), "9m", "14m", "25m"),
    Case("MysterybotSendUncertain", of("sends_uncertain_total", VISIT, "0x10 1x500"), "9m", "14m", "400m"),
    Case(
        "MysterybotTimetableStuck",
        of("visit_next_run_timestamp_seconds", VISIT, "600x30 7200x10"),
        *("19m", "23m", "33m"),
    ),
    Case(
        "MysterybotReachStale",
        of("reach_last_run_timestamp_seconds", TARGET, "600x20 1300x5"),
        *("14m", "18m", "23m"),
    ),
    Case("MysterybotControlMailLost", mailbox("control_mail_lost_total", "0x10 1x100"), "9m", "14m", "80m"),
    Case(
        "MysterybotConfigReloadFailed",
        of("config_last_reload_successful", HERE, "1x5 0x20 1x5"),
        *("9m", "14m", "29m"),
    ),
    Case(
        "MysterybotNoticesLost",
        of("notifications_total", f'place="phone", result="failed", {HERE}', "0x10 1x1600"),
        *("9m", "14m", "1500m"),
    ),
    Case("MysterybotPaused", of("paused", HERE, "0x5 1x1500 0x5"), "1400m", "1450m", "1509m"),
    Case("MysterybotUnmatchedMail", mailbox("mailbox_unmatched_total", "0x10 4x10 8x1600"), "19m", "30m", "1550m"),
)

BOT = Watched(location="zurich")


def others(case: Case) -> dict[str, str]:
    """What is there besides the series of a case."""
    return {} if case.alert == "MysterybotDown" else alive()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_fires_when_it_should_and_ends(case: Case, tmp_path: Path) -> None:
    moments = ((case.silent, 0), (case.fires, 1), (case.ended, 0))
    expected = [Expected(moment, case.alert, firing) for moment, firing in moments]
    firing(tmp_path, rule_file(BOT), others(case) | case.series, expected, interval=case.interval)


def test_every_alert_has_a_case() -> None:
    assert [case.alert for case in CASES] == [alert.name for alert in ALERTS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_looks_at_its_own_bot_only(case: Case, tmp_path: Path) -> None:
    elsewhere = rule_file(Watched(location="bern"))
    series = alive("bern") | others(case) | case.series
    firing(tmp_path, elsewhere, series, [Expected(case.fires, case.alert, 0)], interval=case.interval)


QUIET = [case for case in CASES if next(a for a in ALERTS if a.name == case.alert).quiet_in_maintenance]


@pytest.mark.parametrize("case", QUIET, ids=lambda case: case.alert)
def test_it_is_silent_while_that_desk_is_in_maintenance(case: Case, tmp_path: Path) -> None:
    for desk, fires in (("acme", 0), ("other", 1)):
        maintenance = of("desk_maintenance", f'desk="{desk}", {HERE}', "1x200")
        firing(tmp_path, rule_file(BOT), alive() | case.series | maintenance, [Expected(case.fires, case.alert, fires)])


HEALTHY = (
    alive(values="1")
    | of("reach_up", TARGET, "1")
    | of("reach_up", FORM, "1")
    | of("undelivered_total", VISIT, "7")
    | of("visit_consecutive_failures", VISIT, "1")
    | of("visit_consecutive_faults", VISIT, "1")
    | promises("40", "100")
    | finding("no_reply", "12")
    | finding("spam_folder", "3")
    | of("sends_uncertain_total", VISIT, "2")
    | mailbox("control_mail_lost_total", "5")
    | mailbox("mailbox_unmatched_total", "900")
    | of("config_last_reload_successful", HERE, "1")
    | of("paused", HERE, "0")
)


@pytest.mark.parametrize("gap", ["_x3", "stale _x3"], ids=["scrapes that fail", "a process that is gone"])
def test_a_kill_and_a_restart_fire_nothing(gap: str, tmp_path: Path) -> None:
    """The counters go on where they were, since the journal keeps them."""
    series = {name: f"{value}x30 {gap} {value}x100" for name, value in HEALTHY.items()}
    series |= mailbox("mailbox_up", f"1x30 {gap} 0x2 1x100")  # it is down until it is opened
    expected = [Expected(f"{minute}m", alert.name, 0) for alert in ALERTS for minute in (31, 33, 35, 37, 50, 100)]
    firing(tmp_path, rule_file(BOT), series, expected)


def test_a_form_on_a_page_that_is_down_is_not_called_broken(tmp_path: Path) -> None:
    for page, fires in (("0", 0), ("1", 1)):
        series = of("reach_up", FORM, "0x60") | of("reach_up", TARGET, f"{page}x60")
        firing(tmp_path, rule_file(BOT), alive() | series, [Expected("50m", "DeskFormBroken", fires)])


def test_of_several_bots_the_one_that_is_gone_is_missed_by_the_rules_for_all_and_once(tmp_path: Path) -> None:
    gone = "1x30 stale _x100 1x20"
    missed = {
        "exp_labels": {"alertname": "MysterybotDown", "severity": "critical", "location": "bern"},
        "exp_annotations": {
            "summary": "mysterybot is not running at bern",
            "description": "Prometheus gets no metrics from it. Customers' troubles go unseen until it is back.",
            "runbook_url": "docs/runbooks/MysterybotDown.md",
        },
    }
    whole = {"eval_time": "60m", "alertname": "MysterybotDown", "exp_alerts": [missed]}
    ended = [Expected("29m", "MysterybotDown", 0), Expected("135m", "MysterybotDown", 0)]
    for others in ({}, alive("zurich")):  # the last one that is gone is not missed twice
        firing(tmp_path, rule_file(Watched()), others | alive("bern", gone), ended, full=[whole])


def test_a_certificate_that_has_ended_is_told_as_such(tmp_path: Path) -> None:
    for ends, said in ((DAY, "ends in 23h 30m 0s"), (-DAY, "has ended")):
        alert = {
            "exp_labels": {
                "alertname": "CertificateEndingNow",
                "severity": "critical",
                "desk": "acme",
                "channel": "contact",
                "probe": "http",
                "location": "zurich",
            },
            "exp_annotations": {
                "summary": f"The certificate of acme contact {said}",
                "description": "Seen by the http probe. When it has ended, browsers and mail programs turn customers away.",
                "runbook_url": "docs/runbooks/CertificateEndingNow.md",
            },
        }
        whole = {"eval_time": "30m", "alertname": "CertificateEndingNow", "exp_alerts": [alert]}
        firing(tmp_path, rule_file(BOT), alive() | {CERTIFICATE: f"{ends}x60"}, [], full=[whole])


def test_a_bot_that_never_came_is_missed(tmp_path: Path) -> None:
    firing(tmp_path, rule_file(Watched()), of("paused", HERE, "0x30"), [Expected("20m", "MysterybotDown", 1)])


def test_an_alert_names_the_desk_as_people_do_and_has_a_runbook(tmp_path: Path) -> None:
    series = {f"{DUE}{{{PROMISE}}}": "600x40"} | of("desk_info", f'desk="acme", name="Acme Hosting", {HERE}', "1x40")
    watched = Watched(location="zurich", runbooks="https://wiki.example/runbooks/")
    labels = {"alertname": "DeskNotAnswering", "severity": "critical", "promise": "first_reply"}
    alert = {
        "exp_labels": {**labels, "visit": "refund", "desk": "acme", "channel": "support", "location": "zurich"},
        "exp_annotations": {
            "summary": "Acme Hosting: a customer of support has waited longer than promised",
            "description": "Visit refund: the first_reply was due 20m 0s ago and nobody has answered.",
            "runbook_url": "https://wiki.example/runbooks/DeskNotAnswering.md",
        },
    }
    whole = {"eval_time": "30m", "alertname": "DeskNotAnswering", "exp_alerts": [alert]}
    firing(tmp_path, rule_file(watched), series | alive(), [], full=[whole])


def test_the_shipped_rule_file_is_the_one_for_a_config_that_says_nothing(request: pytest.FixtureRequest) -> None:
    shipped = Path("exporters/alerts/mysterybot.yml")
    if request.config.getoption("--update-golden"):
        shipped.write_text(rule_file(Watched()))
    assert shipped.read_text() == rule_file(Watched()), "write it with pytest tests/exporters --update-golden"


@pytest.mark.parametrize("watched", [Watched(), BOT, Watched(reach_every=5, form_every=60, slowest_visit=7 * DAY)])
def test_promtool_finds_nothing_to_criticise(watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(rule_file(watched))
    checked = subprocess.run([promtool(), "check", "rules", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "$here" not in path.read_text()


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    runbooks = {path.stem for path in Path("docs/runbooks").glob("*.md")} - {"README"}
    assert runbooks == {alert.name for alert in ALERTS}


def test_alerts_ask_only_for_metrics_that_there_are() -> None:
    asked = {name for alert in ALERTS for name in re.findall(rf"{PREFIX}(\w+)", alert.expr)}
    assert asked <= set(METRICS)
