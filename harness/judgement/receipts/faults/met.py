"""Whether a fault affected any request: a failover that no request went through proves nothing.

A fault affected requests if one of these is true:

* More requests failed or were slow between the fault and its undo (without an undo: the restore) than before the fault.
* The hit object had answered requests before: a pod by its name in the users' answers, or the primary of the database.

A fault of domain `cache` must have affected a primary of a cache: its keys could not be read or written as often as before, or another server has its
slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from harness.judgement.once import once_a_run
from harness.judgement.receipts.faults.attempts import answered_until_ns, quiet_windows, samples_due
from harness.judgement.receipts.watch import probes_of
from harness.judgement.recovery import Requests
from harness.judgement.recovery.usual import AS_BEFORE, CONFIDENCE
from harness.judgement.recovery.way import STALL_NS
from harness.judgement.special import bdtrc
from harness.judgement.stats.statistics import share_at_most
from harness.model import Evidence, Experiment, Plan, Table
from harness.model.planned.domain import CACHE as CACHE_LOSS
from harness.model.records.table import CACHE, Bools, Ints
from harness.units import NS_PER_S

UNMET: Final = "the fault affected no request"
TO_MEET: Final = "break an object that serves requests, such as the primary or a pod that answers, or end the sentence with `or is not felt`"
_BEFORE_NS: Final = 20 * NS_PER_S
"""A pod that answered no user in this time before the fault, in ns, was not in use."""
_CACHE_AS_BEFORE: Final = "every primary of the caches was read and written as before, and kept its slots"
_SLOWER: Final = 2.0
"""A slow answer takes this many times as long as 99 % of the answers before the first fault, and at least as long as a stall."""


@once_a_run
def unmet(plan: Plan, evidence: Evidence, attempt: Experiment) -> str:
    """Why the fault of this attempt affected no request of a user or probe; empty if it affected one, or if it was not sent."""
    sent_ns = attempt.fault.sent_ns
    if sent_ns is None:
        return ""
    answered_ns = answered_until_ns(evidence, attempt)
    span = (sent_ns, max(min(attempt.fault.undone_ns or answered_ns, answered_ns), sent_ns + 1))
    if attempt.domain == CACHE_LOSS:
        return "" if _primary_met(evidence, span) else f"{UNMET}: {_CACHE_AS_BEFORE}"
    if any(_signs(plan, evidence, attempt, span)):
        return ""
    return (
        f"{UNMET}: failed and slow requests were as frequent as before the fault, and no hit object had answered a user"
    )


def _signs(plan: Plan, evidence: Evidence, attempt: Experiment, span: tuple[int, int]) -> Iterator[bool]:
    """Whether a request met the fault, by each kind of sign, the surest first."""
    before = samples_due(evidence, None, (span[0] - _BEFORE_NS, span[0]))
    pods, regions = (before.words[column].counts for column in ("served_pod", "served_region"))
    hit = attempt.fault.hit
    yield any(pods.get(one.name) for one in hit)
    if attempt.domain == "region" or not any(one.kind == "pod" for one in hit):  # what ran on a node is not known
        yield any(regions.get(one.region) for one in hit)
    changed = (one.at_ns for one in evidence.leaders if one.before and one.after != one.before)
    yield any(span[0] <= at_ns <= span[1] for at_ns in changed)
    for requests in _asked(plan, evidence, span):
        under, usual = requests.between(*span), _quiet(evidence, requests)
        slow_ns = max(float(STALL_NS), _SLOWER * float(np.quantile(_took(usual), 0.99)) if len(usual) else 0.0)
        yield _is_more(~under.ok, ~usual.ok)
        yield _is_more(_took(under) > slow_ns, _took(usual) > slow_ns)


def _primary_met(evidence: Evidence, span: tuple[int, int]) -> bool:
    """Whether a primary of a cache met the fault."""
    rows = evidence.recorded.get(CACHE.name) or Table.empty(CACHE)
    before, under = rows.between("sent_ns", span[0] - _BEFORE_NS, span[0]), rows.between("sent_ns", *span)
    if not len(before):
        return False
    if _is_more(~under.words["error"].missing, ~before.words["error"].missing):
        return True
    return not {*under.words["servers"].present} <= {*before.words["servers"].present}


def _asked(plan: Plan, evidence: Evidence, span: tuple[int, int]) -> Iterator[Requests]:
    """The requests of probes, of the ledger and of the users, from before the first fault to the end of the span."""
    yield probes_of(evidence, "reads")
    yield probes_of(evidence, "writes")
    yield from (Requests.reads(evidence.probes, door) for door in plan.doors)
    yield Requests.users(samples_due(evidence, None, (0, span[1])))


def _quiet(evidence: Evidence, requests: Requests) -> Requests:
    """The requests that were sent before the first fault."""
    sent, mask = requests.sent_ns, np.zeros(len(requests), dtype=np.bool_)
    for window in quiet_windows(evidence, None):
        mask |= (sent >= window.start_ns) & (sent < window.end_ns)
    return requests.where(mask)


def _took(requests: Requests) -> Ints:
    return requests.done_ns - requests.sent_ns


def _is_more(bad: Bools, usual: Bools) -> bool:
    """Whether more requests are bad than chance explains, given those before the first fault; if none was bad before, one is more."""
    k, before = int(bad.sum()), int(usual.sum())
    if not k or not before:
        return bool(k)
    return bdtrc(k - 1, len(bad), share_at_most(before, len(usual), CONFIDENCE)) < AS_BEFORE
