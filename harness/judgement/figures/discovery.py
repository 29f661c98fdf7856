"""Service discovery in pod experiments: how soon a new pod is asked, and how long a killed one still is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.judgement.figures.spec import Basis, Spec
from harness.judgement.measures import HINTS, Case, Figures, inconclusive, measure, unmet
from harness.judgement.receipts.attempts import counted_attempt
from harness.judgement.receipts.fault import fault_receipt
from harness.judgement.receipts.load import load_receipt
from harness.judgement.recovery import SECOND
from harness.model import (
    ONLY_BELOW,
    Evidence,
    Experiment,
    Figure,
    Hit,
    LimitRule,
    Measure,
    Objective,
    Outcome,
    Phase,
    PodChange,
    Quantity,
    Receipt,
    Table,
    Window,
)

KILLED_LIMIT = "killed_none_later_than"
"""Parameter of the objective: how long after its death a pod may still be asked; without it the objective's limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What was seen of one pod.

    Attributes:
        pod: its name. what: `new` or `killed`.
        seconds: from ready to the first answer, or from death to the sending of the last request that it answered; None: it gave none.
        watched_s: how long was watched from then on.
    """

    pod: str
    what: str
    seconds: float | None
    watched_s: float


def first_requests(case: Case) -> Iterable[Measure]:
    """One measure a new pod and one a killed pod, of each experiment that the sentence speaks of."""
    if not case.experiments:
        why = "no experiment that the sentence speaks of was planned"
        yield inconclusive(case, "first request", why, "add one to `experiments/`")
    for name in case.experiments:
        scope = {"experiment": name, "phase": case.objective.scope.phase.value}
        attempt = counted_attempt(case.plan, case.evidence, name)
        window = None if attempt is None else case.evidence.fault_window(name, attempt.attempt)
        if attempt is None or window is None:
            hint = "run the experiment under traffic, then judge again"
            yield inconclusive(case, "first request", f"{name} left no record of its traffic", hint, scope=scope)
            continue
        receipts = {
            "fault": fault_receipt(case.plan, attempt),
            "watch": _pods_receipt(case.evidence),
            "load": load_receipt(case.plan, window, latencies=False),
        }
        for what in ("new", "killed"):
            seen = list(_sightings(what, case.evidence, attempt, window))
            if not seen:
                why = f"{name}: no {what} pod of a workload that names itself in its answers was seen"
                yield inconclusive(case, _NAMES[what], why, HINTS["fault"], scope=scope)
            for sighting in seen:
                yield _judged(case, sighting, {**scope, "pod": sighting.pod}, receipts, attempt.files)


_NAMES: Mapping[str, str] = {"new": "first request of a new pod", "killed": "last request of a killed pod"}


def _pods_receipt(evidence: Evidence) -> Receipt:
    source = evidence.watchers.get("pods")
    if source is None:
        return Receipt(ok=False, why="the watcher 'pods' left no record")
    why = source.why or ("it watched to the end" if source.closed else "it did not end in order")
    return Receipt(ok=source.closed and not source.why, why=f"the watcher 'pods': {why}")


def _sightings(what: str, evidence: Evidence, attempt: Experiment, window: Window) -> Iterable[Sighting]:
    """Pods of the workloads that were seen to answer: others do not put their name on an answer, so nothing is known of them."""
    answered = {name for w in evidence.windows.values() for name in w.samples.words["served_pod"].present}
    serving = {_home(change) for change in evidence.pods if change.name in answered}
    span = (attempt.fault.sent_ns or attempt.observed_from_ns, attempt.observed_until_ns)
    for change in _new(evidence, attempt, span) if what == "new" else _killed(evidence, attempt, span):
        if _home(change) in serving:
            own = window.samples.where(window.samples.words["served_pod"].equals(change.name))
            yield _sighting(what, change, own, min(window.end_ns, span[1]))


def _home(change: PodChange) -> tuple[str, str]:
    return change.namespace, change.workload


def _new(evidence: Evidence, attempt: Experiment, span: tuple[int, int]) -> Iterable[PodChange]:
    """The first Ready of each pod that was not there before the fault, among the workloads that it hit."""
    hit = {_home(_known(item, evidence, span[0])) for item in attempt.fault.hit}
    known = {change.uid for change in evidence.pods if change.at_ns < span[0]}
    for change in evidence.pods:
        if change.what == "ready" and change.at_ns < span[1] and change.uid not in known and _home(change) in hit:
            known.add(change.uid)
            yield change


def _killed(evidence: Evidence, attempt: Experiment, span: tuple[int, int]) -> Iterable[PodChange]:
    """Each pod that was hit, at its deletion as seen; where that was not seen, at the fault's confirmation."""
    gone = {
        change.uid: change for change in evidence.pods if change.what == "deleted" and span[0] <= change.at_ns < span[1]
    }
    for item in attempt.fault.hit:
        if item.kind == "pod":
            yield gone.get(item.uid, _known(item, evidence, attempt.fault.confirmed_ns or span[0]))


def _known(item: Hit, evidence: Evidence, at_ns: int) -> PodChange:
    """What was hit as a change at that time, with the workload that the watcher knew it by where the fault's probe named none."""
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


def _sighting(what: str, change: PodChange, own: Table, until_ns: int) -> Sighting:
    times = own.ints["done_ns"] if what == "new" else own.ints["sent_ns"]
    seconds = None
    if len(times):
        at_ns = int(times.min()) if what == "new" else int(times.max())
        seconds = max(at_ns - change.at_ns, 0) / SECOND
    return Sighting(pod=change.name, what=what, seconds=seconds, watched_s=max(until_ns - change.at_ns, 0) / SECOND)


def _judged(
    case: Case, seen: Sighting, scope: Mapping[str, str], receipts: Mapping[str, Receipt], files: tuple[str, ...]
) -> Measure:
    quantity = case.objective.limit
    if seen.what == "killed" and KILLED_LIMIT in case.objective.params:
        quantity = Quantity.parse(case.objective.params[KILLED_LIMIT])
    limit = quantity.scaled(case.plan.time_scale).in_unit("s")
    outcome, head = _compared(seen, limit)
    reason, hint = f"{head}, wanted within {quantity}", ""
    if receipt := unmet(outcome, receipts, tuple(receipts)):
        outcome, reason, hint = Outcome.INCONCLUSIVE, f"{reason}, but {receipts[receipt].why}", HINTS[receipt]
    elif outcome is Outcome.INCONCLUSIVE:
        hint = f"let the experiment watch for {limit:g} s after the pod changed, then run again"
    return measure(
        case,
        _NAMES[seen.what],
        outcome,
        reason,
        scope=scope,
        hint=hint,
        limit=str(quantity),
        figures=Figures(
            value=seen.seconds,
            scaled_limit=limit,
            unit="s",
            method="the pod's name in the answers' headers against its Ready and its deletion",
            receipts=receipts,
            files=(*files, "history/pods.ndjson"),
        ),
    )


def _compared(seen: Sighting, limit: float) -> tuple[Outcome, str]:
    watched = f"in the {seen.watched_s:.3g} s that were watched"
    if seen.what == "new":
        if seen.seconds is not None:
            outcome = Outcome.PASS if seen.seconds < limit else Outcome.FAIL
            return outcome, f"{seen.pod} gave its first answer {seen.seconds:.3g} s after it was ready"
        outcome = Outcome.FAIL if seen.watched_s >= limit else Outcome.INCONCLUSIVE
        return outcome, f"{seen.pod} was ready and gave no answer {watched}"
    last = seen.seconds or 0.0
    if last >= limit:
        return Outcome.FAIL, f"{seen.pod} was asked {last:.3g} s after it was killed"
    outcome = Outcome.PASS if seen.watched_s >= limit else Outcome.INCONCLUSIVE
    return outcome, f"{seen.pod} was last asked {last:.3g} s after it was killed, {watched}"


SETTLING_S: Final = 2.0
"""Beyond a limit: for what was under way when it was reached."""


def _watched(objective: Objective, scale: float) -> tuple[float, float]:
    """`none later than 10 s` is not known before 10 s are over."""
    return 0.0, objective.limit.scaled(scale).base + SETTLING_S


SPEC: Final = Spec(
    figure=Figure.FIRST_REQUEST,
    judge=first_requests,
    limit=LimitRule(dimension="time", ops=ONLY_BELOW),
    unit="s",
    basis=Basis.EXPERIMENT,
    phases=frozenset({Phase.FAULT}),
    evidence=lambda _case: ("history/pods.", "history/watch.", "history/load"),
    watched=_watched,
)
