"""Rule 8: how long reads or writes were away after a fault. Also asked live, to know when a held fault may go.

A *look* is one probe or one write; it fails when it is not answered as wanted within its own time-out. A *good stretch* is five
seconds that begin with a success, hold at least 99 % successes and no blind second. One failed look between two good ones, in a good
stretch, is noise. Every other failure belongs to an *outage*: so two failures in a row are one, however short, which at a spacing of
20 ms is 40 ms. It begins when its first failed look was sent and ends with the first answer of the next good stretch. That answer is
never before the service was back, and after it by at most the time from one look to the next and the time that an answer takes: the
figure is late by half a spacing on average, and never early.

The *resolution* is that spacing plus the jitter seen: the longest time between two looks up to the recovery plus the slowest answer
of the second after it. Looks overlap, so a time-out does not widen it. Where nothing failed it is the longest time without an answer.
A *stall* is such a time of 100 ms and more in which looks were sent: they hung and were answered late, within their time-out.
A client waited, none was turned away: no outage, but listed, and inside the resolution.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.model import OperationRecovery, Table
from harness.model.table import Bools, Ints, distinct

STRETCH_NS: Final = 5_000_000_000
"""How long at least 99 % must succeed."""
BLIND_SECOND_NS: Final = 1_000_000_000
"""A stretch with a longer gap than this, a blind second, proves nothing. (Blind time, of which uptime is made, begins at `receipts.GAP_NS`.)"""
STALL_NS: Final = 100_000_000
"""So long must looks hang to be listed as a stall: five of them at the closest spacing."""
SECOND: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """When it was looked, when the answer was there, and whether it was as wanted; in the order of sending."""

    sent_ns: Ints
    done_ns: Ints
    ok: Bools

    @classmethod
    def of(cls, sent_ns: Ints, done_ns: Ints, ok: Bools) -> Looks:
        """Bring looks into the order of sending."""
        order = np.lexsort((done_ns, sent_ns))
        return cls(sent_ns=sent_ns[order], done_ns=done_ns[order], ok=ok[order])

    @classmethod
    def reads(cls, probes: Table, subject: str = "entry") -> Looks:
        """The read probes of one subject."""
        rows = probes.where(probes.words["subject"].equals(subject) & probes.words["kind"].equals("read"))
        return cls.of(rows.ints["sent_ns"], rows.ints["done_ns"], answered(rows))

    @classmethod
    def writes(cls, writes: Table) -> Looks:
        """The writes of the ledger's clients; ok where they were acknowledged."""
        return cls.of(writes.ints["sent_ns"], writes.ints["done_ns"], writes.words["outcome"].equals("ok"))

    def between(self, start_ns: int, end_ns: int) -> Looks:
        """The looks sent in [start_ns, end_ns)."""
        kept = (self.sent_ns >= start_ns) & (self.sent_ns < end_ns)
        return Looks(sent_ns=self.sent_ns[kept], done_ns=self.done_ns[kept], ok=self.ok[kept])

    def __len__(self) -> int:
        return len(self.sent_ns)


def answered(probes: Table) -> Bools:
    """Which probes were answered as wanted: those with an answer, and without an error."""
    return np.asarray(probes.words["error"].missing & (probes.ints["status"] > 0), dtype=np.bool_)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A run of failures: the first failed look, and the first answer of the good stretch that ended it (None: none did)."""

    start_ns: int
    end_ns: int | None


def good_stretches(looks: Looks, until_ns: int) -> Bools:
    """Which looks begin five watched seconds of at least 99 % successes without a blind second."""
    sent, n = looks.sent_ns, len(looks)
    ends = np.searchsorted(sent, sent + STRETCH_NS, side="left")
    starts = np.arange(n)
    successes = np.concatenate([[0], np.cumsum(looks.ok)])
    gaps = np.diff(np.append(sent, until_ns)) > BLIND_SECOND_NS
    blind = np.concatenate([[0], np.cumsum(gaps)])
    enough = 100 * (successes[ends] - successes[starts]) >= 99 * (ends - starts)
    return np.asarray(
        looks.ok & enough & (blind[ends] == blind[starts]) & (sent + STRETCH_NS <= until_ns), dtype=np.bool_
    )


def outages(looks: Looks, until_ns: int) -> tuple[Outage, ...]:
    """Every outage among these looks, in order; `until_ns` is where watching ended.

    What happened after the last whole five seconds began and ended is left out: it can prove neither.
    """
    good = np.flatnonzero(good_stretches(looks, until_ns))
    failed = np.flatnonzero(~looks.ok & (looks.sent_ns < _horizon(looks, until_ns)))
    found: list[Outage] = []
    back = -1
    for failure in failed[~_noise(looks, failed, good)].tolist():
        if failure < back:
            continue
        start = _first_of_run(looks.ok, failure)
        after = int(np.searchsorted(good, failure))
        if after == len(good):
            return (*found, Outage(start_ns=int(looks.sent_ns[start]), end_ns=None))
        back = int(good[after])
        served = looks.done_ns[back:][looks.ok[back:]]
        found.append(Outage(start_ns=int(looks.sent_ns[start]), end_ns=int(served.min())))
    return tuple(found)


def _noise(looks: Looks, failed: Ints, good: Ints) -> Bools:
    """Which of the failed looks stand between two successes in a good stretch."""
    padded = np.concatenate([[True], looks.ok, [True]])
    alone = padded[failed] & padded[failed + 2]
    before = np.searchsorted(good, failed) - 1
    noise = np.zeros(len(failed), dtype=np.bool_)
    known = alone & (before >= 0)
    noise[known] = looks.sent_ns[failed[known]] - looks.sent_ns[good[before[known]]] < STRETCH_NS
    return noise


def _horizon(looks: Looks, until_ns: int) -> int:
    whole = looks.sent_ns[looks.sent_ns + STRETCH_NS <= until_ns]
    return int(whole[-1]) + STRETCH_NS if len(whole) else until_ns


def _first_of_run(ok: Bools, failure: int) -> int:
    successes = np.flatnonzero(ok[:failure])
    return int(successes[-1]) + 1 if len(successes) else 0


def longest_gap_ns(looks: Looks, start_ns: int, end_ns: int) -> int:
    """The longest time without a look from `start_ns` to `end_ns`; all of it where there was no look."""
    sent = looks.between(start_ns, end_ns).sent_ns
    return int(np.diff(np.concatenate([[start_ns], sent, [end_ns]])).max())


def is_steady(times_ns: npt.ArrayLike, ok: npt.ArrayLike, until_ns: int) -> tuple[bool, str]:
    """Whether the five seconds before `until_ns` held at least 99 % successes and no blind second, and why not.

    Args:
        times_ns: when each look was sent, CLOCK_MONOTONIC, in any order.
        ok: whether it was answered as wanted.
        until_ns: the moment to judge; looks after it do not count.
    """
    times = np.asarray(times_ns, dtype=np.int64)
    looks = Looks.of(times, times, np.asarray(ok, dtype=np.bool_)).between(until_ns - STRETCH_NS, until_ns)
    gap = longest_gap_ns(looks, until_ns - STRETCH_NS, until_ns)
    if gap > BLIND_SECOND_NS:
        return False, f"nobody looked for {gap / SECOND:.1f} s of the last 5 s"
    successes = int(looks.ok.sum())
    text = f"{successes} of {len(looks)} looks of the last 5 s succeeded"
    return 100 * successes >= 99 * len(looks), text


def recovered_at(times_ns: npt.ArrayLike, ok: npt.ArrayLike, since_ns: int, until_ns: int) -> int | None:
    """The first success, after the last outage since `since_ns`, of five seconds with at least 99 % successes.

    Args:
        times_ns: when each look was sent, in any order.
        ok: whether it was answered as wanted.
        since_ns: when the action was sent.
        until_ns: how far was watched: now, when asked live.

    Returns:
        Nanoseconds; `since_ns` when no outage was seen in at least five watched seconds; None when it is not back, or not known to be.
    """
    times = np.asarray(times_ns, dtype=np.int64)
    looks = Looks.of(times, times, np.asarray(ok, dtype=np.bool_)).between(since_ns, until_ns)
    if not good_stretches(looks, until_ns).any():
        return None
    seen = outages(looks, until_ns)
    return seen[-1].end_ns if seen else since_ns


def recovery_of(
    operation: str, looks: Looks, *, sent_ns: int, undone_ns: int | None, until_ns: int, spacing_ms: float
) -> OperationRecovery:
    """How reads or writes came back after an action sent at `sent_ns`, watched until `until_ns` at the latest.

    A success after `undone_ns` (when the undo was sent) never ends an outage: it is `on_heal`.
    The resolution is never less than the planned spacing.
    """
    end_ns = until_ns if undone_ns is None else min(undone_ns, until_ns)
    watched = looks.between(sent_ns, end_ns)
    seen = outages(watched, end_ns)
    back = _back(watched, seen, sent_ns, end_ns)
    silent = _silences(watched, seen, sent_ns, end_ns)
    known_ns = back if seen and back is not None else end_ns
    on_heal = back is None and end_ns < until_ns and recovered_at(looks.sent_ns, looks.ok, end_ns, until_ns) is not None
    return OperationRecovery(
        operation=operation,
        seconds=None if back is None else (back - sent_ns) / SECOND,
        resolution_s=max(_resolution_ns(watched, silent, sent_ns, known_ns) / SECOND, spacing_ms / 1000),
        observed_s=max(end_ns - sent_ns, 0) / SECOND,
        on_heal=on_heal,
        outages=tuple((_after(o.start_ns, sent_ns), _after(o.end_ns or end_ns, sent_ns)) for o in seen),
        stalls=tuple((_after(a, sent_ns), _after(b, sent_ns)) for a, b in _stalls(watched, silent)),
        why=_why(watched, seen, back),
    )


def _back(looks: Looks, seen: tuple[Outage, ...], sent_ns: int, end_ns: int) -> int | None:
    if not good_stretches(looks, end_ns).any():
        return None
    return seen[-1].end_ns if seen else sent_ns


def _silences(looks: Looks, seen: tuple[Outage, ...], start_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """The times between two answers as wanted, outages left out: in each, nothing is known of the service."""
    out = [(outage.start_ns, outage.end_ns or end_ns) for outage in seen]
    answered = looks.done_ns[looks.ok & (looks.done_ns < end_ns)]
    marks = distinct(np.concatenate([[start_ns, end_ns], answered, np.ravel(np.array(out, dtype=np.int64))]))
    known = np.zeros(len(marks) - 1, dtype=np.bool_)
    for start, end in out:
        known |= (marks[:-1] >= start) & (marks[:-1] < end)
    return list(zip(marks[:-1][~known].tolist(), marks[1:][~known].tolist(), strict=True))


def _resolution_ns(looks: Looks, silent: list[tuple[int, int]], sent_ns: int, until_ns: int) -> int:
    longest = max((b - a for a, b in silent if a < until_ns), default=0)
    after = looks.between(until_ns, until_ns + SECOND)
    answers = (after.done_ns - after.sent_ns)[after.ok]
    return max(longest, longest_gap_ns(looks, sent_ns, until_ns) + int(answers.max(initial=0)))


def _stalls(looks: Looks, silent: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """The silences in which at least two looks were sent, each from the first of them on."""
    for start_ns, end_ns in silent:
        if end_ns - start_ns >= STALL_NS:
            hung = looks.sent_ns[(looks.sent_ns >= start_ns) & (looks.sent_ns < end_ns)]
            if len(hung) > 1 and end_ns - hung[0] >= STALL_NS:
                yield int(hung[0]), end_ns


def _after(at_ns: int, sent_ns: int) -> float:
    return (at_ns - sent_ns) / SECOND


def _why(looks: Looks, seen: tuple[Outage, ...], back: int | None) -> str:
    failed = int((~looks.ok).sum())
    if back is None:
        return f"{failed} of {len(looks)} looks failed, and no 5 s with at least 99 % successes followed while the fault was in"
    if not seen:
        return (
            f"no client felt it: {failed} of {len(looks)} looks failed, never two in a row and never more than 1 % of 5 s"
            if failed
            else "no client felt it"
        )
    return f"{len(seen)} outages, the last one counts" if len(seen) > 1 else ""
