"""The rule file for one config, as Prometheus loads it."""

import io
import json
import math
from collections.abc import Mapping
from string import Template
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import FoldedScalarString

from exporters.alerts.rules import GROUPS, Alert
from exporters.alerts.watched import Watched

HEADER = """\
# Alert rules of mysterybot. Written by `mysterybot export alerts`: change the config and write it again, not this file.
# Every alert has a runbook. Severities: critical (wake somebody), warning (look today), info (look some day).
"""

_MAINTENANCE = "({expr}) unless on (desk, location) (mysterybot_desk_maintenance{{$here}} == 1)"

MINUTE, DAY = 60, 86_400


class _Filled(Template):
    """`$name`, without touching the `$labels` and `$value` of Prometheus's own templates."""

    idpattern = "(?:here|a_moment|two_probes|some_probes|five_probes|two_forms|two_visits)"


def rule_file(watched: Watched) -> str:
    """The rules as YAML (a file for `rule_files:`)."""
    groups = [{"name": name, "rules": [_rule(alert, watched) for alert in alerts]} for name, alerts in GROUPS.items()]
    yaml = YAML()
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = io.StringIO()
    yaml.dump({"groups": groups}, written)
    return HEADER + written.getvalue()


def _rule(alert: Alert, watched: Watched) -> dict[str, Any]:
    values = _values(watched)
    expr = _MAINTENANCE.format(expr=alert.expr) if alert.quiet_in_maintenance else alert.expr
    rule: dict[str, Any] = {"alert": alert.name, "expr": FoldedScalarString(_fill(expr, values))}
    if (hold := _fill(alert.hold, values)) != "0s":
        rule["for"] = hold
    rule["labels"] = {"severity": alert.severity}
    rule["annotations"] = {
        "summary": _fill(alert.summary, values),
        "description": _fill(alert.description, values),
        "runbook_url": f"{watched.runbooks.rstrip('/')}/{alert.name}.md",
    }
    return rule


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _Filled(text).safe_substitute(values).replace("{, ", "{").replace(", }", "}").replace("{}", "")


def _values(watched: Watched) -> dict[str, str]:
    return {
        "here": "" if watched.location is None else f"location={json.dumps(watched.location)}",
        # A reply that came in time may be seen a little later: a mailbox without push, a scrape that is due.
        "a_moment": _duration(min(60.0, watched.shortest_promise / 10)),
        "two_probes": _duration(2.5 * watched.reach_every),
        "some_probes": _duration(5 * watched.reach_every),
        "two_forms": _duration(1.5 * watched.form_every),
        "five_probes": str(math.ceil(5 * watched.reach_every)),
        "two_visits": _duration(min(max(2 * watched.slowest_visit, DAY), 14 * DAY)),
    }


def _duration(seconds: float) -> str:
    """In Prometheus's spelling, rounded up: whole days, else whole minutes, else seconds."""
    if seconds >= DAY:
        return f"{math.ceil(seconds / DAY)}d"
    return f"{math.ceil(seconds / MINUTE)}m" if seconds >= MINUTE else f"{math.ceil(seconds)}s"
