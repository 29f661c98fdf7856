"""Other tools' reports: read, matched to release or commit, and held against what a sentence says of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.drivers.paper import Engine

ENGINES: Final[Mapping[str, Engine]] = MappingProxyType({})
"""Every engine by name."""
