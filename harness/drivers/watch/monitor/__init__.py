"""Watchers of the target's monitoring: alerts and rules of Prometheus, and notices of Alertmanager."""
