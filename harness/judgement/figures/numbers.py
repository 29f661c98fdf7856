"""How many samples a limit takes, as `readiness plan` prints it."""

from __future__ import annotations

from scipy.special import bdtr

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
        chances=" / ".join(f"{100 * chance:.0f}" for chance in chances_of_pass(share, planned, tolerated)) + " %",
    )


def chances_of_pass(share: float, planned: int, tolerated: int) -> tuple[float, float, float]:
    """Chance of a PASS where the true share is a tenth, a fifth and half of the limit and failures are independent.

    That is the chance of at most `tolerated` failures among the planned samples. Failures that are clustered pass more rarely.
    """
    if tolerated < 0:
        return 0.0, 0.0, 0.0
    tenth, fifth, half = (float(bdtr(tolerated, planned, share * part)) for part in (0.1, 0.2, 0.5))
    return tenth, fifth, half
