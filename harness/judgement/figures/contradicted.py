"""Contradictions between the facts of a check and the run's plan and histories: brief facts, and facts that were not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from harness.judgement.figures.alerting.history import ALERTS, NOTICES, alert_labels, labels_of, notices
from harness.judgement.measures import Case
from harness.judgement.shapes.facts import known
from harness.judgement.shapes.found import Found
from harness.model import Check, Demand, Measure, Quantity
from harness.model.observations import AlertRuleLoaded, AlertSeen, AutoscalerSeen
from harness.units import NS_PER_S

AUTOSCALERS: Final = "history/autoscalers.ndjson"
CHECKS: Final = "history/checks.ndjson"
PODS: Final = "history/pods.ndjson"
AROUND_S: Final = 5.0
"""Seconds by which the record of a change may differ from the time at which the check reads it."""
BRIEF_S: Final = 15.0
"""Number of failed metric readings of an autoscaler that is allowed; an autoscaler reads its metrics every 15 s."""
LONG_S: Final = 60.0
"""Time without metrics, while no fault is active, after which an autoscaler fails the check."""
_ADDED: Final = frozenset({"present", "ready"})
_SEE_NODES: Final = "see history/pods.ndjson for the node of the pod, and when this node was added, then run again"
_SEVERITY: Final = "severity"
_SEE_AUTOSCALER: Final = (
    "see the conditions of the autoscaler in the Kubernetes API, repair its metrics, then run again"
)
_SEE_RULE: Final = "compare the rule with `alert_relabel_configs` of Prometheus, correct one of them, then run again"
_MIGRATION: Final = "the migration"
_TABLES: Final = "the tables"
"""Subject of the fact that names each table that existed before the migration."""
_QUOTED: Final = re.compile(r"`([^`]+)`")
_CHANGED_TABLE: Final = re.compile(r"(?:in|rows of|table) `([^`]+)`(?! is new)")
_JOBS_THERE_AND_BACK: Final = 2
_CHECKSUM: Final = "checksum"
_OF_FLAG: Final = re.compile(r"(?:^|, )flag (.+)$")
_SEE_DATABASE: Final = "make sure that the database can be read from this machine, then run again"
_SEE_FLAGS: Final = "make sure that each service answers and evaluates the flag by OFREP, then run again"
_SEE_REGIONS: Final = (
    "make sure that each region of the target file answers, for example at its `entry`, then run again"
)


class _Against(NamedTuple):
    """A contradiction about one subject: its text, a hint, the file that shows it, and whether it proves a failure."""

    subject: str
    text: str
    hint: str
    file: str = CHECKS
    proven: bool = False


def contradictions(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """One measure per contradiction or missing fact.

    No measure if plan and histories agree with the check, or do not cover it.
    """
    find = _FINDERS.get(demand.name)
    if find is not None:
        yield from find(case, check, demand)


def _autoscaler(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """An autoscaler that lost its metrics or its target while no fault was active; a loss that began during a fault proves nothing."""
    spans = [window.span for window in case.evidence.fault_free()]
    faults = [window.span for window in case.evidence.windows.values() if not window.fault_free]
    for subject in sorted({fact.subject.rpartition(": ")[0] for fact in check.facts} - {""}):
        said = [one for one in case.evidence.every(AutoscalerSeen) if one.subject == subject]
        stretches = list(_amiss(said, demand.params["deployment"], _end_ns(case)))
        found = [
            (min(until_ns, end_ns) - max(since_ns, start_ns), since_ns, why)
            for since_ns, until_ns, why in stretches
            for start_ns, end_ns in spans
        ]
        longest_ns, _, why = max(found, default=(0, 0, ""))
        if longest_ns <= BRIEF_S * NS_PER_S:
            continue
        own = [ns for ns, since_ns, _ in found if not any(from_ns <= since_ns < to_ns for from_ns, to_ns in faults)]
        long = max(own, default=0) >= LONG_S * NS_PER_S
        text = f"{subject}: {why} for {longest_ns / NS_PER_S:.0f} s while no fault was active, according to its history"
        text += f"; expected ScalingActive true and target {demand.params['deployment']}"
        yield _against(case, demand, _Against(subject, text, _SEE_AUTOSCALER, AUTOSCALERS, proven=long))


def _amiss(said: Sequence[AutoscalerSeen], workload: str, end_ns: int) -> Iterator[tuple[int, int, str]]:
    """The periods in which an autoscaler did not match the sentence: start and end in ns, and the mismatch."""
    since_ns, why = 0, ""
    for one in sorted(said, key=lambda one: one.when_ns):
        now = ""
        if one.kind == "autoscaler.deleted":
            now = "it was deleted"
        elif one.target != workload:
            now = f"its target was {one.target}"
        elif not one.active:
            now = f"ScalingActive was false ({one.why})"
        if why and not now:
            yield since_ns, one.when_ns, why
        if now and not why:
            since_ns = one.when_ns
        why = now
    if why:
        yield since_ns, end_ns, why


def _end_ns(case: Case) -> int:
    return max((window.end_ns for window in case.evidence.windows.values()), default=0)


def _severities(case: Case, _check: Check, demand: Demand) -> Iterator[Measure]:
    """Rules, alerts and notices with another severity than the expected one.

    A rule with the same name may warn at a lower limit with a severity of its own; its alerts are no contradiction.
    """
    expected = demand.params.get(_SEVERITY)
    for rule in (demand.params["first"], demand.params["second"]) if expected else ():
        loaded = [one for one in case.evidence.every(AlertRuleLoaded) if one.subject == rule]
        carried = {str(one.labels.get(_SEVERITY, "")) for one in loaded}
        fired, sent = (set(read(case, rule)) - {*carried, expected} for read in (_fired_with, _sent_with))
        found = (
            (True, loaded and expected not in carried, f"Prometheus had the rule with {_of(carried)}", ALERTS),
            (True, fired, f"its alert had {_of(fired)}", ALERTS),
            (False, sent, f"a notice of this rule had {_of(sent)}", NOTICES),
        )
        for proven, differs, text, file in found:
            if differs:
                said = f"{rule}: {text}, expected severity {expected}"
                yield _against(case, demand, _Against(rule, said, _SEE_RULE, file, proven=proven))


def _fired_with(case: Case, rule: str) -> Iterator[str]:
    """The severity of each alert of a rule."""
    for one in case.evidence.every(AlertSeen):
        if one.subject == rule:
            yield dict(alert_labels(one)).get(_SEVERITY, "")


def _sent_with(case: Case, rule: str) -> Iterator[str]:
    """The severity in each notice of a rule."""
    for notice in notices(case.evidence):
        for labels in (dict(labels_of(alert)) for alert in notice.alerts):
            if labels.get("alertname") == rule:
                yield labels.get(_SEVERITY, "")


def _of(severities: Iterable[str]) -> str:
    named = sorted(filter(None, severities))
    return f"severity {' and '.join(named)}" if named else "no severity"


def _regions(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """Missing facts of a check of every region: a fact about one region or database member is needed about each one in the plan."""
    lacking = [
        _lacking(check, names) for names in (tuple(case.plan.regions), case.plan.members) if _named_at_all(check, names)
    ]
    fewest = min(lacking, key=len, default=[])
    yield from _unrecorded(case, demand, fewest, _SEE_REGIONS)


def _named_at_all(check: Check, names: Iterable[str]) -> bool:
    return any(_word(name).search(fact.subject) for name in names for fact in check.facts)


def _lacking(check: Check, names: Sequence[str]) -> list[str]:
    """The missing subjects: a subject that contains one of the names must exist for each of the names."""
    there = {fact.subject for fact in check.facts}
    alike = {_word(name).sub(other, subject) for subject in there for name in names for other in names}
    return sorted(alike - there)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")


def _pods(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """Missing facts of a check of all pods: a workload with a read pod needs a fact in each namespace in which it had a ready pod."""
    workloads = {f"{one.namespace}/{one.name}": (one.namespace, one.workload) for one in case.evidence.pods}
    subjects = {fact.subject.partition(": ")[0] for fact in check.facts}
    asked = {workloads[subject] for subject in subjects & workloads.keys()}
    services = {workload for _, workload in asked}
    there = case.evidence.pods_before(min((fact.at_ns for fact in check.facts), default=0))
    ready = {(one.namespace, one.workload) for one in there if one.is_ready and one.workload in services}
    for namespace, workload in sorted(ready - asked):
        subject = f"{namespace}/{workload}"
        text = f"{subject}: the workload had a ready pod, but the check recorded no fact about its pods"
        yield _against(case, demand, _Against(subject, text, _SEE_REGIONS))


def _migrated(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """Missing facts of a migration and its reversal: every table before it, or changed by it, must be compared, and both Jobs must have run."""
    by_subject = {fact.subject: fact for fact in check.facts}
    observed = by_subject[_MIGRATION].observed if _MIGRATION in by_subject else ""
    read = by_subject[_TABLES].expected if _TABLES in by_subject else ""
    named = [f"table {name}" for name in (*_QUOTED.findall(read), *_CHANGED_TABLE.findall(observed))]
    lacking = [one for one in dict.fromkeys((_MIGRATION, _TABLES, *named)) if one not in by_subject]
    jobs = [subject for subject in by_subject if subject.startswith("Job ")]
    if len(jobs) < _JOBS_THERE_AND_BACK:
        lacking.append(
            f"the second Job of the migration and its reversal, in addition to {jobs[0]}"
            if jobs
            else "the Jobs of the migration and its reversal"
        )
    yield from _unrecorded(case, demand, lacking, _SEE_DATABASE)
    for fact in check.facts:
        if fact.ok and _CHECKSUM in fact.expected and not fact.observed.startswith(fact.expected):
            text = (
                f"{fact.subject}: {fact.observed}, expected {fact.expected}; the check recorded the two values as equal"
            )
            yield _against(case, demand, _Against(fact.subject, text, _SEE_DATABASE))


def _flags(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """Missing facts of a feature flag: that it was set, and its value in each region and in the service of each route."""
    flags = dict.fromkeys(found for fact in check.facts for found in _OF_FLAG.findall(fact.subject))
    there, services = (
        {fact.subject for fact in check.facts},
        {one for needs in case.plan.route_needs.values() for one in needs},
    )
    needed = [f"flag {flag}" for flag in flags]
    for flag in flags:
        asked = [f"service {one}, flag {flag}" for one in sorted(services)]
        needed += asked if there & {*asked} else []
    yield from _unrecorded(case, demand, [one for one in needed if one not in there], _SEE_FLAGS)
    yield from _regions(case, check, demand)


def _unrecorded(case: Case, demand: Demand, subjects: Iterable[str], hint: str) -> Iterator[Measure]:
    for subject in subjects:
        yield _against(
            case, demand, _Against(subject, f"{subject}: the check recorded no fact about this subject", hint)
        )


def _node_added(case: Case, check: Check, demand: Demand) -> Iterator[Measure]:
    """A pod on an added node, although no node appeared or became ready meanwhile; not judged if the watch of the nodes began later."""
    within_s = Quantity.parse(demand.params["within"]).base / case.plan.time_scale
    changes = [(one.at_ns, one.what) for one in case.evidence.nodes]
    for fact in check.facts:
        since_ns, until_ns = (fact.at_ns + round(s * NS_PER_S) for s in (-within_s - AROUND_S, AROUND_S))
        followed = any(at_ns < since_ns for at_ns, _ in changes)
        added = any(since_ns <= at_ns <= until_ns and what in _ADDED for at_ns, what in changes)
        if fact.ok and followed and not added:
            text = (
                f"{fact.subject}: no node appeared or became ready in that time, according to the history of the nodes"
            )
            yield _against(case, demand, _Against(fact.subject, text, _SEE_NODES, PODS))


def _against(case: Case, demand: Demand, one: _Against) -> Measure:
    found = Found(
        method="plan and histories of the run, compared with the facts of the check",
        scope={**demand.params, "subject": one.subject},
        files=(one.file,),
        hint=one.hint,
    )
    return known(case, one.text, found, case.objective.check or "check", ok=False if one.proven else None)


_Finder = Callable[[Case, Check, Demand], Iterator[Measure]]
_FINDERS: Final[Mapping[str, _Finder]] = {
    "autoscaler-target": _autoscaler,
    "alert-rules": _severities,
    "pending-pod-runs": _node_added,
    **dict.fromkeys(("health-of-pods", "pods-scraped", "pod-usage", "store-disk"), _pods),
    "migrated-and-back": _migrated,
    **dict.fromkeys(("gateway-reads", "api-version", "database-version"), _regions),
    **dict.fromkeys(("flag-off", "flag-page", "flag-metrics"), _flags),
}
