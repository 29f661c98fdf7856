"""Compares the writes and sign-ins that journeys recorded with the recorded requests: two records of the same answers.

A write or sign-in is recorded with the worker and the times of its request, so it belongs to exactly one request and is acknowledged if that
request was answered as expected. If one request of a route is recorded as a write, every acknowledged request of the route must be. During the
warm-up acknowledged writes are sent a second time. If the records differ, one of them was changed or is incomplete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.once import once_a_run
from harness.judgement.recovery import answered
from harness.model import JOURNEY_REPEATS, JOURNEY_WRITES, SAMPLES, SIGN_INS, Evidence, Plan, Table, Window, Words
from harness.model.records.table import Bools, Ints

HINT: Final = (
    "record every request of the route with `journey.wrote` or `journey.signed_in`, or give the other requests another name, then run again "
    "without changing its files"
)
_WORKER_BITS: Final = 15
_READ_ONLY: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
"""Methods that are safe: RFC 9110, section 9.2.1."""


class _Requests(NamedTuple):
    """The requests of all windows, in the order of `keys` (worker and send time).

    Attributes:
        keys: worker and send time of each request, as one number from `low_ns` on.
        low_ns: when the first request was sent.
        done_ns: when each was answered. good: whether it was answered as expected.
        names: code of the route of each. words: the route of each code. writing: whether its method may change something.
        spans: of each traffic: a write or sign-in sent in one has its request in a window. Requests of the warm-up are in no window.
    """

    keys: Ints
    low_ns: int
    done_ns: Ints
    good: Bools
    names: Ints
    words: tuple[str, ...]
    writing: Bools
    spans: tuple[tuple[int, int], ...]

    def cover(self, at_ns: Ints) -> Bools:
        """Whether each moment is in a span."""
        inside = np.zeros(len(at_ns), dtype=np.bool_)
        for start_ns, end_ns in self.spans:
            inside |= (at_ns >= start_ns) & (at_ns < end_ns)
        return inside


class _Accounted(NamedTuple):
    """What the comparison found: contradictions by account and table, and acknowledged requests without a record by route."""

    contradictions: Mapping[str, str]
    unrecorded: Mapping[str, int]


def unaccounted(plan: Plan, evidence: Evidence) -> Mapping[str, str]:
    """Contradictions between recorded writes or sign-ins and the requests, by account of the plan or by table; empty if the records agree."""
    return _compared(plan, evidence).contradictions


def unrecorded_writes(plan: Plan, evidence: Evidence) -> Mapping[str, int]:
    """Number of acknowledged requests of each writing route for which neither writes nor sign-ins were recorded."""
    return _compared(plan, evidence).unrecorded


@once_a_run
def _compared(plan: Plan, evidence: Evidence) -> _Accounted:
    sent = _requests(evidence)
    if sent is None:
        return _Accounted({}, {})
    found: dict[str, str] = {}
    writes = evidence.tables.get(JOURNEY_WRITES.name, Table.empty(JOURNEY_WRITES))
    repeats = evidence.tables.get(JOURNEY_REPEATS.name, Table.empty(JOURNEY_REPEATS))
    for account in dict.fromkeys(account.name for traffic in plan.traffic.values() for account in traffic.accounts):
        own = writes.where(writes.words["item"].equals(account))
        none = () if len(own) else (f"no write of {account} was recorded",)
        again = repeats.where(repeats.words["item"].equals(account))
        what = f"writes of {account}"
        found[account] = "; ".join([*none, *_against(own, sent, what), *_repeated(own, again, sent, what)])
    sign_ins = evidence.tables.get(SIGN_INS.name, Table.empty(SIGN_INS))
    found[SIGN_INS.name] = "; ".join(_against(sign_ins, sent, "sign-ins"))
    unlike = {name: why for name, why in found.items() if why}
    return _Accounted(unlike, _unrecorded((writes, sign_ins), sent))


def _unrecorded(records: Iterable[Table], sent: _Requests) -> Mapping[str, int]:
    own = [_in_requests(rows, sent) for rows in records]
    known = np.unique(np.concatenate([sent.names[at[there]] for at, there in own]))
    rest = sent.names[sent.good & sent.writing & (sent.names >= 0) & ~np.isin(sent.names, known)]
    codes, counts = np.unique(rest, return_counts=True)
    return {sent.words[code]: n for code, n in zip(codes.tolist(), counts.tolist(), strict=True)}


def _requests(evidence: Evidence) -> _Requests | None:
    windows = list(evidence.windows.values())
    rows = Table.merged(SAMPLES, [window.samples for window in windows])
    if not len(rows):
        return None
    sent_ns = rows.ints["sent_ns"]
    low_ns = int(sent_ns[sent_ns > 0].min(initial=np.iinfo(np.int64).max))
    keys = _keys(rows.ints["worker"], sent_ns, low_ns)
    order = np.argsort(keys, kind="stable")
    late_ns = int((sent_ns - rows.ints["intended_ns"]).max(initial=0))
    return _Requests(
        keys=keys[order],
        low_ns=low_ns,
        done_ns=rows.ints["done_ns"][order],
        good=answered(rows)[order],
        names=rows.words["name"].codes[order].astype(np.int64),
        words=rows.words["name"].names,
        writing=_writing(rows.words["method"])[order],
        spans=tuple(_spans(windows, max(late_ns, 0))),
    )


def _writing(methods: Words) -> Bools:
    """Whether the method of each request may change something; a request without a method was not made by HTTP."""
    reads = np.logical_or.reduce([methods.equals(word) for word in _READ_ONLY])
    return ~np.asarray(reads | methods.missing, dtype=np.bool_)


def _spans(windows: Iterable[Window], late_ns: int) -> Iterable[tuple[int, int]]:
    """The time of each traffic, from the start of its first window plus the greatest send lag, to the end of its last window."""
    own = defaultdict[str, list[Window]](list)
    for window in windows:
        own[window.traffic].append(window)
    return ((min(w.start_ns for w in each) + late_ns, max(w.end_ns for w in each)) for each in own.values())


def _keys(worker: Ints, sent_ns: Ints, low_ns: int) -> Ints:
    return (sent_ns - low_ns << _WORKER_BITS) | worker.astype(np.int64)


def _in_requests(rows: Table, sent: _Requests) -> tuple[Ints, Bools]:
    """The place of each row's request, and whether there is such a request."""
    keys = _keys(rows.ints["by"], rows.ints["made_ns"], sent.low_ns)
    at = np.minimum(np.searchsorted(sent.keys, keys), len(sent.keys) - 1)
    return at, sent.keys[at] == keys


def _against(rows: Table, sent: _Requests, what: str) -> Iterable[str]:
    """How the rows of one account, or the sign-ins, contradict the requests, in words."""
    if not len(rows):
        return
    made_ns, accepted = rows.ints["made_ns"], rows.words["outcome"].equals("accepted")
    at, known = _in_requests(rows, sent)
    if strays := int((~known & sent.cover(made_ns)).sum()):
        yield f"{strays} of {len(rows)} {what} belong to no recorded request"
    unlike = (accepted != sent.good[at]) | (rows.ints["accepted_ns"] != sent.done_ns[at])
    if differ := int((known & unlike).sum()):
        yield f"{differ} of {len(rows)} {what} differ from their request in outcome or time"
    theirs = np.zeros(len(sent.keys), dtype=np.bool_)
    theirs[at[known]] = True
    routes = np.isin(sent.names, sent.names[theirs]) & (sent.names >= 0) & sent.good
    if "item" not in rows.words:  # workers on other machines have no record of whom they signed in
        routes &= np.isin(sent.keys & (1 << _WORKER_BITS) - 1, rows.ints["by"])
    if left := int((routes & ~theirs).sum()):
        named = ", ".join(sorted({sent.words[code] for code in np.unique(sent.names[routes & ~theirs]).tolist()}))
        yield f"{left} of {int(routes.sum())} acknowledged requests of {named} are missing in the {what}"


def _repeated(writes: Table, repeats: Table, sent: _Requests, what: str) -> Iterable[str]:
    """How the repetitions of one account contradict its writes, in words."""
    first, own = (
        _keys(rows.ints["by"], rows.ints[at], sent.low_ns) for rows, at in ((repeats, "first_ns"), (writes, "made_ns"))
    )
    if strays := int((~np.isin(first, own)).sum()):
        yield f"{strays} of {len(repeats)} repeated writes belong to none of the {what}"
