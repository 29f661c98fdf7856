"""Watchers of the target's monitoring: Prometheus' alerts and rules, and Alertmanager's notices."""
