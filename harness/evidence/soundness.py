"""Finds rows that cannot be genuine.

Such rows were answered before they were sent, or without being sent, lie after the run, belong to another worker, or have an unknown word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model import Table
    from harness.model.records.table import Bools


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known in advance about a file of samples.

    Attributes:
        worker: number of the worker that wrote it.
        span: the window that its requests were due in (half open); None: any.
        until_ns: when the run ended, and all of it with it; None: unknown.
    """

    worker: int
    span: tuple[int, int] | None = None
    until_ns: int | None = None


def unsound(rows: Table, known: Known | None = None) -> str:
    """A text on the first invalid row, with the number of such rows.

    Empty if all rows are valid.
    """
    for what, wrong in chain(_wrong(rows), _wrong_samples(rows, known) if known else ()):
        if wrong.any():
            return f"row {int(wrong.argmax()) + 1} {what} ({int(wrong.sum())} such rows)"
    return ""


def _wrong(rows: Table) -> Iterable[tuple[str, Bools]]:
    schema, ints = rows.schema, rows.ints
    for end, begins in schema.order.items():
        for begin in begins:
            early = ints[end] < ints[begin]
            yield "ends before it begins", (ints[end] != 0) & early if end in schema.optional else early
    for column, known in schema.known.items():
        words = rows.words[column]
        strange = np.array([word not in known for word in words.names] + [True], dtype=np.bool_)
        yield f"has no `{column}` that is one of {', '.join(known)}", strange[words.codes]


def _wrong_samples(rows: Table, known: Known) -> Iterable[tuple[str, Bools]]:
    ints = rows.ints
    answered_unsent = (ints["sent_ns"] <= 0) & (ints["status"] > 0)
    yield "was answered and never sent", answered_unsent | (ints["sent_ns"] < 0)
    yield f"is of another worker than {known.worker}", ints["worker"] != known.worker
    if known.span:
        yield (
            "is due outside the window",
            (ints["intended_ns"] < known.span[0]) | (ints["intended_ns"] >= known.span[1]),
        )
    if known.until_ns is not None:
        yield "ends after the run did", ints["done_ns"] > known.until_ns
