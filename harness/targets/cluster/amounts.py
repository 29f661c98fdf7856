"""Reads Kubernetes quantities."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from harness.errors import UsageError

_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<binary>[KMGTPE])i|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_BINARY: Final = "KMGTPE"
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def amount(text: str) -> Decimal:
    """A Kubernetes quantity as a number: `500m` is 0.5, `1Gi` is 1073741824.

    Source: Kubernetes API reference, Quantity. The official client also reads `NaN`, `Infinity` and `1_000`, which no API server does.

    Raises:
        UsageError: the text is not a quantity.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise UsageError(f"`{text}` is not a Kubernetes quantity", hint="write it like `500m` or `512Mi`")
    number = Decimal(found["number"])
    if found["binary"]:
        return number * Decimal(1024) ** (1 + _BINARY.index(found["binary"]))
    return number.scaleb(_DECIMAL.get(found["decimal"], int(found["exponent"] or 0)))
