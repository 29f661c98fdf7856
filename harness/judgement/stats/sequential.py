"""Sequential testing: repeated analyses share one error budget (alpha spending)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from harness.judgement.special import ndtr, ndtri


def spent(share: float, error: float) -> float:
    """Part of the budget `error` that is spent at this share (0 to 1) of the evidence.

    The spending function follows O'Brien and Fleming: it spends little at first and nearly all at the end. Source: K. K. G. Lan and
    D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), alpha 1*.
    """
    if share <= 0:
        return 0.0
    return 2 * (1 - ndtr(ndtri(1 - error / 2) / math.sqrt(min(share, 1.0))))


def confidences(shares: Sequence[float], confidence: float) -> tuple[float, ...]:
    """The confidence of each analysis at these ascending shares of the evidence; the first decisive analysis counts.

    The error of an analysis is the increase of `spent` since the previous analysis. The sum of the errors bounds the total error (Boole's inequality),
    without an assumption on the dependence of the analyses. The intervals are slightly wider than by the joint distribution.
    """
    budget = 1 - confidence
    before = [0.0, *(spent(share, budget) for share in shares)]
    return tuple(1 - (after - first) for first, after in pairwise(before))
