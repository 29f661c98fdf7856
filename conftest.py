"""Composition only: the harness's own plugin, also where the package is not installed but lies here."""

from __future__ import annotations

pytest_plugins = ["harness.pytest_plugin"]
