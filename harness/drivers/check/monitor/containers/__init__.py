"""Checks of what Prometheus has about containers: memory, usage, limits and restarts."""
