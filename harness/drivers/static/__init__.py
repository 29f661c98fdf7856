"""The platform's own files: manifests, charts, workflows, infrastructure, documents."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from harness.drivers.paper import Engine

ENGINES: Final[Mapping[str, Engine]] = MappingProxyType({})
"""Every engine by name."""
NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
"""The keys of `files:` that each engine reads."""
