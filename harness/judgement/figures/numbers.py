"""Number of samples that a limit needs, as `readiness plan` prints it."""

from __future__ import annotations

from bisect import bisect_left

from harness.judgement.figures.spec import Numbers
from harness.judgement.special import bdtr
from harness.judgement.stats.statistics import FAIL_CONFIDENCE, needed, share_at_least
from harness.judgement.stats.swings import THIRDS, WAVES, most_in_third
from harness.model import Objective
from harness.words import counted


def failures_tolerated(share: float, planned: int, objective: Objective, *, by_route: bool = False) -> Numbers:
    """Number of samples that prove a share below a limit, number of planned samples, and number of failures that these tolerate.

    More than WAVES failures are tolerated only if they are spread over all thirds of the window.
    """
    counts = range(max(THIRDS * most_in_third(planned, share), WAVES) + 1)
    chance = 1 - objective.confidence
    tolerated = bisect_left(counts, x=True, key=lambda k: bdtr(k, planned, share) > chance) - 1
    least, refuting = needed(0, share, objective.confidence), failures_refuting(share, planned)
    late = objective.quantile is not None  # for a quantile, requests over the limit count instead of failures
    return Numbers(
        needed=f"{least} with none over the limit" if late else f"{least} at 0 failures",
        planned=f"{planned}{' on the least used route' if by_route else ''}",
        tolerated=_counted(tolerated, late=late) if tolerated >= 0 else "none: too few",
        refuting=_counted(refuting, late=late) if refuting else "none: too few",
        chances=" / ".join(f"{100 * chance:.0f}" for chance in chances_of_pass(share, planned, tolerated)) + " %",
        short=(planned, least) if tolerated < 0 and least is not None else None,
    )


def _counted(samples: int, *, late: bool) -> str:
    if late:
        return f"{samples} over the limit"
    return counted(samples, "failure")


def failures_refuting(share: float, planned: int) -> int | None:
    """The fewest failures among the planned samples that prove that a share is beyond its limit.

    None if no number proves it.
    It uses the lower bound that a FAIL needs, for independent failures.
    """
    counts = range(planned + 1)
    fewest = bisect_left(counts, x=True, key=lambda k: share_at_least(k, planned, FAIL_CONFIDENCE) > share)
    return fewest if fewest <= planned else None


def chances_of_pass(share: float, planned: int, tolerated: int) -> tuple[float, float, float]:
    """Chance of a PASS if the true share is a tenth, a fifth and half of the limit and failures are independent.

    It is the lower of two chances. The first is the chance of at most `tolerated` failures among the planned samples. The second is the chance of either
    no third with more failures than it may have, or at most WAVES failures, whichever is more probable. Clustered failures pass more rarely.
    """
    if tolerated < 0:
        return 0.0, 0.0, 0.0
    most = most_in_third(planned, share)

    def chance(true: float) -> float:
        in_thirds = bdtr(most, planned // THIRDS, true) ** THIRDS
        return min(bdtr(tolerated, planned, true), max(in_thirds, bdtr(WAVES, planned, true)))

    return chance(share / 10), chance(share / 5), chance(share / 2)
