"""Objects of Chaos Mesh: faults, status checks, workflows and their nodes, of `chaos-mesh.org/v1alpha1`.

Source: `api/v1alpha1` and `controllers/common` of chaos-mesh/chaos-mesh. There AllRecovered is true of a fault that never went in,
AllInjected becomes false when it comes out, and ChaosInjected of a workflow's node says that the object of the fault was created.
A fault has no probe: what was verified is in objects of kind StatusCheck.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    found_if,
    is_from,
    newest_of,
    oldest_of,
    time_of,
    unknown_word,
)
from harness.drivers.ingest.chaos.mesh_objects import (
    FaultStatus,
    MeshCondition,
    MeshFault,
    MeshNode,
    MeshRecord,
    MeshStatusCheck,
    MeshWorkflow,
    NodeStatus,
    StatusCheckStatus,
)
from harness.drivers.ingest.chaos.objects import ReportedObject, objects_of
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import section_of, shown
from harness.words import counted, some

_FAULTS: Final = (
    "AWSChaos",
    "AzureChaos",
    "BlockChaos",
    "DNSChaos",
    "GCPChaos",
    "HTTPChaos",
    "IOChaos",
    "JVMChaos",
    "KernelChaos",
    "NetworkChaos",
    "PhysicalMachineChaos",
    "PodChaos",
    "StressChaos",
    "TimeChaos",
)
_OTHERS: Final = ("StatusCheck", "Workflow", "WorkflowNode")
_ONE_SHOT: Final = {
    ("PodChaos", "pod-kill"),
    ("PodChaos", "container-kill"),
    ("AWSChaos", "ec2-restart"),
    ("AzureChaos", "vm-restart"),
    ("GCPChaos", "node-reset"),
}
"""Faults that Chaos Mesh calls one-shot: there is nothing that it could recover."""
_LENGTH: Final = re.compile(r"([0-9.]+(ns|us|µs|ms|s|m|h))+")
"""A duration of Go."""
_OUT: Final = "Not Injected"
_IN: Final = "Injected"
_CONDITIONS: Final = {"Selected", "AllInjected", "AllRecovered", "Paused"}
_OF_WORKFLOW: Final = "chaos-mesh.org/workflow"
_OF_NODE: Final = "chaos-mesh.org/controlled-by"
_PAUSE: Final = "experiment.chaos-mesh.org/pause"
_ABORT: Final = "workflow.chaos-mesh.org/abort"


def read_mesh(files: Sequence[ChaosFile]) -> Sequence[ChaosExperiment]:
    """Each fault, and each node or workflow of which no fault is there."""
    found = _MeshObjects(objects_of(files, "chaos-mesh.org/v1alpha1", (*_FAULTS, *_OTHERS)))
    return [*map(found.experiment, found.of(*_FAULTS)), *found.without_fault()]


@dataclass(frozen=True)
class _MeshObjects:
    """All objects of a report."""

    objects: list[ReportedObject]

    def of(self, *kinds: str) -> list[ReportedObject]:
        return [one for one in self.objects if one.kind in kinds]

    @cached_property
    def checks(self) -> list[tuple[ReportedObject, StatusCheckStatus]]:
        return [
            (one, section_of(MeshStatusCheck, one.data, one.where, kind="a StatusCheck of Chaos Mesh").status)
            for one in self.of("StatusCheck")
        ]

    @cached_property
    def nodes(self) -> dict[str, tuple[ReportedObject, MeshNode]]:
        return {
            one.metadata.name: (one, section_of(MeshNode, one.data, one.where, kind="a WorkflowNode of Chaos Mesh"))
            for one in self.of("WorkflowNode")
        }

    def experiment(self, one: ReportedObject) -> ChaosExperiment:
        fault = section_of(MeshFault, one.data, one.where, kind=f"a {one.kind} of Chaos Mesh")
        records = fault.status.experiment.records or []
        shot = (one.kind, fault.spec.action) in _ONE_SHOT
        went_in = [each.at("Apply", one.where) for each in records]
        end = newest_of(went_in if shot else (each.at("Recover", one.where) for each in records))
        return ChaosExperiment(
            name=one.metadata.name,
            path=one.path,
            identity=one.metadata.uid or one.label,
            injected=_injected(fault.status),
            probed=self._probed(oldest_of(went_in), newest_of(went_in)),
            undone=None if shot else _undone(fault.status),
            ended=self._ended(one, fault, shot=shot, dated=end is not None),
            end=end,
            passed_after=self._passed_since(newest_of(went_in)),
            kills=shot,
            doubts=(*_doubts(fault.status, shot=shot), *_backwards(one, records)),
        )

    def _probed(self, first: Moment | None, last: Moment | None) -> ChaosFinding:
        """Whether the status checks were executed since the fault went in, and none of them failed."""
        problems: list[str] = []
        failed: list[str] = []
        good = 0
        for one, status in self.checks:
            since = [each for each in status.records if is_from(time_of(each.start, one.where), first) is True]
            bad = sum(each.outcome == "Failure" for each in since)
            good += sum(
                each.outcome == "Success" and is_from(time_of(each.start, one.where), last) is True for each in since
            )
            problems += _of_check(one, status, bad)
            if bad and _is(status.conditions, "FailureThresholdExceed"):
                failed.append(one.label)
        if failed:
            return ChaosFinding(ok=False, seen=f"failed: {some(failed)}")
        if not self.checks:
            problems.append("it has no probe: no StatusCheck is among the objects")
        elif first is None:
            problems.append("it does not say when the fault went in")
        elif not good:
            problems.append("no status check was executed since the fault")
        return found_if(problems, f"{counted(good, 'status check')} passed since the fault")

    def _passed_since(self, last: Moment | None) -> bool:
        return any(
            each.outcome == "Success" and is_from(time_of(each.start, one.where), last) is True
            for one, status in self.checks
            for each in status.records
        )

    def _ended(self, one: ReportedObject, fault: MeshFault, *, shot: bool, dated: bool) -> ChaosFinding:
        """The fault ended because its time was over, and nothing stopped it."""
        problems, status = [], fault.status
        node = self.nodes.get(one.metadata.label(_OF_NODE))
        if _is(status.conditions, "Paused") or one.metadata.annotation(_PAUSE) == "true":
            problems.append("it was paused")
        if node is not None:
            problems += _not_done(node[1].status)
        elif one.metadata.label(_OF_NODE):
            problems.append("the node of the workflow that made it is not among the objects")
        elif one.metadata.deleted:
            problems.append("it was deleted, which stops it at any time")
        elif not shot and not _LENGTH.fullmatch(fault.spec.duration or ""):
            problems.append("it has no `duration`, so that only people end it")
        if not shot and status.experiment.phase != "Stop":
            phase = status.experiment.phase
            problems.append("it still runs" if phase == "Run" else unknown_word("`desiredPhase`", phase))
        if not dated and (shot or _undone(status).ok):
            problems.append("it does not say when it ended")
        problems += self._of_workflows(one.metadata.label(_OF_WORKFLOW))
        return found_if(problems, "its time was over" if not shot else "it is done at once")

    def _of_workflows(self, name: str) -> Iterator[str]:
        """Why a workflow among the objects, of that name, did not complete."""
        for one in self.of("Workflow"):
            if one.metadata.name == name:
                status = section_of(MeshWorkflow, one.data, one.where, kind="a Workflow of Chaos Mesh").status
                if not _is(status.conditions, "Accomplished"):
                    yield f"{one.label} is not Accomplished"
                if one.metadata.annotation(_ABORT) == "true":
                    yield f"{one.label} was aborted"

    def without_fault(self) -> Iterator[ChaosExperiment]:
        """Nodes of faults whose fault is not there, and workflows of which no node or fault is there."""
        faults = self.of(*_FAULTS)
        made = {one.metadata.label(_OF_NODE) for one in faults}
        for one, node in self.nodes.values():
            if (
                node.spec.type not in ("Serial", "Parallel", "Task", "Suspend", "StatusCheck")
                and one.metadata.name not in made
            ):
                yield _unknown(one, "its fault is not among the objects: `ChaosInjected` says that it was created")
        known = {one.metadata.label(_OF_WORKFLOW) for one in faults} | {
            node.spec.workflow for _, node in self.nodes.values()
        }
        for one in self.of("Workflow"):
            if one.metadata.name not in known:
                yield _unknown(one, "its faults are not among the objects: a workflow does not say what they hit")


def _unknown(one: ReportedObject, why: str) -> ChaosExperiment:
    """An experiment of which the report says nothing."""
    nothing = ChaosFinding(None, why)
    return ChaosExperiment(
        name=one.metadata.name,
        path=one.path,
        identity=one.metadata.uid or one.label,
        injected=nothing,
        probed=nothing,
        undone=nothing,
        ended=nothing,
        end=None,
    )


def _is(conditions: Sequence[MeshCondition], name: str) -> bool:
    return any(one.type == name and one.status == "True" for one in conditions)


def _injected(status: FaultStatus) -> ChaosFinding:
    records = status.experiment.records or []
    problems = [f"`{shown(one.id)}` was not hit" for one in records if one.injected < 1]
    if not records:
        problems.append("it selected no target")
    if not _is(status.conditions, "Selected"):
        problems.append("the condition Selected is not true")
    return found_if(problems, f"{counted(len(records), 'target')} hit")


def _undone(status: FaultStatus) -> ChaosFinding:
    records = status.experiment.records or []
    problems = [
        f"`{shown(one.id)}` was recovered {one.recovered} of {counted(one.injected, 'time')} and is {shown(one.phase)}"
        for one in records
        if one.recovered < 1 or one.recovered != one.injected or one.phase != _OUT
    ]
    if not _is(status.conditions, "AllRecovered"):
        problems.append("the condition AllRecovered is not true")
    return found_if(problems, f"{counted(len(records), 'target')} recovered")


def _doubts(status: FaultStatus, *, shot: bool) -> Iterator[str]:
    """How a fault contradicts itself."""
    records = status.experiment.records or []
    types = [one.type for one in status.conditions]
    for one in status.conditions:
        if one.type not in _CONDITIONS or one.status not in ("True", "False"):
            yield f"the condition {shown(one.type)} is {shown(one.status)}, which is not known"
    if len({*types}) < len(types):
        yield "a condition is there twice"
    if _is(status.conditions, "AllInjected") and any(one.phase != _IN for one in records):
        yield "the condition AllInjected is true, and a target is not Injected"
    if _is(status.conditions, "AllRecovered") and any(one.phase != _OUT for one in records):
        yield "the condition AllRecovered is true, and a target is Injected"
    if shot and not _is(status.conditions, "AllInjected"):
        yield "the condition AllInjected of a one-shot fault is not true"
    for record in records:
        yield from _miscounted(record)


def _miscounted(one: MeshRecord) -> Iterator[str]:
    """How the record of a target contradicts itself."""
    name = f"`{shown(one.id)}`"
    if not one.phase.startswith((_IN, _OUT)):
        yield f"{name}: {unknown_word('phase', one.phase)}"
    if one.phase.startswith(_IN) and one.injected < 1:
        yield f"{name} is Injected, and `injectedCount` is {one.injected}"
    if not 0 <= one.recovered <= one.injected:
        yield f"{name} was injected {one.injected} times and recovered {one.recovered} times"
    done = [each.operation for each in one.events if each.type == "Succeeded"]
    if done.count("Apply") > one.injected or done.count("Recover") > one.recovered:
        yield f"{name} has more events than its counts say"
    if done and done[-1] == ("Apply" if one.phase == _OUT else "Recover" if one.phase == _IN else ""):
        yield f"{name} is {one.phase}, and its last event says otherwise"


def _backwards(fault: ReportedObject, records: Sequence[MeshRecord]) -> Iterator[str]:
    """Whether a target was recovered before it was hit, or hit before there was the fault."""
    created = time_of(fault.metadata.created, fault.where)
    for one in records:
        hit = one.at("Apply", fault.where)
        if is_from(one.at("Recover", fault.where), hit) is False:
            yield f"`{shown(one.id)}` was recovered before it was hit"
        if is_from(hit, created) is False:
            yield f"`{shown(one.id)}` was hit before the fault was created"


def _of_check(one: ReportedObject, status: StatusCheckStatus, bad: int) -> Iterator[str]:
    """Why a status check leaves open whether it passed."""
    records, exceeded = status.records, _is(status.conditions, "FailureThresholdExceed")
    failures = sum(each.outcome == "Failure" for each in records)
    if [each.status for each in status.conditions if each.type == "FailureThresholdExceed"] not in (
        ["True"],
        ["False"],
    ):
        yield f"{one.label} does not say whether it exceeded its failure threshold"
    if not _is(status.conditions, "Completed"):
        yield f"{one.label} has not completed"
    if odd := [each.outcome for each in records if each.outcome not in ("Success", "Failure")]:
        yield f"{one.label}: {unknown_word('outcome', odd[0])}"
    if any(each.start is None for each in records):
        yield f"{one.label} has an execution without a time"
    if status.count != len(records):
        yield f"{one.label} lists {len(records)} of {counted(status.count, 'execution')}"
    if exceeded and not failures:
        yield f"{one.label} exceeded its failure threshold without a failure"
    elif exceeded and not bad:
        yield f"{one.label} failed before the fault went in"
    elif failures and not exceeded:
        yield f"{one.label} failed {failures} of {counted(len(records), 'time')}, within its threshold"


def _not_done(status: NodeStatus) -> Iterator[str]:
    """Why a node of a workflow did not complete by itself."""
    if _is(status.conditions, "Aborted"):
        yield "its workflow aborted it"
    reasons = [one.reason for one in status.conditions if (one.type, one.status) == ("DeadlineExceed", "True")]
    if "ParentNodeDeadlineExceed" in reasons:
        yield "the deadline of its parent in the workflow cut it off"
    elif not reasons and not _is(status.conditions, "Accomplished"):
        yield "its node of the workflow has not ended"


CHAOS_MESH: Final = ChaosFormat(tool="chaos-mesh", what="objects of Chaos Mesh", read=read_mesh)
