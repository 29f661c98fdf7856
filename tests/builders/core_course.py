"""The faults of a run of profile core in order of time, and what tables of its evidence are made with.

Times are seconds from the start of the first window, unless they end in `_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.model import Schema, Table, Words

Ints = npt.NDArray[np.int64]
S = 1_000_000_000
START_NS = 100 * S
ROUTES = ("sign-in", "read-track", "create-track", "play-track")
WRITING = ("create-track", "play-track")
SHARES = {"us-east-1": 0.6, "eu-west-1": 0.3, "ap-southeast-1": 0.1}
PRIMARY = "us-east-1"
NODES = {region: tuple(f"{region}{zone}" for zone in "ab") for region in SHARES}
MEMBERS = {
    "postgres-us-east-1-0": "us-east-1",
    "postgres-eu-west-1-0": "eu-west-1",
    "postgres-eu-west-1-1": "eu-west-1",
}
KILLED, BESIDE, NEW = "track-service-a", "track-service-b", "track-service-c"


def ns(seconds: float) -> int:
    """Seconds from the start of the first window, on the clock of the run."""
    return START_NS + round(seconds * S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One fault that was sent.

    Attributes:
        name, domain, attempt: of the experiment.
        sent, restored: when. undone, gone: when, of one that is held.
        reads, writes: from when until when they were out; None: they were not.
        confirmed: whether it was read from the target as in.
    """

    name: str
    domain: str
    sent: float
    restored: float
    undone: float | None = None
    gone: float | None = None
    reads: tuple[float, float] | None = None
    writes: tuple[float, float] | None = None
    attempt: int = 1
    confirmed: bool = True


ACTS = (
    Act(name="pod-loss", domain="pod", sent=128, restored=150),
    Act(name="node-loss", domain="node", sent=156, undone=190, gone=191, restored=200),
    Act(
        name="database-primary-loss",
        domain="database",
        sent=206,
        undone=244,
        gone=245,
        restored=254,
        writes=(206.1, 214),
    ),
    Act(
        name="region-loss",
        domain="region",
        sent=260,
        undone=302,
        gone=303,
        restored=320,
        reads=(260.1, 265),
        writes=(260.1, 272),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """The faults of a run in order of time, and when its load ended."""

    acts: tuple[Act, ...] = ACTS
    end: float = 400.0

    def outages(self, operation: str) -> list[tuple[float, float]]:
        """When `reads` or `writes` were out."""
        return [span for act in self.acts if (span := getattr(act, operation)) is not None]

    def of(self, domain: str) -> Act:
        """The last fault of a domain."""
        return next(act for act in reversed(self.acts) if act.domain == domain)


HEALTHY = Course()


def table(schema: Schema, n: int, **columns: Any) -> Table:
    """A table of n rows; a column is one value for all rows, or one a row."""
    ints = {
        name: np.array(np.broadcast_to(np.asarray(columns.get(name, 0), dtype=np.int64), n)) for name in schema.ints
    }
    words = {name: words_of(columns.get(name), n) for name in schema.words}
    return Table(schema=schema, ints=ints, words=words)


def words_of(value: Any, n: int) -> Words:
    """A column of n rows: one word or none for all rows, which is not looked up row by row, or one a row."""
    if value is not None and not isinstance(value, str):
        return Words.of(value)
    one = Words.of([value][:n])
    return Words(codes=np.repeat(one.codes, n) if n else one.codes, names=one.names)


def every(start: float, end: float, per_s: float) -> Ints:
    """When something that comes so often is due."""
    return np.arange(ns(start), ns(end), round(S / per_s), dtype=np.int64)


def within(at_ns: Ints, spans: list[tuple[float, float]]) -> npt.NDArray[np.bool_]:
    """Which of the times lie in one of the spans."""
    inside = np.zeros(len(at_ns), dtype=np.bool_)
    for start, end in spans:
        inside |= (at_ns >= ns(start)) & (at_ns < ns(end))
    return inside
