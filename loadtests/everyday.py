"""Everyday traffic: 16 listeners arrive each second. Its size for a run stands in everyday.yaml.

By hand, with the sandbox up:   locust -f loadtests/everyday.py                 (host: the entry of $READINESS_TARGET, or -H)
A quarter of it, then half, …:  locust -f loadtests/everyday.py,loadtests/shapes/steps.py
From 10 to 50/s in a minute:    locust -f loadtests/everyday.py --rates 0:10,60:50
Two processes, all on record:   locust -f loadtests/everyday.py --headless --processes 2 --samples /tmp/s -t 60s
"""

from __future__ import annotations

from journeys.listener import Listener

from harness.locust import target_entry


class Everyday(Listener):
    """Listeners at the everyday rate."""

    host = target_entry()
    journeys_per_s = 16.0
