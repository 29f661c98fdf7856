"""Every sentence about the platform's files, and what reads the facts of each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from harness.drivers.claim import FactClaim, by_check, claims_below
from harness.model import DemandKind

CLAIMS: Final[tuple[FactClaim, ...]] = tuple(
    one for one in claims_below(sys.modules[__package__], FactClaim) if one.kind is DemandKind.STATIC
)
"""Every sentence about the platform's files, from the functions that read them."""

ENGINES: Final[Mapping[str, FactClaim]] = by_check(CLAIMS)
"""One claim of each function, by the name that demands have."""
