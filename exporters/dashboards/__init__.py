"""Dashboards for Grafana.

The JSON files are what Grafana imports; they are shipped. They are written by `python -m exporters.dashboards` from the
modules beside them, which need grafana-foundation-sdk, a dependency of development only.
"""
