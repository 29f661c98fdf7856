"""Tails and quantiles of the binomial, beta, gamma, chi-square, Poisson, normal and Student's t distributions.

Names, arguments and results are as in `scipy.special`, and the tests compare them. SciPy takes 143 MB, as much as all other packages that the verdict
on an HTTP service needs, and the judge uses only these eleven functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_HALF_LOG_TAU: Final = math.log(math.tau) / 2
_EXACT_FROM: Final = 16.0
"""From here on the first five terms of Stirling's series are exact to a double."""
_LAST_DIGIT: Final = 4e-16
_ALMOST: Final = 1e-6
"""Newton's steps below this shrink quadratically until rounding stops them."""
_STEPS: Final = 200
_MOST_EXPONENT: Final = 700.0
"""Beyond this the exponential function leaves the doubles."""


def ndtr(x: float) -> float:
    """Probability that a standard normal variable is at most x."""
    return math.erfc(-x / math.sqrt(2)) / 2


def ndtri(p: float) -> float:
    """The value x with `ndtr(x)` = p."""
    if not 0 < p < 1:
        return math.copysign(math.inf, p - 0.5)
    return _NORMAL.inv_cdf(p)


def bdtr(k: float, n: float, p: float) -> float:
    """Probability of at most k successes in n trials, each with probability p."""
    return 0.0 if k < 0 else 1.0 if k >= n else _beta_tails(float(k) + 1, float(n) - k, float(p))[1]


def bdtrc(k: float, n: float, p: float) -> float:
    """Probability of more than k successes in n trials, each with probability p."""
    return 1.0 if k < 0 else 0.0 if k >= n else _beta_tails(float(k) + 1, float(n) - k, float(p))[0]


def betainc(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function: probability that a beta variable is at most x."""
    return _beta_tails(float(a), float(b), float(x))[0]


@lru_cache(maxsize=1 << 14)
def betaincinv(a: float, b: float, p: float) -> float:
    """The value x with `betainc(a, b, x)` = p."""
    return p if p in {0, 1} else _share_of(_beta_logit(float(a), float(b), float(p)))


@lru_cache(maxsize=1 << 14)
def gammaincinv(a: float, p: float) -> float:
    """The value x that a gamma variable of shape a does not exceed with probability p."""

    def at(u: float) -> tuple[float, float]:
        x = math.exp(_within(u))
        return _gamma_tails(float(a), x)[0], _gamma_kernel(float(a), x)

    if p in {0, 1}:
        return math.inf if p else 0.0
    return math.exp(_within(_quantile(at, float(p), math.log(a))))


def chdtrc(v: float, x: float) -> float:
    """Probability that a chi-square variable with v degrees of freedom is more than x."""
    return _gamma_tails(float(v) / 2, float(x) / 2)[1]


def chdtri(v: float, p: float) -> float:
    """The value x with `chdtrc(v, x)` = p."""
    return 2 * gammaincinv(v / 2, 1 - p)


def pdtrc(k: float, m: float) -> float:
    """Probability that a Poisson variable of mean m is more than k."""
    return _gamma_tails(float(k) + 1, float(m))[0]


@lru_cache(maxsize=1 << 14)
def stdtrit(df: float, p: float) -> float:
    """The value t that a variable of Student's distribution with df degrees of freedom does not exceed with probability p."""
    if math.isinf(df) or not 0 < p < 1 or p == 0.5:
        return ndtri(p)
    logit = _beta_logit(df / 2, 0.5, 2 * min(p, 1 - p))  # of df / (df + t²), a beta variable
    return math.copysign(math.sqrt(df) * math.exp(_within(-logit / 2)), p - 0.5)


@lru_cache(maxsize=1 << 16)
def _beta_tails(a: float, b: float, x: float) -> tuple[float, float]:
    """Probabilities that a beta variable is at most x, and more than x."""
    if math.isnan(a + b + x):
        return math.nan, math.nan
    return (
        (0.0, 1.0) if x <= 0 else (1.0, 0.0) if x >= 1 else _tails_between(a, b, x, 1 - x, _beta_kernel(a, b, x, 1 - x))
    )


def _tails_between(a: float, b: float, x: float, y: float, part: float) -> tuple[float, float]:
    """`_beta_tails` for x + y = 1, exact also where one of them is next to 0; `part`: their kernel."""
    if a * y > b * x:  # below the mean, where the fraction converges in about √a steps
        low = min(part / _beta_fraction(a, b, x, y), 1.0)
        return low, 1 - low
    high = min(part / _beta_fraction(b, a, y, x), 1.0)
    return 1 - high, high


def _beta_logit(a: float, b: float, p: float) -> float:
    """log(x / (1 - x)) for the x with `betainc(a, b, x)` = p."""

    def at(u: float) -> tuple[float, float]:
        x, y = _share_of(u), _share_of(-u)
        density = _beta_kernel(a, b, x, y)
        return _tails_between(a, b, x, y, density)[0], density

    return _quantile(at, p, math.log(a / b) - 2 * _beta_reach(a, b, p))


def _beta_reach(a: float, b: float, p: float) -> float:
    """About half of how far the logit of a quantile lies below that of the mean; 0 where that approximation does not hold.

    Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), 26.5.22.
    """
    if min(a, b) < 1:
        return 0.0
    y = -ndtri(p)
    one, other = 1 / (2 * a - 1), 1 / (2 * b - 1)
    h, wide = 2 / (one + other), (y * y - 3) / 6
    return y * math.sqrt(max(h + wide, 0.0)) / h - (other - one) * (wide + 5 / 6 - 2 / (3 * h))


def _share_of(logit: float) -> float:
    """The share with this logit."""
    return 1 / (1 + math.exp(_within(-logit)))


def _within(exponent: float) -> float:
    return max(-_MOST_EXPONENT, min(exponent, _MOST_EXPONENT))


def _quantile(at: Callable[[float], tuple[float, float]], p: float, u: float) -> float:
    """The u at which a distribution function is p, by Newton's method on its logarithm.

    That logarithm is concave for the logit of a beta variable and the logarithm of a gamma variable, so that a step from above ends
    below the root at worst, and steps from below approach it one by one.

    Args:
        at: returns the distribution function and its derivative.
        p: between 0 and 1.
        u: a start at which the derivative is not small.
    """
    before, last = math.inf, u
    for _ in range(_STEPS):
        share, density = at(u)
        if not (share and density):  # too far below for a double
            u = (u + last) / 2
            continue
        last = u
        step = math.log(share / p) * share / density
        u -= step
        if abs(step) <= _LAST_DIGIT * abs(u) or (before < _ALMOST and abs(step) >= before):
            break
        before = abs(step)
    return u


def _beta_kernel(a: float, b: float, x: float, y: float) -> float:
    """x^a y^b / B(a, b), without the cancellation of logarithms of gamma functions.

    Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
    """
    n = a + b
    exponent = _stirling_error(n) - _stirling_error(a) - _stirling_error(b) - _deviance(a, n * x) - _deviance(b, n * y)
    return math.exp(exponent) * math.sqrt(a / n * b / math.tau)


def _beta_fraction(a: float, b: float, x: float, y: float) -> float:
    """The continued fraction K with I_x(a, b) = x^a y^b / B(a, b) / K, by Lentz's method.

    Source: A. R. DiDonato and A. H. Morris, "Algorithm 708", ACM TOMS 18 (1992), function BFRAC.
    """
    value = c = a * (a * y - b * x + 1) / (a + 1)
    d = 0.0
    for m in count(1):
        at = a + 2 * m - 1
        above = m * (a + m - 1) / at * ((a + b + m - 1) / at) * (b - m) * x * x
        below = m + m * (b - m) * x / at + (a + m) * (a * y - b * x + 1 + m * (1 + y)) / (at + 2)
        d = 1 / (below + above * d)
        c = below + above / c
        value *= c * d
        if abs(c * d - 1) <= _LAST_DIGIT:
            break
    return value


@lru_cache(maxsize=1 << 14)
def _gamma_tails(a: float, x: float) -> tuple[float, float]:
    """Probabilities that a gamma variable of shape a is at most x, and more than x.

    Source: the series and the continued fraction of NIST's Digital Library of Mathematical Functions, 8.7.1 and 8.9.2.
    """
    if math.isnan(a + x):
        return math.nan, math.nan
    if x <= 0 or a <= 0:
        return (0.0, 1.0) if x <= 0 else (1.0, 0.0)
    part = _gamma_kernel(a, x)
    if x < a + 1:
        term = total = 1 / a
        for n in count(1):
            term *= x / (a + n)
            total += term
            if term <= total * _LAST_DIGIT:
                break
        low = min(part * total, 1.0)
        return low, 1 - low
    value = c = x + 1 - a
    d = 0.0
    for n in count(1):
        above, below = n * (a - n), x + 2 * n + 1 - a
        d = 1 / (below + above * d)
        c = below + above / c
        value *= c * d
        if abs(c * d - 1) <= _LAST_DIGIT:
            break
    high = min(part / value, 1.0)
    return 1 - high, high


def _gamma_kernel(a: float, x: float) -> float:
    """x^a exp(-x) / Γ(a); source as `_beta_kernel`."""
    return math.exp(-_stirling_error(a) - _deviance(a, x)) * math.sqrt(a / math.tau)


def _stirling_error(n: float) -> float:
    """Log Γ(n + 1) less Stirling's formula."""
    if n < _EXACT_FROM:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - _HALF_LOG_TAU
    square = 1 / (n * n)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / n


def _deviance(x: float, mean: float) -> float:
    """X log(x / mean) + mean - x, by its series where x is near the mean."""
    if abs(x - mean) >= 0.1 * (x + mean):
        return x * math.log(x / mean) + mean - x
    part = (x - mean) / (x + mean)
    total, term = (x - mean) * part, 2 * x * part
    for odd in count(3, 2):
        term *= part * part
        if total + term / odd == total:
            break
        total += term / odd
    return total
