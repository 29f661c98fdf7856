"""Everyday traffic: 25 listeners arrive each second. Its size for a run stands in everyday.yaml.

By hand, with the sandbox up:   locust -f loadtests/everyday.py                 (host: the entry of $READINESS_TARGET, or -H)
Half of it, then twice, …:      locust -f loadtests/everyday.py,loadtests/shapes/steps.py
"""

from __future__ import annotations

from journeys.listener import Listener

from harness.locust import target_entry


class Everyday(Listener):
    """Listeners at the everyday rate."""

    host = target_entry()
    journeys_per_s = 25.0
