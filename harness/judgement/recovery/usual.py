"""The usual shares of failed and late requests without a fault, and the deviations that chance explains.

The usual share of failures is the promised share or the share measured without a fault, whichever is greater. Counts scatter around it by chance: with
a usual share of 1 in 100, 4 failures among 125 requests are no sign of a fault, and 25 are. Counts are compared with a binomial at two levels:

* `AS_BEFORE`: the service has recovered, is steady or is restored if so many failures come by chance in at least 1 of 20 counts. The test is made for
  five seconds, and for all later requests together, since only many requests show a small excess.
* `NOISE`: failures are due to a fault if so many come by chance in fewer than 1 of 10 000 counts.

Between the two levels nothing is proven. Consecutive failures are tested separately: a run of r failures is noise if more than `IN_A_ROW` such runs are
expected among n requests, n times the share to the power of r.

Failures before the fault must not make a recovery pass. So a recovery passes only if it also passes with `Usual.granted`, which uses only the
promised shares.
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
    """The loosest response-time limit for the steady state in the claims, in ms; None without such a limit.

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
    """The tightest error rate that the claims promise for the steady state; 0.0 without a promise.

    The tightest rate counts, so that a loose limit for one route does not make failures of other routes usual.
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
    """The usual shares of failed and late requests.

    Attributes:
        promised_ms: promised response time; a slower answer is late; None: latency does not count.
        failed: usual share of failed requests.
        promised: share of requests that may fail by the promise; None: nothing is promised, and `failed` counts.
    """

    promised_ms: float | None = None
    failed: float
    promised: float | None = None

    @property
    def granted(self) -> Self:
        """The usual shares that a PASS may assume: failures without a fault do not increase them."""
        return self if self.promised is None else replace(self, failed=self.promised)

    def explains(self, failed: Ints, bad: Ints, of: Ints, chance: float) -> Bools:
        """A mask of the stretches whose counts chance explains: so many bad requests come with a probability over `chance`.

        Args:
            failed: number of failed requests of each stretch.
            bad: number of failed or late requests of each stretch.
            of: number of all requests of each stretch.
            chance: one of the levels above.
        """
        late = max(LATE, self.failed)
        return _explained(failed, of, self.failed, chance) & _explained(bad, of, late, chance)

    def most_of(self, of: Ints, *, late: bool) -> Ints:
        """Maximum number of failed requests that can be noise among `of`; with `late` of failed or late requests."""
        return _most_each(of, max(LATE, self.failed) if late else self.failed, NOISE)

    def explains_run(self, in_a_row: Ints, of: int) -> Bools:
        """A mask of the numbers of consecutive failures that chance explains among `of` requests."""
        return np.asarray(of * np.power(self.failed, in_a_row.astype(np.float64)) > IN_A_ROW, dtype=np.bool_)


UNKNOWN: Final = Usual(failed=MOST_MEASURED)
"""Of what nothing is promised and nothing was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """The response time and error rate that the claims of a plan promise.

    Attributes:
        ms: response time in ms; see `promised_ms`.
        failed: share of failed requests; see `promised_failures`.
    """

    ms: float | None = None
    failed: float = 0.0

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The promise of a plan."""
        return cls(ms=promised_ms(plan), failed=promised_failures(plan))

    def usual(self, quiet: Iterable[Requests] = ()) -> Usual:
        """The usual shares of one operation, route or region, by its requests without a fault.

        Consecutive failures count once, so that a short outage without a fault does not make failures usual. Without requests the share is
        `MOST_MEASURED` or the promised share.
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
