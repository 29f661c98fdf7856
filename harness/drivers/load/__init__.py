"""Load: the size of a traffic, and the Locust processes that send its requests."""

from __future__ import annotations

from harness.drivers.load.load import Load, LoadSettings
from harness.drivers.load.traffic import load_traffic

__all__ = ["Load", "LoadSettings", "load_traffic"]
