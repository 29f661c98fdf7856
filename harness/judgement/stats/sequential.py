"""Sequential testing: repeated analyses share one error budget (alpha spending)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from harness.judgement.special import ndtr, ndtri


def spent(share: float, error: float) -> float:
    """Part of the budget `error` that is spent at this share (0 to 1) of the evidence.

    The spending function that follows O'Brien and Fleming: little at first, nearly all at the end. Source: K. K. G. Lan and
    D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), alpha 1*.
    """
    if share <= 0:
        return 0.0
    return 2 * (1 - ndtr(ndtri(1 - error / 2) / math.sqrt(min(share, 1.0))))


def confidences(shares: Sequence[float], confidence: float) -> tuple[float, ...]:
    """The confidence of each analysis at these ascending shares; the first decisive one counts.

    The error of each analysis is what `spent` adds since the one before, and their sum bounds the total error (Boole's inequality).
    So no assumption is made on the dependence of the analyses, at the cost of slightly wider intervals than the joint distribution
    would give.
    """
    budget = 1 - confidence
    before = [0.0, *(spent(share, budget) for share in shares)]
    return tuple(1 - (after - first) for first, after in pairwise(before))
