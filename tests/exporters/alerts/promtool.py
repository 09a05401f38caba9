"""Prometheus's own tool for alert rules, run on rules and series of a test."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


def promtool() -> str:
    """Its path; without it the test is skipped, and in CI it fails."""
    found = shutil.which("promtool")
    if found is not None:
        return found
    reason = "needs Debian's prometheus, which brings promtool"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True, slots=True)
class Expected:
    """How many alerts of a name fire, so long after the beginning of the series (Prometheus's spelling: 90m)."""

    at: str
    alert: str
    firing: int


def firing(
    folder: Path,
    rules: str,
    series: Mapping[str, str],
    expected: Sequence[Expected],
    *,
    interval: str = "1m",
    full: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Assert that just so many alerts fire. `series`: name → values, in promtool's notation. `full`: alert_rule_test.

    YAML is a superset of JSON, which spares us its quoting.
    """
    (folder / "rules.yml").write_text(rules)
    test = {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{each.alert}", alertstate="firing"}}) or vector(0)',
                "eval_time": each.at,
                "exp_samples": [{"labels": "{}", "value": each.firing}],
            }
            for each in expected
        ],
        "alert_rule_test": list(full),
    }
    document = {"rule_files": ["rules.yml"], "evaluation_interval": interval, "tests": [test]}
    (folder / "test.yml").write_text(json.dumps(document))
    ran = subprocess.run(
        [promtool(), "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
