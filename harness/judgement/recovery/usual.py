"""What is *as before* a fault: the shares of requests that fail or are late anyway, and what chance explains beyond them.

A platform promises that fewer than so many requests fail, not that none does. The share that is as before is the greater of what it
promises and of what was measured without a fault, and chance scatters around it: where 1 in 100 fails, 4 failures among 125 are no sign
of a fault, and 25 are. So failures are counted and held against a binomial, at one of two levels:

* `AS_BEFORE`: the service is back, steady or restored where as many failures come by chance in 1 of 20 such counts: of five seconds, and
  of all requests since then, taken together, as a small share too many shows only there.
* `NOISE`: failures in a service that is back are a fault's again, and one that may be back is proven not to be, where as many come by
  chance in fewer than 1 of 10 000 counts.

Between the two nothing is proven. Failures in a row are no scatter. A run of r of them is noise while more than `IN_A_ROW` such runs are expected among the n requests,
n times share to the power of r.

A failure before the fault must not make a recovery pass. So what passes must pass by `Usual.granted` as well: there only what a plan
promises counts, and nothing that failed without a fault.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Self

import numpy as np

from harness.judgement.recovery.requests import Requests
from harness.judgement.special import bdtrc
from harness.judgement.stats.statistics import share_at_most
from harness.model import Figure, Op, Phase, Plan
from harness.model.records.table import Bools, Ints

MOST_MEASURED: Final = 0.01
"""No share that was measured without a fault counts as more than this: a platform that promises nothing is out where 1 in 20 fails."""
LATE: Final = 0.05
"""Share of requests that may be late, as a promise of p95 says."""
CONFIDENCE: Final = 0.95
NOISE: Final = 1e-4
AS_BEFORE: Final = 0.05
IN_A_ROW: Final = 1e-3


def promised_ms(plan: Plan) -> float | None:
    """The loosest response-time limit for the steady state in the claims, in ms; None without one.

    Limits during or after a fault are looser and do not define what is served.
    """
    limits = [
        objective.limit.at_scale(plan.time_scale).in_unit("ms")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.RESPONSE_TIME
        and objective.limit.dimension == "time"
        and objective.scope.phase is Phase.STEADY
    ]
    return max(limits, default=None)


def promised_failures(plan: Plan) -> float:
    """The tightest error rate that the claims promise for the steady state; 0.0 without one.

    The tightest, as a sentence on one route or under a rush must not make others' failures usual; what really fails is measured.
    """
    limits = [
        objective.limit.in_unit("ratio")
        for claim in plan.claims
        for objective in claim.objectives
        if objective.figure is Figure.ERROR_RATE
        and objective.limit.dimension == "ratio"
        and objective.op in (Op.BELOW, Op.AT_MOST)
        and objective.scope.phase is Phase.STEADY
    ]
    return min(limits, default=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usual:
    """What counts as served, and how many requests are not in the time without a fault.

    Attributes:
        promised_ms: an answer that takes longer is late; None: latency does not count.
        failed: share of requests that fail as before.
        promised: share of them that may fail by the promise, or by as many requests without a fault none of which failed; None: nothing is
            promised, so that `failed` counts.
    """

    promised_ms: float | None = None
    failed: float
    promised: float | None = None

    @property
    def granted(self) -> Self:
        """What a PASS may take as usual: no failure without a fault adds to it."""
        return self if self.promised is None else replace(self, failed=self.promised)

    def explains(self, failed: Ints, bad: Ints, of: Ints, chance: float) -> Bools:
        """Where chance explains these counts: as many failures, and as many failed or late requests, come with a probability over `chance`.

        Args:
            failed: number of failed requests; one of each stretch.
            bad: of failed or late ones.
            of: of all.
            chance: one of the levels above.
        """
        late = max(LATE, self.failed)
        return _explained(failed, of, self.failed, chance) & _explained(bad, of, late, chance)

    def most_of(self, of: Ints, *, late: bool) -> Ints:
        """The most requests that can be noise among so many: those that failed, or those that failed or were late."""
        return _most_each(of, max(LATE, self.failed) if late else self.failed, NOISE)

    def explains_run(self, in_a_row: Ints, of: int) -> Bools:
        """Where chance explains so many failures in a row among all of these requests."""
        return np.asarray(of * np.power(self.failed, in_a_row.astype(np.float64)) > IN_A_ROW, dtype=np.bool_)


UNKNOWN: Final = Usual(failed=MOST_MEASURED)
"""Of what nothing is promised and nothing was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What the claims of a plan promise of a request.

    Attributes:
        ms: as `promised_ms`. failed: as `promised_failures`.
    """

    ms: float | None = None
    failed: float = 0.0

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The promise of a plan."""
        return cls(ms=promised_ms(plan), failed=promised_failures(plan))

    def usual(self, quiet: Iterable[Requests] = ()) -> Usual:
        """What is as before, by the requests of the time without a fault: of one operation, route or region.

        Failures in a row count once, so that one short outage without a fault does not make failures usual. Of no requests nothing is
        known, and the share is `MOST_MEASURED` or what is promised.
        """
        n = runs = 0
        for requests in quiet:
            n += len(requests)
            runs += int((~requests.ok & np.concatenate([[True], requests.ok[:-1]])).sum())
        measured, of_none = (min(share_at_most(k, n, CONFIDENCE), MOST_MEASURED) for k in (runs, 0))
        return Usual(
            promised_ms=self.ms,
            failed=max(self.failed, measured),
            promised=max(self.failed, of_none) if self.failed else None,
        )


def _explained(bad: Ints, of: Ints, share: float, chance: float) -> Bools:
    """Where so many bad ones, or more, come with a probability over `chance`: the binomial tail.

    It is one half or more up to the median, and at most `exp(-n d)` beyond it, `d` being the divergence of the two shares in nats, so that few
    counts need to be computed. Sources: R. Kaas and J. M. Buhrman, "Mean, median and mode in binomial distributions", Statistica
    Neerlandica 34 (1980); W. Hoeffding, "Probability inequalities for sums of bounded random variables", Journal of the American
    Statistical Association 58 (1963), theorem 1.
    """
    explained = np.asarray(bad <= np.floor(of * share), dtype=np.bool_)
    if explained.all():
        return explained
    beyond = np.flatnonzero(~explained)
    k, n = bad[beyond].astype(np.float64), of[beyond].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # of a share of 0, and where all are bad
        bound = k * np.log(k / (n * share)) + np.where(k < n, (n - k) * np.log((n - k) / (n * (1 - share))), 0.0)
    for at in beyond[bound < -math.log(chance)].tolist():
        explained[at] = _tail(int(bad[at]), int(of[at]), share) > chance
    return explained


@lru_cache(maxsize=1 << 16)
def _tail(k: int, n: int, share: float) -> float:
    return bdtrc(k - 1, n, share)


def _most_each(of: Ints, share: float, chance: float) -> Ints:
    """`_most` of each number of requests."""
    sizes, at = np.unique(of, return_inverse=True)
    return np.asarray([_most(n, share, chance) for n in sizes.tolist()], dtype=np.int64)[at]


@lru_cache(maxsize=1 << 16)
def _most(n: int, share: float, chance: float) -> int:
    """The most k for which k or more of n come with a probability over `chance`: the binomial tail."""
    return bisect_left(range(1, n + 1), x=True, key=lambda k: bdtrc(k - 1, n, share) <= chance)
