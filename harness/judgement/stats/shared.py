"""Counts of requests by journey, connection and account, by which bad requests may be clustered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

from harness.model.records.table import Bools, Ints

SPARSE: Final = 4
"""Maximum ratio of journey numbers to requests for counting by number; otherwise renumber, which is slow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Counts of requests by journey, connection or account; requests with unknown ids are left out.

    Attributes:
        what: `journey`, `connection` or `account`.
        n: number of requests of each id.
        bad: number of bad requests of each id.
    """

    what: str
    n: Ints
    bad: Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Ids:
    """The journey, connection or account of each request.

    Attributes:
        what: `journey`, `connection` or `account`.
        number: number of each request's journey, connection or account, from 0; -1 if unknown.
    """

    what: str
    number: Ints

    @classmethod
    def of(cls, what: str, own: Ints, worker: Ints) -> Ids:
        """Number journeys, connections or accounts by worker and own number.

        Args:
            what: `journey`, `connection` or `account`.
            own: number of each request's journey, connection or account, unique in a worker; 0 if unknown.
            worker: number of each request's worker.
        """
        if not own.any():
            return cls(what=what, number=np.full(len(own), -1, dtype=np.int64))
        first, last, least = int(own.min()), int(own.max()), int(worker.min())
        workers = int(worker.max()) - least + 1
        if (last - first + 1) * workers <= SPARSE * len(own):
            number = own - first
            number *= workers
            number += worker
            number -= least
        else:
            pairs = np.column_stack([own, worker])
            number = np.unique(pairs, axis=0, return_inverse=True)[1].astype(np.int64).ravel()
        if not first:
            number[own == 0] = -1
        return cls(what=what, number=number)

    @classmethod
    def joined(cls, windows: Sequence[tuple[Ids, ...]]) -> tuple[Ids, ...]:
        """Concatenate the ids of several windows; ids of different windows are different."""
        if len(windows) == 1:
            return windows[0]
        joined = []
        for each in zip(*windows, strict=True):
            firsts = accumulate((int(ids.number.max(initial=-1)) + 1 for ids in each), initial=0)
            pairs = zip(each, firsts, strict=False)
            numbers = [np.where(ids.number >= 0, ids.number + first, -1) for ids, first in pairs]
            joined.append(cls(what=each[0].what, number=np.concatenate(numbers)))
        return tuple(joined)

    def at(self, rows: Ints) -> Ids:
        """The ids of some of the requests, by row number."""
        return Ids(what=self.what, number=self.number[rows])

    def shared(self, bad: Bools) -> Shared:
        """Count requests and bad requests of each id; ids without requests are left out."""
        n = np.bincount(self.number + 1)  # the unknown ones first
        worse = np.bincount(self.number[bad] + 1, minlength=len(n))
        some = np.flatnonzero(n[1:]) + 1
        return Shared(what=self.what, n=n[some], bad=worse[some])
