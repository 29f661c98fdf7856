"""How long a burst takes, and at which rate it is sent, so that what it finds is sure; or why no burst would be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from harness.targets.files.sessions import Limits

MOST_PER_S: Final = 300.0
"""Greatest number of calls per second that the harness sends in a burst."""
LEAST_S: Final = 5.0
"""Shortest burst, in s."""
_ROOM: Final = 24
"""By how often the calls that a right limit may or may not serve, the calls over the rate are more: they are 4 % of them, where 5 % may be served."""
OVER: Final = 3.0
"""By how often the rate of a burst is greater than the declared one, at least."""
OTHERS_SHARE: Final = 0.75
"""Share of the declared rate at which the others call."""
MOST_OTHERS_PER_S: Final = 25.0
CONFIDENT: Final = 0.05
PROVEN: Final = 0.0025
"""Probabilities of an error: of a PASS, and of a FAIL (ARCHITECTURE.md, rule 5)."""
BURST_LEVELS: Final = (0.75, 0.25)
"""Shares of these probabilities for a first burst, and for both bursts where a second one follows: in sum no more than all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """A burst: its length in s, and the calls per second of the client that sends it, and of each other one."""

    seconds: float
    per_s: float
    others_per_s: float = 0.0


def burst_over(limits: Limits) -> Burst | str:
    """A burst that tells how many calls over the declared rate are refused; or why there is none.

    Calls that a right limit serves above the declared rate are those of its first window, or of a full bucket, and `burst`.
    """
    rate, spare = limits.per_s, limits.calls + limits.burst
    if OVER * rate > MOST_PER_S:
        return _too_high(limits)
    if limits.within_s > LEAST_S:
        spare += limits.calls  # the burst may lie in two windows
    shortest_s = max(LEAST_S, _ROOM * spare / (MOST_PER_S - rate))
    seconds = _whole_windows(shortest_s, limits.within_s)
    if seconds > limits.longest_s:
        return (
            f"{limits.calls} calls in {limits.within_s:g} s need a burst of {seconds:.0f} s at {MOST_PER_S:g} calls/s, and"
            f" `limits.longest` is {limits.longest_s:g} s: a lower limit in this environment, or a longer `longest`, decides"
        )
    return Burst(seconds=seconds, per_s=max(OVER * rate, rate + _ROOM * spare / seconds))


def burst_beside(limits: Limits, share: float) -> Burst | str:
    """A burst beside which each other client makes enough calls, at less than the declared rate; or why there is none.

    Args:
        limits: section of the target file.
        share: error rate that must not be reached, 0 to 1; there are a tenth more calls than prove it without a failure.
    """
    rate = limits.per_s
    if OVER * rate > MOST_PER_S:
        return _too_high(limits)
    others_per_s, calls = min(OTHERS_SHARE * rate, MOST_OTHERS_PER_S), 1.1 * math.log(CONFIDENT) / math.log1p(-share)
    seconds = max(LEAST_S, calls / others_per_s)
    if seconds > limits.longest_s:
        return (
            f"{calls:.0f} calls of each other client take {seconds:.0f} s at {100 * OTHERS_SHARE:g} % of the declared rate, and"
            f" `limits.longest` is {limits.longest_s:g} s: a higher limit in this environment, or a longer `longest`, decides"
        )
    return Burst(seconds=seconds, per_s=max(OVER * rate, min(5 * rate, MOST_PER_S / 2)), others_per_s=others_per_s)


def _too_high(limits: Limits) -> str:
    return (
        f"the declared rate is {limits.per_s:g} calls/s, and the harness sends at most {MOST_PER_S:g}/s, which is less than"
        f" {OVER:g} times as much: a lower limit in this environment decides"
    )


def _whole_windows(seconds: float, window_s: float) -> float:
    """The time, lengthened to whole windows where it is longer than one."""
    return seconds if seconds <= window_s else math.ceil(seconds / window_s) * window_s


def allowed(limits: Limits, seconds: float) -> tuple[float, float]:
    """The least and the greatest number of calls that a right limit serves in this time."""
    windows = math.ceil(round(seconds / limits.within_s, 6)) + 1
    return limits.per_s * seconds, float(windows * limits.calls + limits.burst)


def at_most(failed: int, calls: int, share: float) -> float:
    """Probability of at most so many failures, if each call fails with this probability (binomial distribution)."""
    return math.fsum(
        math.exp(
            math.lgamma(calls + 1)
            - math.lgamma(n + 1)
            - math.lgamma(calls - n + 1)
            + n * math.log(share)
            + (calls - n) * math.log1p(-share)
        )
        for n in range(min(failed, calls) + 1)
    )
