"""Finds rows that cannot be genuine.

Such a row was answered before it was sent or without being sent, lies after the run, belongs to another worker, or has
an unknown word.
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
    """Facts about a file of samples that are known in advance.

    Attributes:
        worker: number of the worker that wrote the file.
        span: window in which the requests were due (half open); None: any time.
        until_ns: end of the run in ns; None: unknown.
    """

    worker: int
    span: tuple[int, int] | None = None
    until_ns: int | None = None


def unsound(rows: Table, known: Known | None = None) -> str:
    """A text on the first invalid row, with the number of invalid rows.

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
            yield "has an end before its begin", (ints[end] != 0) & early if end in schema.optional else early
    for column, known in schema.known.items():
        words = rows.words[column]
        strange = np.array([word not in known for word in words.names] + [True], dtype=np.bool_)
        yield f"has an unknown `{column}`, expected one of {', '.join(known)}", strange[words.codes]


def _wrong_samples(rows: Table, known: Known) -> Iterable[tuple[str, Bools]]:
    ints = rows.ints
    answered_unsent = (ints["sent_ns"] <= 0) & (ints["status"] > 0)
    yield "was answered without being sent", answered_unsent | (ints["sent_ns"] < 0)
    yield f"belongs to another worker than {known.worker}", ints["worker"] != known.worker
    if known.span:
        yield (
            "is due outside the window",
            (ints["intended_ns"] < known.span[0]) | (ints["intended_ns"] >= known.span[1]),
        )
    if known.until_ns is not None:
        yield "ends after the end of the run", ints["done_ns"] > known.until_ns
