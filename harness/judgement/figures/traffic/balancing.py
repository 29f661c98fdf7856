"""Distribution of requests by a load balancer: the answers of one region or pod among all answers, in time batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.judgement.figures.fault_free import GuardedWindow
from harness.judgement.stats.batches import Tally, batch_of
from harness.units import NS_PER_S

BATCH_S: Final = 2.5
"""Length of a time batch, in s: longer than the life of a keep-alive connection, whose requests all reach one pod or region."""


def balanced_tally(parts: Iterable[GuardedWindow], batch_s: float = BATCH_S) -> Tally:
    """Count all answers of some windows, and the answers of one place (`bad`), in time batches of about `batch_s` seconds."""
    tallies = []
    for part in parts:
        start_ns, end_ns = part.span
        count = max(round((end_ns - start_ns) / NS_PER_S / batch_s), 1)
        batch = batch_of(part.at_ns, start_ns, end_ns, count)
        tallies.append((np.bincount(batch, minlength=count), np.bincount(batch[part.bad], minlength=count)))
    return Tally(
        n=np.concatenate([n for n, _ in tallies] or [np.zeros(0, np.int64)]),
        bad=np.concatenate([bad for _, bad in tallies] or [np.zeros(0, np.int64)]),
    )
