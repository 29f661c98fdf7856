"""Several looks at the same data spend one budget of error: who looks often enough sees anything once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from scipy.special import ndtr, ndtri


def spent(share: float, error: float) -> float:
    """How much of the budget `error` is spent once this share (0 to 1) of the evidence is there.

    The spending function that follows O'Brien and Fleming: little at first, nearly all at the end. Source: K. K. G. Lan and
    D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), alpha 1*.
    """
    if share <= 0:
        return 0.0
    return float(2 * (1 - ndtr(float(ndtri(1 - error / 2)) / math.sqrt(min(share, 1.0)))))


def confidences(shares: Sequence[float], confidence: float) -> tuple[float, ...]:
    """The confidence of each look, when the looks are taken at these ascending shares of the evidence and the first that tells decides.

    Each look may err with what `spent` adds since the look before, and whatever depends on whatever, all of them together err at
    most as often as their sum (Boole): so nothing is assumed of how the looks hang together, at the price of a slightly wider
    interval than the joint distribution would give.
    """
    budget = 1 - confidence
    before = [0.0, *(spent(share, budget) for share in shares)]
    return tuple(1 - (after - first) for first, after in pairwise(before))
