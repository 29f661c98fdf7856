"""Checks of the platform's monitoring: targets, series, rules and dashboards, by Prometheus' HTTP API."""
