"""Alert rules for Prometheus: what somebody should be told, when, and with which runbook."""

from exporters.alerts.rules import ALERTS, Alert
from exporters.alerts.watched import Watched
from exporters.alerts.write import rule_file

__all__ = ["ALERTS", "Alert", "Watched", "rule_file"]
