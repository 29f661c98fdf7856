"""Requests in the order in which they were sent: probes, ledger writes, or the users' own requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from harness.model import Table
from harness.model.records.table import Bools, Ints

SERVER_ERROR: Final = 500
"""Statuses from here on are failures of the server. Source: RFC 9110, section 15.6."""

GAP_NS: Final = 250_000_000
"""Gaps between probes up to this are as planned; a longer one widens the resolution."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Requests:
    """Send and completion time of each request, and whether its answer was as expected."""

    sent_ns: Ints
    done_ns: Ints
    ok: Bools

    @classmethod
    def of(cls, sent_ns: Ints, done_ns: Ints, ok: Bools) -> Self:
        """Sort requests by send time."""
        order = np.lexsort((done_ns, sent_ns))
        return cls(sent_ns=sent_ns[order], done_ns=done_ns[order], ok=ok[order])

    @classmethod
    def reads(cls, probes: Table, subject: str = "entry", kind: str = "read") -> Self:
        """The probes of one subject and kind; by default read probes."""
        rows = probes.where(probes.words["subject"].equals(subject) & probes.words["kind"].equals(kind))
        return cls.of(rows.ints["sent_ns"], rows.ints["done_ns"], probed(rows))

    @classmethod
    def writes(cls, writes: Table) -> Self:
        """The writes of the ledger's clients; ok if acknowledged."""
        return cls.of(writes.ints["made_ns"], writes.ints["accepted_ns"], writes.words["outcome"].equals("accepted"))

    @classmethod
    def of_caches(cls, probes: Table, kind: str) -> Self:
        """The probes of caches of one kind; ok if every primary answered."""
        rows = probes.where(probes.words["kind"].equals(kind))
        return cls.of(rows.ints["sent_ns"], rows.ints["done_ns"], rows.words["error"].missing)

    @classmethod
    def users(cls, samples: Table) -> Self:
        """The users' own requests, from the moment each was due."""
        return cls.of(samples.ints["intended_ns"], samples.ints["done_ns"], answered(samples))

    def between(self, start_ns: int, end_ns: int) -> Self:
        """The requests sent in [start_ns, end_ns)."""
        return self.where((self.sent_ns >= start_ns) & (self.sent_ns < end_ns))

    def where(self, mask: Bools) -> Self:
        """The requests where the mask is true."""
        return type(self)(sent_ns=self.sent_ns[mask], done_ns=self.done_ns[mask], ok=self.ok[mask])

    def served(self, promised_ms: float | None) -> Bools:
        """A mask of requests answered as expected and, if a time is promised, within that time."""
        if promised_ms is None:
            return self.ok
        return np.asarray(self.ok & (self.done_ns - self.sent_ns <= promised_ms * 1e6), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.sent_ns)


def answered(rows: Table) -> Bools:
    """A mask of requests that were answered as expected: with a status, without an error."""
    return np.asarray(rows.words["error"].missing & (rows.ints["status"] > 0), dtype=np.bool_)


def probed(rows: Table) -> Bools:
    """A mask of probes that were answered as expected; a probe with a status 5xx failed even if no error was recorded."""
    return answered(rows) & (rows.ints["status"] < SERVER_ERROR)
