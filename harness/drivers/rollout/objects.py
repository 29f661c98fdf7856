"""The objects that a rollout changes, with the requests that the command line of each product sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness.drivers.rollout.candidate import Replaced, owned, previous, with_name
from harness.drivers.rollout.status import (
    PAUSED,
    REVISION,
    AnalysisStatus,
    ObjectStatus,
    read_analysis,
    read_deployment,
    read_rollout,
    read_service,
)
from harness.errors import DriverError
from harness.targets.cluster.patience import patiently
from harness.targets.cluster.selectors import selector_text
from harness.targets.cluster.workloads import ARGO

if TYPE_CHECKING:
    from harness.targets.kubernetes import Cluster, Object

APPS: Final = "apps/v1"
Strategy = dict[str, Any]
"""`spec.strategy` of a Rollout: `{canary: …}` or `{blueGreen: …}`."""
_ARGO_REVISION: Final = "rollout.argoproj.io/revision"
_WOKEN: Final = "readiness-harness/woken"
_PROMOTABLE: Final = frozenset({"CanaryPauseStep", "BlueGreenPause"})
"""Pauses that wait for a person; a pause of an inconclusive analysis is never promoted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changeable(ABC):
    """One object that a rollout changes. A call is one request without waiting; only `undo` repeats.

    Attributes:
        cluster: cluster of the object.
        namespace: namespace of the object.
        name: name of the object.
    """

    KIND: ClassVar[str] = ""
    SHOWN_BY: ClassVar[str] = ""
    """The command that shows the progress of the object to a person; the name follows."""
    AT: ClassVar[str] = "/spec/template"
    """JSON patch path of the changed part."""
    IDENTIFIES: ClassVar[bool] = True
    """Whether `ObjectStatus.current` has its earlier value again after a rollback."""

    cluster: Cluster
    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """Kind, namespace and name: `Rollout us-east-1/track-service`."""
        return f"{self.KIND} {self.namespace}/{self.name}"

    @abstractmethod
    def read(self) -> Object | None:
        """The object; None if it does not exist."""

    @abstractmethod
    def status_of(self, obj: Object) -> ObjectStatus:
        """The progress of the object."""

    @abstractmethod
    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """Send a JSON patch."""

    def present(self) -> Object:
        """The object.

        Raises:
            DriverError: the object does not exist.
        """
        return self._there(self.read())

    def observed(self) -> Object:
        """The object for reading its status; the part that a rollout replaces may be missing."""
        return self.present()

    def _there(self, obj: Object | None) -> Object:
        if obj is None:
            raise DriverError(f"{self.subject} does not exist", hint="correct its name in `rollout` of the target file")
        return obj

    def status(self) -> ObjectStatus:
        """The present progress of the object."""
        return self.status_of(self.observed())

    def template(self, obj: Object) -> Replaced:
        """The part of the object that a rollout replaces.

        Raises:
            DriverError: the object has no such part.
        """
        template = obj["spec"].get(self.AT.rpartition("/")[2])
        if not isinstance(template, dict):
            raise DriverError(f"{self.subject} has no `{self.AT[1:].replace('/', '.')}` of its own")
        return template

    def replace(self, template: Replaced) -> None:
        """Set the part that a rollout replaces; setting the present value changes nothing."""
        self.patch([{"op": "replace", "path": self.AT, "value": template}])

    def strategy(self, obj: Object) -> Strategy | None:  # noqa: ARG002 - of those that have one
        """The strategy by which it replaces releases; None if its kind has no strategy."""
        return None

    def strategy_for(self, obj: Object, asked: Mapping[Any, Any], *, always: bool = False) -> Strategy | None:
        """The strategy that a target file requests, with the object's name filled in.

        The object's own strategy is returned if none is requested, or if its kind is requested and `always` is False.
        """
        own = self.strategy(obj)
        keeps = own is None or not asked or (set(own) == set(asked) and not always)
        return own if keeps else with_name(asked, self.name)

    def set_strategy(self, strategy: Strategy) -> None:
        """Set the strategy while the object is at rest.

        Raises:
            DriverError: the object has no strategy.
        """
        raise DriverError(f"{self.subject} cannot have the strategy {', '.join(strategy)}")

    def pods(self, obj: Object) -> int:
        """Number of pods that are replaced."""
        return max(int(obj["spec"].get("replicas", 1)), int((obj.get("status") or {}).get("replicas") or 0))

    def analyses(self) -> tuple[AnalysisStatus, ...]:
        """The analyses of its rollouts; empty if the product has none."""
        return ()

    def promote(self, obj: Object) -> bool:  # noqa: ARG002 - of those that pause
        """Promote the object out of a pause that waits for a person; returns whether a request was sent."""
        return False

    def undo(self, sending: Callable[[Replaced], object] = lambda _: None) -> None:
        """Send the product's rollback command: to the previous release that the product remembers.

        Each request is repeated while the API server does not answer. The previous release is read once.

        Args:
            sending: called once with the value to write, before it is sent.

        Raises:
            DriverError: no previous release is known, or the API server refuses the command.
        """
        remembered = patiently(lambda: self.remembered(self.present()))
        sending(remembered)
        patiently(lambda: self.replace(remembered))

    @abstractmethod
    def remembered(self, obj: Object) -> Replaced:
        """The previous template from the product's own history; raises DriverError if there is none."""

    def abort(self, obj: Object) -> bool:  # noqa: ARG002 - of those that can
        """Abort the rollout if the product then rolls back by itself; returns whether a request was sent."""
        return False

    def hasten(self, obj: Object, current: str) -> bool:  # noqa: ARG002
        """Skip the steps of a rollback to the release `current`; returns whether a request was sent."""
        return False

    def wake(self) -> bool:
        """Make a controller that may have missed the last write reconcile again; returns whether a request was sent."""
        return False

    def asks_for(self, obj: Object, template: Replaced, current: str) -> bool:  # noqa: ARG002 - of those that identify it
        """Whether the spec requests this template, which the object reported as `current`."""
        return self.template(obj) == template

    def back_on(self, obj: Object, template: Replaced, current: str) -> bool:
        """Whether the object is at rest on this template, which it reports as `current`."""
        status = self.status_of(obj)
        asked = self.asks_for(obj, template, current)
        return asked and status.at_rest and (not self.IDENTIFIES or status.current == current)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgoRollout(Changeable):
    """A `Rollout` of Argo Rollouts; its requests equal those of the plugin `kubectl argo rollouts`.

    A Rollout with `workloadRef` has its template in that workload, and the template is changed there.
    """

    KIND: ClassVar[str] = "Rollout"
    SHOWN_BY: ClassVar[str] = "kubectl argo rollouts get rollout"

    def read(self) -> Object | None:
        """Read `GET …/rollouts/NAME`, with the template of the workload in `workloadRef`."""
        obj = self._read()
        if obj is None or (workload := self._workload(obj)) is None:
            return obj
        there = self.cluster.custom(APPS, "deployments", self.namespace, workload)
        if there is None:
            raise DriverError(f"{self.subject} refers to a Deployment {workload} that does not exist")
        return {**obj, "spec": {**obj["spec"], "template": there["spec"]["template"]}}

    def observed(self) -> Object:
        """The Rollout without the workload."""
        return self._there(self._read())

    def _read(self) -> Object | None:
        return self.cluster.custom(ARGO, "rollouts", self.namespace, self.name)

    def _workload(self, obj: Object) -> str | None:
        reference = obj["spec"].get("workloadRef")
        if not reference:
            return None
        if reference.get("kind") != "Deployment":
            raise DriverError(f"{self.subject} refers to a {reference.get('kind')}, expected a Deployment")
        return str(reference["name"])

    def status_of(self, obj: Object) -> ObjectStatus:
        """The status as the plugin's command `status` computes it."""
        return read_rollout(obj)

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """Patch the workload in `workloadRef`, else the Rollout."""
        workload = self._workload(self._read() or {"spec": {}})
        version, plural = (ARGO, "rollouts") if workload is None else (APPS, "deployments")
        self.cluster.patch_custom(version, plural, self.namespace, workload or self.name, body)

    def asks_for(self, obj: Object, template: Replaced, current: str) -> bool:
        """Whether the template is equal, or the controller reports its hash after it has observed the spec.

        `undo` writes the template of a ReplicaSet, in which the API server has filled in every default, so equal
        templates may differ in text. A controller observes the Rollout, but not its workload.
        """
        status = self.status_of(obj)
        said = self._workload(obj) is None and status.observed and status.current == current
        return said or self.template(obj) == template

    def strategy(self, obj: Object) -> Strategy | None:
        """The value of `spec.strategy`."""
        return dict(obj["spec"]["strategy"])

    def set_strategy(self, strategy: Strategy) -> None:
        """Patch `spec.strategy` of the Rollout."""
        body = [{"op": "replace", "path": "/spec/strategy", "value": strategy}]
        self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body)

    def analyses(self) -> tuple[AnalysisStatus, ...]:
        """The AnalysisRuns that the Rollout owns, by name."""
        every = self.cluster.customs(ARGO, "analysisruns", self.namespace)
        return tuple(read_analysis(run) for run in every if owned(run, self.KIND, self.name))

    def promote(self, obj: Object) -> bool:
        """Send `promote`, which removes the conditions of the pause; repeat it while the Rollout stays paused.

        Only the present pause is ended: a delayed request must not end the next pause. All conditions are removed
        together, so each of them must wait for a person.
        """
        reasons = {str(one.get("reason", "")) for one in (obj.get("status") or {}).get("pauseConditions") or ()}
        if self.status_of(obj).phase != PAUSED or not reasons or not reasons <= _PROMOTABLE:
            return False
        same = [
            {"op": "test", "path": f"/status/{key}", "value": obj["status"][key]}
            for key in ("currentStepIndex", "pauseConditions")  # a blue-green rollout has no steps
            if key in obj["status"]
        ]
        self._patch_status([*same, {"op": "remove", "path": "/status/pauseConditions"}])
        return True

    def remembered(self, obj: Object) -> Replaced:
        """The ReplicaSet with the second highest revision, as `undo` uses it."""
        del obj
        sets = [one for one in self.cluster.replica_sets(self.namespace) if owned(one, self.KIND, self.name)]
        return previous(sets, _ARGO_REVISION, "rollouts-pod-template-hash", self.subject)

    def abort(self, obj: Object) -> bool:
        """Send `abort` during a rollout; the spec keeps the candidate until `undo`."""
        status = self.status_of(obj)
        if status.current == status.stable or status.aborted:
            return False
        self._patch_status({"status": {"abort": True}})
        return True

    def hasten(self, obj: Object, current: str) -> bool:
        """Send `promote --full` when the controller reports that it rolls back to `current`.

        A flag that is set too early is lost, or promotes the candidate of a Rollout with `workloadRef`.
        """
        status = self.status_of(obj)
        if not status.observed or status.current != current or status.current == status.stable:
            return False
        if (obj.get("status") or {}).get("promoteFull"):
            return self.wake()
        self._patch_status({"status": {"promoteFull": True}})
        return True

    def wake(self) -> bool:
        """Make the controller read the object again by adding and removing an annotation.

        Argo Rollouts v1.9 may miss a change just after its own write, and a repeated equal request causes no event.
        """
        for value in ("true", None):
            body = {"metadata": {"annotations": {_WOKEN: value}}}
            self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body)
        return True

    def _patch_status(self, body: Sequence[Object] | Object) -> None:
        self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body, status=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainDeployment(Changeable):
    """A `Deployment`; its requests equal those of `kubectl rollout`."""

    KIND: ClassVar[str] = "Deployment"
    SHOWN_BY: ClassVar[str] = "kubectl rollout status deployment"
    IDENTIFIES: ClassVar[bool] = False  # going back raises the revision

    def read(self) -> Object | None:
        """Read `GET …/deployments/NAME`."""
        return self.cluster.custom(APPS, "deployments", self.namespace, self.name)

    def status_of(self, obj: Object) -> ObjectStatus:
        """The status as `kubectl rollout status` computes it."""
        return read_deployment(obj)

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """Patch the Deployment."""
        self.cluster.patch_custom(APPS, "deployments", self.namespace, self.name, body)

    def remembered(self, obj: Object) -> Replaced:
        """The ReplicaSet with the second highest revision, as `kubectl rollout undo` uses it; an error while paused."""
        if obj["spec"].get("paused"):
            raise DriverError(f"{self.subject} is paused, and a paused Deployment cannot be rolled back")
        sets = [one for one in self.cluster.replica_sets(self.namespace) if owned(one, self.KIND, self.name)]
        return previous(sets, REVISION, "pod-template-hash", self.subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchedService(Changeable):
    """A `Service` whose selector is switched between two colours; the pods of both colours run."""

    KIND: ClassVar[str] = "Service"
    SHOWN_BY: ClassVar[str] = "kubectl get endpoints"
    AT: ClassVar[str] = "/spec/selector"

    before: Replaced

    def read(self) -> Object | None:
        """Read `GET …/services/NAME`."""
        return next(
            (one for one in self.cluster.services(self.namespace) if one["metadata"]["name"] == self.name), None
        )

    def status_of(self, obj: Object) -> ObjectStatus:
        """The status from the selected pods and the endpoints."""
        return read_service(obj, self._selected(obj), self.cluster.endpoints(self.namespace, self.name))

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """Patch the Service."""
        self.cluster.patch_service(self.namespace, self.name, body)

    def pods(self, obj: Object) -> int:
        """Number of pods that the Service selects."""
        return len(self._selected(obj))

    def remembered(self, obj: Object) -> Replaced:
        """The selector from before the rollout, kept by the harness: Kubernetes has no history of a Service."""
        del obj
        return self.before

    def _selected(self, obj: Object) -> list[Object]:
        return self.cluster.pods(self.namespace, selector_text(self.template(obj)))


_KINDS: Final[Mapping[str, type[ArgoRollout | PlainDeployment]]] = {
    ArgoRollout.KIND: ArgoRollout,
    PlainDeployment.KIND: PlainDeployment,
}


def changeable(cluster: Cluster, kind: str, namespace: str, name: str, before: Replaced | None = None) -> Changeable:
    """The object of the given kind and name.

    Args:
        cluster: cluster of the object.
        kind: `Rollout`, `Deployment` or `Service`.
        namespace: namespace of the object.
        name: name of the object.
        before: selector of a Service before the rollout; None: its present selector.
    """
    if kind in _KINDS:
        return _KINDS[kind](cluster=cluster, namespace=namespace, name=name)
    there = SwitchedService(cluster=cluster, namespace=namespace, name=name, before={})
    selector = before if before is not None else there.template(there.present())
    return SwitchedService(cluster=cluster, namespace=namespace, name=name, before=selector)
