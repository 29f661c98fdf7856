"""Hits of a fault: an independent history must show each hit, and each hit must be an object that the objective names.

The histories of pods, nodes and the database's leader are used. Their watcher has no information about experiments, so they are independent of the
probe that confirmed the fault. A probe that was true before the action confirms nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.model import Evidence, Experiment, Hit, Objective, Receipt
from harness.model.observations import AutoscalerSeen
from harness.model.planned.domain import DATABASE
from harness.units import NS_PER_S
from harness.words import some

LATER_NS: Final = 5 * NS_PER_S
"""Time after the confirmation in which a history may show the hit."""
EACH_SERVICE: Final = "each service"
"""Value of the parameter `hit` for a pod of every service."""
SCALED_DOWN: Final = "which either the fault hit or the autoscaler ended"
"""Words for a hit that is not proven."""
SCALED_DOWN_HINT: Final = (
    "run again while no autoscaler scales down, or report the hit pods from the experiment's action"
)
_GONE: Final = frozenset({"deleted", "unready"})
_OF_NODES: Final = frozenset({"node", "zone", "region"})
"""Domains whose faults hit nodes."""


def gone_receipt(evidence: Evidence, attempt: Experiment) -> Receipt:
    """Whether the histories show every hit between the action and a few seconds after the confirmation.

    If the fault hit nodes, only nodes are checked, because their pods end later. A fault of domain `region` must have hit every node of each region.
    Pods that their autoscaler may have ended do not count.
    """
    if not any(hit.kind in {"node", "pod"} for hit in attempt.fault.hit):
        return _no(attempt, "neither a pod nor a node was hit")
    hits = proven_hits(evidence, attempt)
    nodes = [hit for hit in hits if hit.kind == "node"]
    expected = nodes or [hit for hit in hits if hit.kind == "pod"]
    if not expected:
        scaled = _some([hit.name for hit in attempt.fault.hit if hit.kind == "pod"])
        return _no(attempt, f"{scaled} ended when the autoscaler scaled down, and no action reported it as hit")
    left = [hit.name for hit in expected if not _went(evidence, attempt, hit)]
    if left:
        return _no(attempt, f"the pod and node histories do not show that {_some(left)} was lost")
    if attempt.domain == "region":
        for region in sorted({hit.region for hit in attempt.fault.hit if hit.region}):
            receipt = region_receipt(evidence, attempt, region)
            if not receipt.ok:
                return receipt
    drained = "" if nodes or attempt.domain not in _OF_NODES else " (their nodes were drained and did not lose power)"
    why = f"{attempt.name}: the histories show the loss of {_some([hit.name for hit in expected])}{drained}"
    return Receipt(ok=True, why=why, files=("history/pods.ndjson",))


def proven_hits(evidence: Evidence, attempt: Experiment) -> tuple[Hit, ...]:
    """The hits of an attempt; if no action reported them, without pods that an autoscaler may have ended.

    An autoscaler may have ended the pods that ended within a few seconds of a scale-down of their workload. If more pods ended than the scale-down
    explains, some of them were hit; it is unknown which, so all are kept.
    """
    if not attempt.fault.inferred:
        return attempt.fault.hit
    scaled: set[Hit] = set()
    for workload, own_falls in falls(evidence).items():
        ends = {hit: _ends_ns(evidence, attempt, hit) for hit in attempt.fault.hit if hit.is_of(*workload)}
        near = {
            hit: {at for at in own_falls for ended in own if abs(ended - at) <= LATER_NS} for hit, own in ends.items()
        }
        doubtful = {hit for hit, at in near.items() if at}
        if len(doubtful) <= sum(own_falls[at] for at in set().union(*near.values())):
            scaled |= doubtful
    return tuple(hit for hit in attempt.fault.hit if hit not in scaled)


def named_receipt(evidence: Evidence, attempt: Experiment, objective: Objective) -> Receipt:
    """Whether the fault hit the objects that the objective names; ok if it names no object.

    The parameter `lost_region` names a region, `zone_of` a zone of a region, `hit: primary` the primary, `hit: each service` one pod of each service.
    """
    if region := objective.params.get("lost_region", ""):
        return region_receipt(evidence, attempt, region)
    if objective.params.get("hit") == "primary":
        return _primary_receipt(evidence, attempt)
    if region := objective.params.get("zone_of", ""):
        return _zone_receipt(evidence, attempt, region, objective.scope.experiments)
    if objective.params.get("hit") == EACH_SERVICE:
        return _services_receipt(evidence, attempt)
    return Receipt(ok=True, why=f"{attempt.name}: the sentence names no particular object")


def region_receipt(evidence: Evidence, attempt: Experiment, region: str) -> Receipt:
    """Whether the history shows the loss of every node of a region."""
    if region not in {hit.region for hit in attempt.fault.hit}:
        return _no(attempt, f"{region} was not hit", ok=False)
    sent_ns = attempt.fault.sent_ns or 0
    up = _up(evidence, region, sent_ns)
    if not up:
        return _no(attempt, f"no history contains the nodes of {region}")
    left = [name for name in up if not _node_went(evidence, attempt, name)]
    if left:
        return _no(attempt, f"{_some(left)} of {region} was not lost", ok=False)
    return Receipt(
        ok=True, why=f"{attempt.name}: all {len(up)} nodes of {region} were lost", files=("history/pods.ndjson",)
    )


def _up(evidence: Evidence, region: str, at_ns: int) -> list[str]:
    """The nodes of a region that were Ready at a moment, by name."""
    known = {change.name: change.ready for change in evidence.nodes if change.at_ns < at_ns and change.region == region}
    return sorted(name for name, ready in known.items() if ready)


def _zone_receipt(evidence: Evidence, attempt: Experiment, region: str, experiments: tuple[str, ...]) -> Receipt:
    """Whether a part of the region was lost and another part stayed, and the experiments together hit every node of the region."""
    sent_ns = attempt.fault.sent_ns or 0
    known = set(_up(evidence, region, sent_ns))
    own = {hit.name for hit in attempt.fault.hit if hit.kind == "node"}
    foreign = sorted(hit.name for hit in attempt.fault.hit if hit.kind == "node" and hit.region != region)
    if not known:
        return _no(attempt, f"no history contains the nodes of {region}")
    if not own or foreign or own >= known:
        what = (
            f"{_some(foreign)} is not in {region}"
            if foreign
            else f"the fault hit {_some(sorted(own))} of {len(known)} nodes"
        )
        return _no(attempt, f"{what}, expected one zone of {region}", ok=False)
    tried = {
        hit.name for name in experiments for other in evidence.experiments.get(name, ()) for hit in other.fault.hit
    }
    if untried := sorted(known - tried):
        return _no(attempt, f"no experiment hit {_some(untried)} of {region}, so not every zone was tested")
    return Receipt(ok=True, why=f"{attempt.name}: {_some(sorted(own))} of the {len(known)} nodes of {region} was lost")


def _services_receipt(evidence: Evidence, attempt: Experiment) -> Receipt:
    """Whether a pod was hit of every workload that existed in the same namespace before the fault."""
    places = {hit.namespace for hit in attempt.fault.hit if hit.kind == "pod"}
    there = {
        change.workload for change in evidence.pods_before(attempt.fault.sent_ns or 0) if change.namespace in places
    }
    ended = {one.workload for one in attempt.fault.hit if one.kind == "pod"}
    hit = {one.workload for one in proven_hits(evidence, attempt) if one.kind == "pod"}
    if hit and not there:
        return _no(attempt, f"no history contains the pods of {_some(sorted(places))}")
    if untouched := sorted(there - hit - {""}):
        if not set(untouched) - ended:
            return _no(attempt, f"the pods of {_some(untouched)} ended when the autoscaler scaled down")
        return _no(attempt, f"no pod of {_some(untouched)} was hit", ok=False)
    return Receipt(ok=bool(hit), why=f"{attempt.name}: a pod of each of {_some(sorted(hit))} was hit")


def whole_service_receipt(evidence: Evidence, attempt: Experiment, service: str) -> Receipt:
    """Whether every pod of a service that ran before the fault was hit."""
    there = {
        change.uid: change.name
        for change in evidence.pods_before(attempt.fault.sent_ns or 0)
        if change.workload == service
    }
    hit = {one.uid for one in attempt.fault.hit if one.kind == "pod" and one.workload == service}
    if not there:
        return _no(attempt, f"no history contains the pods of {service}")
    if left := sorted(name for uid, name in there.items() if uid not in hit):
        return _no(
            attempt, f"the fault did not hit {_some(left)} of {service}, expected every pod of the service", ok=False
        )
    return Receipt(ok=True, why=f"{attempt.name}: all {len(there)} pods of {service} were hit")


def primary_at(evidence: Evidence, at_ns: int) -> frozenset[str]:
    """The members that led their database at a moment."""
    leaders = {change.subject: change.after for change in evidence.leaders if change.at_ns <= at_ns}
    return frozenset(name for name in leaders.values() if name)


def _primary_receipt(evidence: Evidence, attempt: Experiment) -> Receipt:
    primary = primary_at(evidence, attempt.fault.sent_ns or 0)
    hit = {item.name for item in attempt.fault.hit}
    if not primary:
        return _no(attempt, "no history shows which member was primary at the time of the fault")
    if not primary & hit:
        return _no(
            attempt, f"the fault hit {_some(sorted(hit))}, expected the primary {_some(sorted(primary))}", ok=False
        )
    return Receipt(ok=True, why=f"{attempt.name}: {_some(sorted(primary & hit))} was the primary")


def _went(evidence: Evidence, attempt: Experiment, hit: Hit) -> bool:
    if hit.kind == "node":
        return _node_went(evidence, attempt, hit.name)
    return bool(_ends_ns(evidence, attempt, hit))


def _ends_ns(evidence: Evidence, attempt: Experiment, hit: Hit) -> list[int]:
    """When the history shows the loss of a pod while the fault took effect, in ns."""
    since_ns, until_ns = _span(attempt)
    return [
        change.at_ns
        for change in evidence.pods
        if change.what in _GONE
        and since_ns <= change.at_ns <= until_ns
        and (change.uid == hit.uid if hit.uid else (change.name, change.namespace) == (hit.name, hit.namespace))
    ]


def falls(evidence: Evidence) -> dict[tuple[str, str], dict[int, int]]:
    """The scale-downs by autoscalers: time and number of replicas, by namespace and name of the workload."""
    said: dict[str, int] = {}
    falls: dict[tuple[str, str], dict[int, int]] = {}
    for one in evidence.every(AutoscalerSeen):
        fewer = said.get(one.subject, 0) - one.desired
        if fewer > 0:
            falls.setdefault((one.subject.partition("/")[0], one.target), {})[one.when_ns] = fewer
        said[one.subject] = one.desired
    return falls


def _node_went(evidence: Evidence, attempt: Experiment, name: str) -> bool:
    since_ns, until_ns = _span(attempt)
    return any(
        change.name == name and not change.ready and since_ns <= change.at_ns <= until_ns for change in evidence.nodes
    )


def returned_early(evidence: Evidence, attempt: Experiment) -> str:
    """Why the fault had ended before its undo; empty if it had not, or if nothing was undone.

    The fault had ended if a node that was hit was Ready again before the undo, or if the primary of the database was restarted before it: a restarted
    primary has not failed over.
    """
    sent_ns, undone_ns = attempt.fault.sent_ns or 0, attempt.fault.undone_ns
    if undone_ns is None:
        return ""
    for hit in attempt.fault.hit:
        changes = [change for change in evidence.nodes if hit.kind == "node" and change.name == hit.name]
        went_ns = min(
            (change.at_ns for change in changes if not change.ready and change.at_ns >= sent_ns), default=None
        )
        back = [c.at_ns for c in changes if c.ready and went_ns is not None and went_ns < c.at_ns < undone_ns]
        if back:
            return _early(hit, min(back), undone_ns)
    primary = primary_at(evidence, sent_ns) if attempt.domain == DATABASE else frozenset[str]()
    for hit in attempt.fault.hit:
        if hit.kind == "pod" and hit.name in primary:
            back = [
                change.at_ns
                for change in evidence.pods
                if (change.name, change.namespace) == (hit.name, hit.namespace)
                and change.uid != hit.uid
                and change.is_ready
                and sent_ns < change.at_ns < undone_ns
            ]
            if back:
                return _early(hit, min(back), undone_ns)
    return ""


def _early(hit: Hit, back_ns: int, undone_ns: int) -> str:
    return f"{hit.name} was Ready again {(undone_ns - back_ns) / NS_PER_S:.3g} s before the fault was undone"


def _span(attempt: Experiment) -> tuple[int, int]:
    sent_ns = attempt.fault.sent_ns or 0
    return sent_ns, (attempt.fault.confirmed_ns or sent_ns) + LATER_NS


def _no(attempt: Experiment, why: str, *, ok: bool | None = None) -> Receipt:
    return Receipt(ok=ok, why=f"{attempt.name}: {why}", files=(*attempt.files, "history/pods.ndjson"))


def _some(names: Iterable[str]) -> str:
    return some([*names]) or "nothing"
