"""Bounds and tests: exact, clustered, over time. Numbers in, numbers out; nothing here knows a run."""
