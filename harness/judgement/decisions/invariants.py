"""Invariants of a platform without a fault: one constant primary, no restarted container, no lost pod or node, and no part missing at the end.

A fault explains a violation between the fault and a few seconds after the restore if it can have caused it:

* a change of roles, if it affects the database,
* a lost node, if it hit the node or its region,
* one restart of a container per pod, if it hit the pod's workload or region, or if its hits are unknown,
* any lost pod, because `receipts/faults/restored.py` compares the restore with the history.

Rollouts have their own figures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Self

from harness.judgement.receipts.faults.attempts import answered_until_ns, known_until_ns
from harness.judgement.receipts.faults.hits import LATER_NS, falls
from harness.model import Evidence, Experiment, PodChange, domain_of
from harness.model.judged.harm import Harm
from harness.model.planned.domain import DATABASE, NODES
from harness.units import NS_PER_S

TOGETHER_S: Final = 3
"""Two primaries for fewer seconds than this are one change of the primary, observed at two members."""
HANDOVER_S: Final = 10
"""A fault that touches the database explains two primaries for this many seconds: a member that was cut off or frozen reports the primary role until it learns of the new primary."""
LAST_NS: Final = 3 * NS_PER_S
"""A member of the database that answers no probe in this last time of the watch, in ns, is not present at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultCause:
    """One attempt at a fault, and the violations that it explains.

    Attributes:
        attempt: the attempt; its fault was sent.
        start_ns: time of the fault.
        end_ns: a few seconds after the restore; without a recorded restore the end of the fault's effect.
        members: members of the database that the fault hit.
    """

    attempt: Experiment
    start_ns: int
    end_ns: int
    members: frozenset[str]

    @classmethod
    def of(cls, evidence: Evidence, attempt: Experiment) -> Self:
        """The cause for an attempt, from its record and the records of the database members."""
        start_ns = attempt.fault.sent_ns or 0
        known = {change.after for change in evidence.leaders} | set(evidence.replicas.words["member"].present)
        until_ns = known_until_ns if attempt.restore.ok is None else answered_until_ns
        return cls(
            attempt=attempt,
            start_ns=start_ns,
            end_ns=until_ns(evidence, attempt) + LATER_NS,
            members=frozenset(hit.name for hit in attempt.fault.hit if hit.name in known),
        )

    def has(self, at_ns: int) -> bool:
        """Whether the fault explains violations at this moment."""
        return self.start_ns <= at_ns < self.end_ns

    @property
    def of_roles(self) -> bool:
        """Whether the fault can change roles in the database."""
        return bool(self.members) or DATABASE in domain_of(self.attempt.domain).touches

    def of_node(self, name: str, region: str) -> bool:
        """Whether the fault can have caused the loss of this node."""
        nodes = {hit.name for hit in self.attempt.fault.hit if hit.kind == "node"}
        regions = {hit.region for hit in self.attempt.fault.hit} if self.attempt.domain == "region" else set()
        return NODES in domain_of(self.attempt.domain).touches and (not nodes or name in nodes or region in regions)

    def of_restart(self, pod: PodChange) -> bool:
        """Whether the fault can have restarted a container of this pod once; a fault of the database can affect every pod."""
        hit = self.attempt.fault.hit
        return (
            not hit
            or self.attempt.domain == DATABASE
            or pod.region in {one.region for one in hit}
            or (pod.namespace, pod.workload) in {(one.namespace, one.workload) for one in hit}
        )


def broken(evidence: Evidence) -> Iterable[tuple[Harm, int]]:
    """Number of violations of each invariant in the windows without a rollout, and number of parts missing at the end."""
    spans = [window.span for window in evidence.windows.values() if not window.rollout]
    sent = [a for a in chain.from_iterable(evidence.experiments.values()) if a.fault.sent_ns is not None]
    causes = [FaultCause.of(evidence, attempt) for attempt in sorted(sent, key=lambda one: one.fault.sent_ns or 0)]
    yield Harm.TWO_PRIMARIES, _two_primaries(evidence, spans, causes)
    yield Harm.PRIMARY_CHANGED, _changes(evidence, spans, causes)
    yield Harm.RESTARTED, _restarts(evidence, spans, causes)
    yield Harm.PODS_GONE, _pods_gone(evidence, spans, causes)
    yield Harm.NODES_GONE, _nodes_gone(evidence, spans, causes)
    yield Harm.NODES_LOST, _nodes_lost(evidence)
    yield Harm.PODS_LOST, _pods_lost(evidence)
    yield Harm.MEMBERS_LOST, _members_lost(evidence)


def _within(at_ns: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= at_ns < end for start, end in spans)


def _two_primaries(evidence: Evidence, spans: Sequence[tuple[int, int]], causes: Sequence[FaultCause]) -> int:
    """Number of seconds in which several members reported the primary role, beyond what faults explain; 0 if they are only a change of the primary."""
    rows = evidence.replicas.where(evidence.replicas.words["role"].equals("primary"))
    members = defaultdict[int, set[str | None]](set)
    for at_ns, member in zip(rows.ints["at_ns"].tolist(), rows.words["member"].text(), strict=True):
        members[at_ns // NS_PER_S].add(member)
    found = {second for second, named in members.items() if len(named) > 1 and _within(second * NS_PER_S, spans)}
    for cause in causes:
        own = {second for second in found if cause.of_roles and cause.has(second * NS_PER_S)}
        found -= own if len(own) <= HANDOVER_S else set()
    return len(found) if len(found) >= TOGETHER_S else 0


def _changes(evidence: Evidence, spans: Sequence[tuple[int, int]], causes: Sequence[FaultCause]) -> int:
    """Number of changes of the primary, beyond one for each member that a fault hit and one change back."""
    changed = [one.at_ns for one in evidence.leaders if one.before and one.after != one.before]
    left = [at_ns for at_ns in changed if _within(at_ns, spans)]
    for cause in causes:
        own = [at_ns for at_ns in left if cause.of_roles and cause.has(at_ns)]
        explained = set(own[: max(len(cause.members), 1) + 1])
        left = [at_ns for at_ns in left if at_ns not in explained]
    return len(left)


def _restarts(evidence: Evidence, spans: Sequence[tuple[int, int]], causes: Sequence[FaultCause]) -> int:
    """Number of restarts of containers that no fault explains."""
    found = 0
    explained = set[tuple[int, str]]()
    for pod in evidence.pods:
        if pod.what != "restarted" or not _within(pod.at_ns, spans):
            continue
        hit = any(cause.has(pod.at_ns) and _is_hit(cause.attempt, pod) for cause in causes)
        once = {
            (number, pod.uid) for number, cause in enumerate(causes) if cause.has(pod.at_ns) and cause.of_restart(pod)
        }
        found += not hit and not once - explained
        explained |= once
    return found


def _is_hit(attempt: Experiment, pod: PodChange) -> bool:
    return any((hit.name, hit.namespace) == (pod.name, pod.namespace) for hit in attempt.fault.hit)


def _pods_gone(evidence: Evidence, spans: Sequence[tuple[int, int]], causes: Sequence[FaultCause]) -> int:
    """Number of pods that ended, beyond what autoscalers asked for, and of pods that were not ready for a while; a single pod of the latter proves nothing.

    Only workloads with ready pods when the watch began are expected to stay; other pods, such as those of a Job, end by themselves.
    """
    ready: dict[str, bool] = {}
    left = _scaled_down(evidence)
    stays = {(pod.namespace, pod.workload) for pod in evidence.pods if pod.what == "present" and pod.is_ready}
    ended = flapped = 0
    away: dict[str, int] = {}
    for pod in evidence.pods:
        was, ready[pod.uid] = ready.get(pod.uid, False), pod.is_ready
        lost = (pod.namespace, pod.workload) in stays and _within(pod.at_ns, spans)
        if not lost or any(cause.has(pod.at_ns) for cause in causes):
            continue
        if was and not pod.is_ready:
            away[pod.uid] = pod.at_ns
        if pod.what == "deleted" and away.pop(pod.uid, None) is not None:
            asked = left[pod.namespace, pod.workload] > 0
            left[pod.namespace, pod.workload] -= asked
            ended += not asked
        flapped += pod.is_ready and away.pop(pod.uid, None) is not None
    return ended + (flapped if flapped > 1 else 0)


def _scaled_down(evidence: Evidence) -> Counter[tuple[str, str]]:
    """By how many pods autoscalers lowered each workload, in the whole run."""
    return Counter({workload: sum(by.values()) for workload, by in falls(evidence).items()})


def _nodes_gone(evidence: Evidence, spans: Sequence[tuple[int, int]], causes: Sequence[FaultCause]) -> int:
    """Number of times that a node was no longer ready without a fault that explains it."""
    ready: dict[str, bool] = {}
    found = 0
    for node in evidence.nodes:
        was, ready[node.name] = ready.get(node.name, False), node.ready
        if was and not node.ready and _within(node.at_ns, spans):
            found += not any(cause.has(node.at_ns) and cause.of_node(node.name, node.region) for cause in causes)
    return found


def _nodes_lost(evidence: Evidence) -> int:
    """Nodes that were ready when the run began, and were not when it ended."""
    first: dict[str, bool] = {}
    last: dict[str, bool] = {}
    for node in evidence.nodes:
        first.setdefault(node.name, node.ready)
        last[node.name] = node.ready
    return sum(first[name] and not ready for name, ready in last.items())


def _pods_lost(evidence: Evidence) -> int:
    """Number of pods that exist at the end but are not ready, of workloads that have fewer ready pods than when the run began."""
    first = Counter((pod.namespace, pod.workload) for pod in evidence.pods if pod.what == "present" and pod.is_ready)
    last = {pod.uid: pod for pod in evidence.pods if not (pod.what == "present" and not pod.is_ready)}
    there = [pod for pod in last.values() if pod.what != "deleted"]
    ready = Counter((pod.namespace, pod.workload) for pod in there if pod.is_ready)
    waiting = Counter((pod.namespace, pod.workload) for pod in there if not pod.is_ready)
    return sum(min(waiting[workload], max(n - ready[workload], 0)) for workload, n in first.items())


def _members_lost(evidence: Evidence) -> int:
    """Number of database members that reported a role earlier, but none in the last seconds of the watch."""
    rows = evidence.replicas
    if not len(rows):
        return 0
    known = rows.where(~rows.words["role"].missing)
    late = known.ints["at_ns"] >= int(rows.ints["at_ns"].max()) - LAST_NS
    return len(set(known.words["member"].present) - set(known.where(late).words["member"].text()))
