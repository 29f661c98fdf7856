"""What depends on a file that is gone, cut short or edited: such a figure is INCONCLUSIVE, whatever it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.model import Evidence, Missing

_EVERYTHING: Final = ("plan.json", "manifest.json", "history/run.")
"""Without these nothing is known of a run."""


def lacking(evidence: Evidence, depends: Iterable[str]) -> Missing | None:
    """The first missing file that an objective depends on; None when it has all of them.

    Args:
        evidence: of the run.
        depends: beginnings of the paths of its files.
    """
    beginnings = (*_EVERYTHING, *depends)
    return next((item for item in evidence.missing if item.file.startswith(beginnings)), None)
