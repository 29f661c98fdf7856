"""Readiness Harness: decides, from evidence, whether a release of an integrated platform may ship."""

from __future__ import annotations

__version__ = "0.1.0"
