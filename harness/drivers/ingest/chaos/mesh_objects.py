"""Objects of Chaos Mesh, of `chaos-mesh.org/v1alpha1`, as far as they are used."""

from __future__ import annotations

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import newest_of, time_of
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection


class MeshCondition(ReportSection):
    """A condition."""

    type: str
    status: str
    reason: str = ""


class RecordEvent(ReportSection):
    """Something that was tried on a target."""

    type: str = ""
    operation: str = ""
    timestamp: str | None = None


class MeshRecord(ReportSection):
    """One target."""

    id: str
    phase: str = ""
    injected: int = Field(default=0, alias="injectedCount")
    recovered: int = Field(default=0, alias="recoveredCount")
    events: list[RecordEvent] = Field(default_factory=list)

    def at(self, operation: str, where: str) -> Moment | None:
        """When an operation last succeeded; None if it is not listed."""
        times = [one.timestamp for one in self.events if (one.operation, one.type) == (operation, "Succeeded")]
        return newest_of(time_of(one, where) for one in times)


class FaultExperiment(ReportSection):
    """What became of a fault."""

    phase: str = Field(default="", alias="desiredPhase")
    records: list[MeshRecord] | None = Field(default=None, alias="containerRecords")


class FaultStatus(ReportSection):
    """The status of a fault."""

    conditions: list[MeshCondition] = Field(default_factory=list)
    experiment: FaultExperiment


class FaultSpec(ReportSection):
    """What the fault is."""

    action: str = ""
    duration: str | None = None


class MeshFault(ReportSection):
    """A fault."""

    spec: FaultSpec
    status: FaultStatus


class CheckRecord(ReportSection):
    """One execution of a status check."""

    start: str | None = Field(default=None, alias="startTime")
    outcome: str = ""


class StatusCheckStatus(ReportSection):
    """The status of a status check."""

    count: int = 0
    conditions: list[MeshCondition] = Field(default_factory=list)
    records: list[CheckRecord] = Field(default_factory=list)


class MeshStatusCheck(ReportSection):
    """A status check."""

    status: StatusCheckStatus


class NodeSpec(ReportSection):
    """What a node of a workflow is."""

    type: str = ""
    workflow: str = Field(default="", alias="workflowName")


class NodeStatus(ReportSection):
    """The status of a workflow or of one of its nodes."""

    conditions: list[MeshCondition] = Field(default_factory=list)


class MeshNode(ReportSection):
    """A node of a workflow."""

    spec: NodeSpec
    status: NodeStatus = NodeStatus()


class MeshWorkflow(ReportSection):
    """A workflow."""

    status: NodeStatus = NodeStatus()
