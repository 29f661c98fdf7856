"""How many samples a limit takes, as `readiness plan` prints it."""

from __future__ import annotations

from harness.judgement.figures.spec import Numbers
from harness.judgement.stats.statistics import needed
from harness.model import Objective


def failures_tolerated(share: float, planned: int, objective: Objective, *, by_route: bool = False) -> Numbers:
    """Samples that prove that a share is below a limit, those planned, and the failures that they tolerate."""
    tolerated = -1
    while (least := needed(tolerated + 1, share, objective.confidence)) is not None and least <= planned:
        tolerated += 1
    return Numbers(
        needed=f"{needed(0, share, objective.confidence)} at 0 failures",
        planned=f"{planned}{' on the smallest route' if by_route else ''}",
        tolerated=f"{tolerated} failures" if tolerated >= 0 else "none: too few",
    )
