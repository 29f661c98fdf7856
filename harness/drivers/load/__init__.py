"""Load: how much of which traffic, and the Locust processes that offer it."""

from __future__ import annotations

from harness.drivers.load.load import Load, LoadSettings
from harness.drivers.load.traffic import load_traffic

__all__ = ["Load", "LoadSettings", "load_traffic"]
