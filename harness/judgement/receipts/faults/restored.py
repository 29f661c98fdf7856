"""Compares a recorded restore with the histories of the watch, which has no information about experiments.

The run records the restore by its own probes. By the histories of the watch

* every node that was lost during the fault must be Ready,
* workloads that were hit must have as many ready pods as before, or as many as their autoscaler asks for,
* every database member that reported a role before the fault must report a role, and a primary must be known,
* the entry must answer a health probe.

If record and watch contradict each other, nothing is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from harness.judgement.receipts.faults.hits import LATER_NS, falls
from harness.judgement.recovery import probed
from harness.model import Evidence, Experiment, domain_of
from harness.model.planned.domain import DATABASE, ENTRY, NODES
from harness.units import NS_PER_S
from harness.words import some

AROUND_NS: Final = 2 * NS_PER_S
"""How long before and after the restore the watch's records are used, in ns; records after the next fault are never used."""


def contradicted(evidence: Evidence, attempt: Experiment) -> str:
    """Contradictions of the watch to a recorded restore, with their sources; empty if there are none."""
    at_ns, sent_ns = attempt.restore.at_ns, attempt.fault.sent_ns
    if at_ns is None or sent_ns is None:
        return ""
    later = [one.fault.sent_ns for each in evidence.experiments.values() for one in each]
    next_ns = min((other for other in later if other is not None and other > at_ns), default=at_ns + LATER_NS)
    touches = domain_of(attempt.domain).touches
    found = [*_nodes(evidence, sent_ns, min(at_ns + LATER_NS, next_ns))] if NODES in touches else []
    found += _pods(evidence, attempt, sent_ns, min(at_ns + LATER_NS, next_ns))
    around = at_ns - AROUND_NS, min(at_ns + AROUND_NS, next_ns)
    if DATABASE in touches:
        found += _members(evidence, sent_ns, around)
    if ENTRY in touches:
        found += _health(evidence, around)
    return f"the target was recorded as restored, and the watch contradicts this: {'; '.join(found)}" if found else ""


def _nodes(evidence: Evidence, sent_ns: int, until_ns: int) -> Iterable[str]:
    before = {node.name: node.ready for node in evidence.nodes if node.at_ns < sent_ns}
    after = {node.name: node.ready for node in evidence.nodes if node.at_ns < until_ns}
    away = sorted(name for name, ready in before.items() if ready and not after[name])
    if away:
        yield f"{some(away)} was not Ready by then (history/pods.ndjson)"


def _pods(evidence: Evidence, attempt: Experiment, sent_ns: int, until_ns: int) -> Iterable[str]:
    """Texts about pods that were ready and exist but are not ready, and about workloads that were hit and have fewer ready pods than before."""
    was = {pod.uid for pod in evidence.pods_before(sent_ns) if pod.is_ready}
    waiting = sorted(pod.name for pod in evidence.pods_before(until_ns) if pod.uid in was and not pod.is_ready)
    if waiting:
        yield f"{some(waiting)} was not ready by then (history/pods.ndjson)"
    before, after = (_ready(evidence, at_ns) for at_ns in (sent_ns, until_ns))
    gone = {hit.uid for hit in attempt.fault.hit if hit.kind == "pod"}
    hit = {(pod.namespace, pod.workload) for pod in evidence.pods_before(sent_ns) if pod.uid in gone}
    for workload in sorted(hit):
        decided = falls(evidence).get(workload, {})
        fewer = sum(by for at_ns, by in decided.items() if sent_ns <= at_ns < until_ns)
        if after[workload] < before[workload] - fewer:
            n, of = after[workload], before[workload]
            yield f"{'/'.join(workload)} had {n} of {of} ready pods by then (history/pods.ndjson)"


def _ready(evidence: Evidence, at_ns: int) -> Counter[tuple[str, str]]:
    return Counter((pod.namespace, pod.workload) for pod in evidence.pods_before(at_ns) if pod.is_ready)


def _members(evidence: Evidence, sent_ns: int, around: tuple[int, int]) -> Iterable[str]:
    rows = evidence.replicas.where(~evidence.replicas.words["role"].missing)
    before = set(rows.between("at_ns", sent_ns - LATER_NS, sent_ns).words["member"].text())
    asked = evidence.replicas.between("at_ns", *around)
    after = set(rows.between("at_ns", *around).words["member"].text())
    silent = sorted(str(member) for member in (before & set(asked.words["member"].text())) - after)
    if silent:
        yield f"{some(silent)} did not report its role at that time (watch/replicas)"
    leaders = {change.subject: change for change in evidence.leaders if change.at_ns < around[1]}
    yield from (
        f"{subject} had no primary at that time (history/pods.ndjson)"
        for subject, change in leaders.items()
        if change.before and not change.after
    )


def _health(evidence: Evidence, around: tuple[int, int]) -> Iterable[str]:
    rows = evidence.probes.between("sent_ns", *around)
    own = rows.where(rows.words["subject"].equals(ENTRY) & rows.words["kind"].equals("health"))
    if len(own) and not probed(own).any():
        yield f"none of {len(own)} health probes at the entry was answered at that time (watch/entry)"
