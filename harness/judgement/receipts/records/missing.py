"""Missing evidence: a figure that needs a missing, truncated or edited file is INCONCLUSIVE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.model import Evidence, Missing

NONE_PLANNED: Final = "no experiment of the kinds in this sentence was planned"
"""Reason for an objective without an experiment."""
UNFILTERED: Final = "run without the filter (`--only`, `-m`, `-k`), so that the experiment runs too"
"""The hint if an experiment of the plan was not recorded."""
_EVERYTHING: Final = ("plan.json", "manifest.json", "history/run.")
"""The files that every figure depends on."""


def lacking(evidence: Evidence, depends: Iterable[str]) -> Missing | None:
    """The first missing file that an objective depends on; None if no file is missing.

    Args:
        evidence: evidence of the run.
        depends: path prefixes of the files that the objective depends on.
    """
    beginnings = (*_EVERYTHING, *depends)
    return next((item for item in evidence.missing if item.file.startswith(beginnings)), None)
