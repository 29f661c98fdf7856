"""What journeys account for, their writes and sign-ins, held against the requests that they sent: two records of one answer.

A write or a sign-in is recorded with the worker and the moments of the request that it was, so each has one request, acknowledged where that
was answered as expected; and of a route of which one request is accounted for, every acknowledged one is. What differs was not recorded as it was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from harness.judgement.once import once_a_run
from harness.judgement.recovery import answered
from harness.model import JOURNEY_WRITES, SAMPLES, SIGN_INS, Evidence, Plan, Table, Window
from harness.model.table import Bools, Ints

HINT: Final = (
    "keep the files of a run as they were recorded; account for each request of a route (`journey.wrote`, `journey.signed_in`) or give "
    "those that are not accounted for a name of their own; then run again"
)
_WORKER_BITS: Final = 15


class _Requests(NamedTuple):
    """The requests of all windows, in the order of `keys`: sent by which worker when.

    Attributes:
        keys: worker and moment, as one number from `low_ns` on.
        low_ns: when the first one was sent.
        done_ns: when each was answered. good: as expected.
        names: code of the route. words: of each code.
        spans: of each traffic: a row that was sent in one has its request in a window. What is sent while a traffic warms up is in none.
    """

    keys: Ints
    low_ns: int
    done_ns: Ints
    good: Bools
    names: Ints
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    def cover(self, at_ns: Ints) -> Bools:
        """Whether each moment is in a span."""
        inside = np.zeros(len(at_ns), dtype=np.bool_)
        for start_ns, end_ns in self.spans:
            inside |= (at_ns >= start_ns) & (at_ns < end_ns)
        return inside


@once_a_run
def unaccounted(plan: Plan, evidence: Evidence) -> Mapping[str, str]:
    """What contradicts the requests: by account of the plan, and by the table of sign-ins; nothing of what agrees."""
    sent = _requests(evidence)
    if sent is None:
        return {}
    found: dict[str, str] = {}
    writes = evidence.tables.get(JOURNEY_WRITES.name, Table.empty(JOURNEY_WRITES))
    for account in dict.fromkeys(account.name for traffic in plan.traffic.values() for account in traffic.accounts):
        own = writes.where(writes.words["item"].equals(account))
        none = () if len(own) else (f"no write of {account} was recorded",)
        found[account] = "; ".join([*none, *_against(own, sent, f"writes of {account}")])
    sign_ins = evidence.tables.get(SIGN_INS.name, Table.empty(SIGN_INS))
    found[SIGN_INS.name] = "; ".join(_against(sign_ins, sent, "sign-ins"))
    return {name: why for name, why in found.items() if why}


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
        spans=tuple(_spans(windows, max(late_ns, 0))),
    )


def _spans(windows: Iterable[Window], late_ns: int) -> Iterable[tuple[int, int]]:
    """The time of each traffic from its first window, so much later as a request was ever sent late, to the end of its last one."""
    own = defaultdict[str, list[Window]](list)
    for window in windows:
        own[window.traffic].append(window)
    return ((min(w.start_ns for w in each) + late_ns, max(w.end_ns for w in each)) for each in own.values())


def _keys(worker: Ints, sent_ns: Ints, low_ns: int) -> Ints:
    return (sent_ns - low_ns << _WORKER_BITS) | worker.astype(np.int64)


def _against(rows: Table, sent: _Requests, what: str) -> Iterable[str]:
    """What the rows of one account, or the sign-ins, say otherwise than the requests."""
    if not len(rows):
        return
    made_ns, accepted = rows.ints["made_ns"], rows.words["outcome"].equals("accepted")
    keys = _keys(rows.ints["by"], made_ns, sent.low_ns)
    at = np.minimum(np.searchsorted(sent.keys, keys), len(sent.keys) - 1)
    known = sent.keys[at] == keys
    if strays := int((~known & sent.cover(made_ns)).sum()):
        yield f"{strays} of {len(rows)} {what} have no request"
    unlike = (accepted != sent.good[at]) | (rows.ints["accepted_ns"] != sent.done_ns[at])
    if differ := int((known & unlike).sum()):
        yield f"{differ} of {len(rows)} {what} have another outcome than their request, or another time"
    theirs = np.zeros(len(sent.keys), dtype=np.bool_)
    theirs[at[known]] = True
    routes = np.isin(sent.names, sent.names[theirs]) & (sent.names >= 0) & sent.good
    if "item" not in rows.words:  # workers on other machines have no record of whom they signed in
        routes &= np.isin(sent.keys & (1 << _WORKER_BITS) - 1, rows.ints["by"])
    if left := int((routes & ~theirs).sum()):
        named = ", ".join(sorted({sent.words[code] for code in np.unique(sent.names[routes & ~theirs]).tolist()}))
        yield f"{left} of {int(routes.sum())} acknowledged requests of {named} are not among the {what}"
