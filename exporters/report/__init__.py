"""The mystery customer's report: a folder of files that needs nothing else to be read."""

from exporters.report.report import ReportError, write_report

__all__ = ["ReportError", "write_report"]
