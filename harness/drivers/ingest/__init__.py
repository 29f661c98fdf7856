"""Other tools' reports as evidence: what each sentence about a report finds in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from harness.drivers.claim import FactClaim, by_check, claims_below

__all__ = ["CLAIMS", "ENGINES"]

CLAIMS: Final[tuple[FactClaim, ...]] = claims_below(sys.modules[__name__], FactClaim)
"""Every sentence about a report, from the functions that read them."""

ENGINES: Final[Mapping[str, FactClaim]] = by_check(CLAIMS)
"""One claim of each function, by the name that demands have."""
