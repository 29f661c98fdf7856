"""Amounts as Kubernetes writes them, `500m` or `1Gi`, as numbers.

Grammar of https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ .
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_QUANTITY = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,2}|)")
_DECIMAL = {
    suffix: Fraction(1000) ** power
    for power, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
}
_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_FACTORS = {**_DECIMAL, **_BINARY}


@lru_cache(maxsize=4096)  # the same few are asked for at each turn of the autoscaler and each scrape
def amount(quantity: str | float) -> Fraction:
    """The exact number that a quantity means: cores, bytes, or a plain number. Raises ValueError."""
    found = _QUANTITY.fullmatch(str(quantity))
    if not found:
        raise ValueError(f"{quantity!r} is not a quantity such as 500m or 1Gi")
    suffix = found["suffix"]
    factor = Fraction(10) ** int(suffix[1:]) if suffix[1:] and suffix not in _FACTORS else _FACTORS[suffix]
    return Fraction(found["number"]) * factor


def is_quantity(text: str) -> bool:
    """Whether `amount` reads it."""
    return _QUANTITY.fullmatch(text) is not None


def milli(quantity: str | float) -> int:
    """The same in thousandths, rounded up as Kubernetes does."""
    return -(-amount(quantity) * 1000 // 1)


def from_milli(thousandths: int) -> str:
    """Thousandths as Kubernetes writes them: the largest power of 1000 that leaves a whole number, `1500m`, `20971520`, `3k`."""
    suffixes = iter(("m", "", "k", "M", "G", "T", "P"))
    suffix = next(suffixes)
    while thousandths and thousandths % 1000 == 0 and suffix != "P":
        thousandths, suffix = thousandths // 1000, next(suffixes)
    return f"{thousandths}{suffix}" if thousandths else "0"


def nanocores(cores: float) -> str:
    """CPU as the metrics API writes it."""
    return f"{round(cores * 1e9)}n"


def kibibytes(size: float) -> str:
    """Memory as the metrics API writes it."""
    return f"{int(size) // 1024}Ki"
