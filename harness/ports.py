"""Ports of addresses."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

_DEFAULT: Final = {"http": 80, "https": 443}


def port_of(parts: SplitResult) -> int:
    """The port of a URL, or its scheme's; 0 where neither is known."""
    return parts.port or _DEFAULT.get(parts.scheme, 0)
