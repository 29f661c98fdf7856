"""A number with its unit, as people write it: `200 ms`, `0.1 %`, `4 h`, `60 % ± 5 points`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from harness.errors import UsageError

_UNITS: Final[dict[str, tuple[str, float]]] = {
    # unit: (dimension, factor to the dimension's base unit)
    "ns": ("time", 1e-9),
    "us": ("time", 1e-6),
    "ms": ("time", 1e-3),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "d": ("time", 86400.0),
    "%": ("ratio", 0.01),
    "points": ("ratio", 0.01),
    "ratio": ("ratio", 1.0),
    "/s": ("rate", 1.0),
    "kB": ("size", 1e3),
    "MB": ("size", 1e6),
    "GB": ("size", 1e9),
    "": ("count", 1.0),
}

_TEXT: Final = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z%/]*)\s*$", re.ASCII)


def pattern_of(*dimensions: str) -> str:
    """A regular expression for quantities of these dimensions as text, in the dialect of JSON Schema; without dimensions for all quantities."""
    units = [unit for unit, (dimension, _) in _UNITS.items() if dimension in dimensions or not dimensions]
    return rf"^\s*-?\d+(\.\d+)?\s*({'|'.join(units)})\s*$"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A value with a unit; only quantities of one dimension can be compared.

    Attributes:
        value: number as written.
        unit: one of ns us ms s min h d % points ratio /s kB MB GB, or empty for a count.
        scaled: whether the length of time is divided by the target's time scale. The sentence decides this
            (`harness/steps/slots.py`).
    """

    value: float
    unit: str
    scaled: bool = False

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise UsageError(f"unknown unit {self.unit!r}", hint=f"use one of {', '.join(u for u in _UNITS if u)}")
        if self.scaled and self.dimension != "time":
            raise UsageError(f"{self} is a {self.dimension}", hint="only a time can be scaled")

    @classmethod
    def parse(cls, text: str, *, scaled: bool = False) -> Quantity:
        """Read a text such as `0.1 %` or `200ms`; raises UsageError for other texts."""
        match = _TEXT.match(text)
        if match is None:
            raise UsageError(f"{text!r} is not a number with a unit", hint="write it like `200 ms` or `0.1 %`")
        value = float(match[1])
        if math.isinf(value):
            raise UsageError(f"{text.strip()[:12]}… is too large a number", hint="write it like `200 ms` or `0.1 %`")
        return cls(value=value, unit=match[2], scaled=scaled)

    @property
    def dimension(self) -> str:
        """`time`, `ratio`, `rate`, `size` or `count`."""
        return _UNITS[self.unit][0]

    @property
    def base(self) -> float:
        """The value in the dimension's base unit: seconds, a ratio from 0 to 1, per second, bytes, a count."""
        value = self.value * _UNITS[self.unit][1]
        return float(f"{value:.15g}")  # 0.1 % is 0.001, not 0.0010000000000000002

    def in_unit(self, unit: str) -> float:
        """The value in another unit of the same dimension; raises UsageError for another dimension."""
        other = Quantity(value=1.0, unit=unit)
        if other.dimension != self.dimension:
            raise UsageError(f"{self} is a {self.dimension}, {unit!r} is a {other.dimension}")
        return float(f"{self.base / _UNITS[unit][1]:.15g}")

    def same_as(self, other: Quantity) -> bool:
        """Whether two quantities are equal, such as `60 s` and `1 min`."""
        return self.dimension == other.dimension and self.base == other.base

    def at_scale(self, time_scale: float) -> Quantity:
        """The quantity at a time scale, which divides a scaled length of time."""
        if not self.scaled or time_scale == 1:
            return self
        return Quantity(value=self.base / time_scale, unit="s")

    def __str__(self) -> str:
        number = f"{self.value:g}"
        return f"{number} {self.unit}" if self.unit else number


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """One length of time in a sentence, as written and as used at the target's time scale.

    Attributes:
        name: meaning in the sentence: `limit`, `window` or `older than`.
        said: length as written, such as `4 h`.
        scaled: whether it is divided by the time scale.
        used_s: used length in s.
    """

    name: str
    said: str
    scaled: bool
    used_s: float

    @property
    def factor(self) -> float:
        """The divisor of the length; 1 if it was not scaled."""
        return float(f"{Quantity.parse(self.said).base / self.used_s:.6g}") if self.scaled and self.used_s else 1.0

    @property
    def words(self) -> str:
        """The length as text: `limit scaled by 60: 4 h → 240 s`, or `limit not scaled: 45 s`."""
        if self.factor == 1:
            return f"{self.name} not scaled: {self.said}"
        return f"{self.name} scaled by {self.factor:g}: {self.said} → {self.used_s:g} s"
