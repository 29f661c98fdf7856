"""Ports of addresses."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

_DEFAULT: Final = {"http": 80, "https": 443}


def port_of(parts: SplitResult) -> int:
    """The port of a URL, or the default port of its scheme; 0 if neither is known."""
    return parts.port or _DEFAULT.get(parts.scheme, 0)
