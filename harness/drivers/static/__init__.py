"""Facts of the platform's own files: manifests, charts, Dockerfiles, rules, workflows, Terraform, registers, documents.

`read_static(asked)`-like engines: each reads what the target file names under `files`, and gives one fact a thing that was
examined. Files are foreign input: bounded, never followed through a link out of their tree, and what they do not decide is unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from harness.drivers.claim import FactClaim, by_check, claims_below

__all__ = ["CLAIMS", "ENGINES"]

CLAIMS: Final[tuple[FactClaim, ...]] = claims_below(sys.modules[__name__], FactClaim)
"""Every sentence about the platform's files, from the functions that read them."""

ENGINES: Final[Mapping[str, FactClaim]] = by_check(CLAIMS)
"""One claim of each function, by the name that demands have."""
