"""Pods in the users' requests: first and last answer of a new or killed pod, and lost requests.

A killed pod gives no answers, so only failures show whether it still receives requests: requests on the routes of its workload that name no pod and fail
with a gateway status or without an answer. Their share is compared with the share before the fault, to find an increase that chance does not explain.
A route belongs to a workload if an answer before the fault names one of the workload's pods.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.judgement.receipts.faults.attempts import known_until_ns, quiet_windows, samples_due
from harness.judgement.receipts.faults.hits import proven_hits
from harness.judgement.special import bdtrc
from harness.model import Evidence, Experiment, Hit, PodChange, Table
from harness.model.records.table import Bools
from harness.units import NS_PER_S

_EVER: Final = 2**63 - 1
ENOUGH: Final = 6.0
"""Expected requests for which their absence is not chance: e⁻⁶ is under 0.25 %."""
GATEWAY: Final = (502, 503, 504)
"""Status codes of a forwarder that found no pod."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """Observations of one pod in the users' requests.

    Attributes:
        pod: name of the pod.
        what: `new` or `killed`.
        seconds: new pod: time from Ready to the first answer; killed pod: from its end to the last answered request; in s; None: no answer.
        watched_s: length of the observation after Ready or after the end of the pod, in s.
        per_s: expected number of requests per second.
        later: for a killed pod, the requests of its routes after the limit; None: its routes are unknown.
    """

    pod: str
    what: str
    seconds: float | None
    watched_s: float
    per_s: float
    later: Later | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """Requests on the routes of a killed pod's workload: before the fault, and after the limit.

    Attributes:
        n_before: number of requests before the fault.
        failed_before: number of failed requests before the fault.
        n: number of requests after the limit.
        failed: number of failed requests after the limit.
        expected: number of requests after the limit that an undetected dead pod would have received.
        last_s: time of the last failed request, in s from the end of the pod.
    """

    n_before: int
    failed_before: int
    n: int
    failed: int
    expected: float
    last_s: float = 0.0

    @property
    def chance(self) -> float:
        """Probability of at least this many failures at the failure rate before the fault."""
        if not self.failed:
            return 1.0
        share = self.n / max(self.n + self.n_before, 1)
        return bdtrc(self.failed - 1, self.failed + self.failed_before, share)


def sightings(
    what: str, evidence: Evidence, attempt: Experiment, *, traffic: str | None, limit_s: float
) -> Iterable[Sighting]:
    """Sightings of the new or killed pods, for workloads whose pods are named in answers.

    Args:
        what: `new` or `killed`.
        evidence: evidence of the run.
        attempt: the attempt with the fault.
        traffic: name of the traffic whose requests count; None: all traffics.
        limit_s: maximum time in s for which a killed pod may receive requests.
    """
    answered = _answered(evidence)
    serving = {_home(change) for change in evidence.pods if change.name in answered}
    sent_ns = attempt.fault.sent_ns or attempt.observed_from_ns
    span = (sent_ns, max(known_until_ns(evidence, attempt), sent_ns))
    samples = samples_due(evidence, traffic, span)
    end_ns = min(span[1], max((w.end_ns for w in evidence.windows.values()), default=span[1]))
    own = (sent_ns, max(attempt.observed_until_ns, sent_ns))
    for change in new_pods(evidence, attempt, own) if what == "new" else killed_pods(evidence, attempt, own):
        if _home(change) not in serving:
            continue
        answers = samples.where(samples.words["served_pod"].equals(change.name))
        answers = answers.between("sent_ns", *_own_time(evidence, change, what))
        times = answers.ints["done_ns"] if what == "new" else answers.ints["sent_ns"]
        at_ns = None if not len(times) else int(times.min()) if what == "new" else int(times.max())
        yield Sighting(
            pod=change.name,
            what=what,
            seconds=None if at_ns is None else max(at_ns - change.at_ns, 0) / NS_PER_S,
            watched_s=max(end_ns - change.at_ns, 0) / NS_PER_S,
            per_s=_per_s(evidence, samples, change, end_ns),
            later=None if what == "new" else _later(evidence, samples, change, traffic=traffic, limit_s=limit_s),
        )


def _own_time(evidence: Evidence, change: PodChange, what: str) -> tuple[int, int]:
    """The span in which answers with the pod's name come from this pod, in ns: a StatefulSet gives the next pod the name of the last."""
    name = (change.namespace, change.name)
    others = [one for one in evidence.pods if (one.namespace, one.name) == name and one.uid != change.uid]
    if what == "killed":
        return 0, min((one.at_ns for one in others if one.at_ns > change.at_ns), default=_EVER)
    gone = [one.at_ns for one in others if one.what == "deleted" and one.at_ns <= change.at_ns]
    return max(gone, default=0), _EVER


def _answered(evidence: Evidence) -> set[str]:
    return {name for w in evidence.windows.values() for name in w.samples.words["served_pod"].present}


def _home(change: PodChange) -> tuple[str, str]:
    return change.namespace, change.workload


def _mates(evidence: Evidence, change: PodChange) -> set[str]:
    """The pods of the same workload, by name."""
    return {other.name for other in evidence.pods if _home(other) == _home(change)}


def _per_s(evidence: Evidence, samples: Table, change: PodChange, end_ns: int) -> float:
    """Answers per second and pod of the workload from the change on."""
    rows = samples.between("intended_ns", change.at_ns, end_ns)
    pods = rows.words["served_pod"]
    mates = set(pods.present) & _mates(evidence, change)
    answers = int(pods.among(mates).sum())
    return answers / max(len(mates | {change.name}), 1) / max((end_ns - change.at_ns) / NS_PER_S, 1e-9)


def _later(
    evidence: Evidence, samples: Table, change: PodChange, *, traffic: str | None, limit_s: float
) -> Later | None:
    before = Table.merged(samples.schema, [window.samples for window in quiet_windows(evidence, traffic)])
    mates = before.words["served_pod"].among(_mates(evidence, change))
    routes = set(before.where(mates).words["name"].present)
    if not routes:
        return None
    asked = before.where(before.words["name"].among(routes))
    since_ns = change.at_ns + round(limit_s * NS_PER_S)
    after = samples.where(samples.words["name"].among(routes) & (samples.ints["intended_ns"] >= since_ns))
    failed = no_pod_found(after, change.region)
    last_ns = int(after.ints["intended_ns"][failed].max(initial=change.at_ns))
    return Later(
        n_before=len(asked),
        failed_before=int(no_pod_found(asked, change.region).sum()),
        n=len(after),
        failed=int(failed.sum()),
        expected=_share(evidence, asked, change) * len(after),
        last_s=(last_ns - change.at_ns) / NS_PER_S,
    )


def _share(evidence: Evidence, asked: Table, change: PodChange) -> float:
    """The pod's share of the requests of its routes: measured since the pod exists; an equal share if there were too few requests since."""
    since_ns = min((c.at_ns for c in evidence.pods if c.uid == change.uid and c.uid), default=change.at_ns)
    ready = {c.uid: c.ready for c in evidence.pods if _home(c) == _home(change) and c.at_ns < change.at_ns}
    served = int(asked.words["served_pod"].among(_mates(evidence, change)).sum())
    equal = served / max(len(asked), 1) / max(sum(map(bool, ready.values())), 1)
    own = asked.where(asked.ints["intended_ns"] >= since_ns)
    if equal * len(own) < ENOUGH:
        return equal
    return int(own.words["served_pod"].equals(change.name).sum()) / len(own)


def no_pod_found(samples: Table, region: str) -> Bools:
    """A mask of requests for which a forwarder found no pod; the forwarder is in this region or in an unknown region."""
    status, where = samples.ints["status"], samples.words["served_region"]
    unanswered = (status <= 0) & ~samples.words["error"].equals("cut_off")
    unserved = np.isin(status, GATEWAY) | unanswered
    return np.asarray(
        unserved & samples.words["served_pod"].missing & (where.missing | where.equals(region)), dtype=np.bool_
    )


def new_pods(evidence: Evidence, attempt: Experiment, span: tuple[int, int]) -> Iterable[PodChange]:
    """The first Ready change of each new pod after the fault, for the workloads that the fault hit."""
    hit = {_home(_known(item, evidence, span[0])) for item in proven_hits(evidence, attempt)}
    known = {change.uid for change in evidence.pods if change.at_ns < span[0]}
    for change in evidence.pods:
        if change.what == "ready" and change.at_ns < span[1] and change.uid not in known and _home(change) in hit:
            known.add(change.uid)
            yield change


def killed_pods(evidence: Evidence, attempt: Experiment, span: tuple[int, int]) -> Iterable[PodChange]:
    """The end of each pod that was hit: its observed deletion or, if none was observed, the confirmation of the fault."""
    gone = {
        change.uid: change for change in evidence.pods if change.what == "deleted" and span[0] <= change.at_ns < span[1]
    }
    for item in proven_hits(evidence, attempt):
        if item.kind == "pod":
            yield gone.get(item.uid, _known(item, evidence, attempt.fault.confirmed_ns or span[0]))


def _known(item: Hit, evidence: Evidence, at_ns: int) -> PodChange:
    """The hit as a pod change; the watcher's record gives the workload if the fault's probe did not."""
    workload = next((c.workload for c in evidence.pods if c.uid == item.uid and item.uid), "")
    return PodChange(
        at_ns=at_ns,
        what="deleted",
        name=item.name,
        namespace=item.namespace,
        uid=item.uid,
        workload=item.workload or workload,
        region=item.region,
    )
