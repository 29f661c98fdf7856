"""Words of every sentence the harness says."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 3, *, between: str = ", ") -> str:
    """The first names of a list, and the number of the others: `a, b, c and 10 more`; empty without names."""
    shown = between.join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def counted(n: float, noun: str, many: str = "") -> str:
    """A count with its noun: `1 requirement`, `3 requirements`; `many` is the plural if it is not regular."""
    return f"{n:.10g} {noun}" if n == 1 else f"{n:.10g} {many or f'{noun}s'}"
