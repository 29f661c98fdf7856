"""Words of every sentence the harness says."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 3, *, between: str = ", ") -> str:
    """The first names of a list, and the number of the others: `a, b, c and 10 more`; empty without names."""
    shown = between.join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
