"""Harm of the time without a fault that users' requests and health probes need not show, and that the watch recorded.

Reads at the entry, writes of the ledger, and reads at each region's own entry are held against what the claims promise users: a share of failures
that is proven beyond the promised error rate, or a share of late answers beyond what the promised p95 leaves, is harm. So is what has no cause without
a fault: two primaries at a time, another primary, containers that are started again, and a node that was ready and is not at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from scipy.special import bdtrc

from harness.judgement.recovery import Requests
from harness.judgement.recovery.usual import LATE, promised_failures, promised_ms
from harness.model import Evidence, Figure, Plan
from harness.model.harm import Harm
from harness.units import NS_PER_S

UNPROMISED: Final = 0.01
"""Where no error rate is promised, more failures than this are harm."""
BY_CHANCE: Final = 0.0025
"""As many failures as a platform at its limit has more often than this prove nothing: the judge's own confidence of a FAIL."""
TOGETHER_S: Final = 3
"""Two primaries for fewer seconds are one change, seen from two members."""

_FAILED: Final = frozenset({Harm.READS_FAILED, Harm.WRITES_FAILED, Harm.REGION_READS_FAILED})
_LATE: Final = frozenset({Harm.READS_LATE, Harm.WRITES_LATE, Harm.REGION_READS_LATE})
QUIET_HARM: Final = {Figure.ERROR_RATE: _FAILED, Figure.UPTIME: _FAILED, Figure.RESPONSE_TIME: _LATE}
"""By figure: the harm that a row which fails for it has told of."""

Spans = Sequence[tuple[int, int]]


def quiet_harm(plan: Plan, evidence: Evidence) -> Iterable[tuple[Harm, int]]:
    """How often each kind of it was seen in the windows without a fault and without a rollout."""
    spans = [window.span for window in evidence.fault_free() if not window.rollout]
    if not spans:
        return
    reads = Requests.reads(evidence.probes)
    yield from _unserved(plan, reads, spans, Harm.READS_FAILED, Harm.READS_LATE)
    yield from _unserved(plan, Requests.writes(evidence.ledger.writes), spans, Harm.WRITES_FAILED, Harm.WRITES_LATE)
    for door in plan.doors:
        doors = Requests.reads(evidence.probes, door)
        yield from _unserved(plan, doors, spans, Harm.REGION_READS_FAILED, Harm.REGION_READS_LATE)
    yield Harm.TWO_PRIMARIES, _two_primaries(evidence, spans)
    changes = (change.at_ns for change in evidence.leaders if change.before and change.after != change.before)
    yield Harm.PRIMARY_CHANGED, _within(changes, spans)
    yield Harm.RESTARTED, _within((pod.at_ns for pod in evidence.pods if pod.what == "restarted"), spans)
    yield Harm.NODES_LOST, _nodes_lost(evidence)


def _unserved(plan: Plan, requests: Requests, spans: Spans, failed: Harm, late: Harm) -> Iterable[tuple[Harm, int]]:
    own = [requests.between(*span) for span in spans]
    n, answered = sum(map(len, own)), sum(int(one.ok.sum()) for one in own)
    yield failed, _beyond(n - answered, n, promised_failures(plan) or UNPROMISED)
    promised = promised_ms(plan)
    if promised is not None:
        over = sum(int((one.ok & ~one.served(promised)).sum()) for one in own)
        yield late, _beyond(over, answered, LATE)


def _beyond(bad: int, n: int, share: float) -> int:
    """The number of bad ones where it proves a share beyond this; else 0."""
    return bad if bad and float(bdtrc(bad - 1, n, share)) < BY_CHANCE else 0


def _two_primaries(evidence: Evidence, spans: Spans) -> int:
    """Seconds in which several members said that they are the primary; 0 where they are too few to be more than a change."""
    rows = evidence.replicas.where(evidence.replicas.words["role"].equals("primary"))
    members = defaultdict[int, set[str | None]](set)
    for at_ns, member in zip(rows.ints["at_ns"].tolist(), rows.words["member"].text(), strict=True):
        members[at_ns // NS_PER_S].add(member)
    seconds = sorted(second for second, named in members.items() if len(named) > 1)
    found = _within((second * NS_PER_S for second in seconds), spans)
    return found if found >= TOGETHER_S else 0


def _nodes_lost(evidence: Evidence) -> int:
    """Nodes that were ready when the run began, and were not when it ended."""
    first: dict[str, bool] = {}
    last: dict[str, bool] = {}
    for node in evidence.nodes:
        first.setdefault(node.name, node.ready)
        last[node.name] = node.ready
    return Counter(first[name] and not ready for name, ready in last.items())[True]


def _within(moments: Iterable[int], spans: Spans) -> int:
    at = np.fromiter(moments, dtype=np.int64)
    return int(sum(((at >= start) & (at < end)).sum() for start, end in spans))
