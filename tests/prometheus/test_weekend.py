"""Over a long weekend nobody is woken for nothing, and nobody sleeps through what matters."""

import json
import re
import subprocess
from datetime import datetime
from pathlib import Path

from exporters.alerts import Watched, rule_file
from tests.exporters.alerts.promtool import promtool
from tests.prometheus.weekend import BEGIN, END, STEP, Weekend, at

SHOULD = (
    ("DeskNotAnswering", at(24, "11:00"), at(24, "12:10")),
    ("DeskUnreachable", at(25, "11:00"), at(25, "11:30")),
    ("DeskNotAnswering", at(27, "09:45"), at(27, "11:00")),
)
"""What fires: each begins within the time that its rule holds back, and ends with the first scrape after its cause."""

A_HABIT = "DeskMissingPromisesOften"
"""Is no page, and rightly says afterwards that more than a tenth of these promises were missed."""

HELD_BACK = 2 * STEP
"""A rule waits, and is looked at every five minutes here."""


def expected(moment: datetime) -> list[str] | None:
    """The alerts that fire at that moment; None while one of them is about to."""
    if any(begins <= moment < begins + HELD_BACK for _, begins, _ in SHOULD):
        return None
    return sorted({name for name, begins, ends in SHOULD if begins <= moment < ends})


async def test_no_false_page_and_no_missed_one_over_a_clock_change_a_holiday_a_maintenance_and_a_restart(
    tmp_path: Path,
) -> None:
    promtool()
    asked = set(re.findall(r"mysterybot_\w+", rule_file(Watched())))
    weekend = Weekend(tmp_path, asked)
    await weekend.live()
    series = dict(weekend.series())
    assert asked - {name.partition("{")[0] for name in series} == MISSING
    moments = [BEGIN + number * STEP for number in range(weekend.step(END))]
    checks = [
        {
            "expr": f'count by (alertname) (ALERTS{{alertstate="firing", alertname!="{A_HABIT}"}})',
            "eval_time": f"{int((moment - BEGIN).total_seconds())}s",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
        }
        for moment in moments
        if (names := expected(moment)) is not None
    ]
    assert len(checks) > 0.99 * len(moments) - 10
    (tmp_path / "rules.yml").write_text(rule_file(Watched(location="test")))
    document = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "5m",
        "tests": [
            {
                "interval": "5m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": checks,
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(document))
    ran = subprocess.run(
        [promtool(), "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[:4000]


MISSING = {
    "mysterybot_control_mail_lost_total",  # no control mails in this config
    "mysterybot_notifications_total",  # no place that notices go to
    "mysterybot_reach_certificate_expiry_timestamp_seconds",  # and no TLS
}
