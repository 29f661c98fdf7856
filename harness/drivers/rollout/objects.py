"""The objects that a rollout changes: each is begun, promoted and taken back as its product's own command line does it."""

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
"""Pauses that wait for a person; one of an inconclusive analysis is never promoted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changeable(ABC):
    """One object that a rollout changes. Every call is a request; none of them waits, but for an API server that is silent `undo`.

    Attributes:
        cluster: where it is. namespace, name: of the object.
    """

    KIND: ClassVar[str] = ""
    SHOWN_BY: ClassVar[str] = ""
    """The command that shows a person how far it is; its name follows."""
    AT: ClassVar[str] = "/spec/template"
    """What is changed, as JSON patch names it."""
    IDENTIFIES: ClassVar[bool] = True
    """Whether `ObjectStatus.current` is the same again when the object is what it was."""

    cluster: Cluster
    namespace: str
    name: str

    @property
    def subject(self) -> str:
        """`Rollout us-east-1/track-service`."""
        return f"{self.KIND} {self.namespace}/{self.name}"

    @abstractmethod
    def read(self) -> Object | None:
        """The object; None where there is none."""

    @abstractmethod
    def status_of(self, obj: Object) -> ObjectStatus:
        """How far it is."""

    @abstractmethod
    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """Send a JSON patch."""

    def present(self) -> Object:
        """The object.

        Raises:
            DriverError: there is none.
        """
        return self._there(self.read())

    def observed(self) -> Object:
        """The object as its status is read from it; what a rollout replaces need not be in it."""
        return self.present()

    def _there(self, obj: Object | None) -> Object:
        if obj is None:
            raise DriverError(f"there is no {self.subject}", hint="name it as the cluster does, in `rollout`")
        return obj

    def status(self) -> ObjectStatus:
        """How far it is now."""
        return self.status_of(self.observed())

    def template(self, obj: Object) -> Replaced:
        """What a rollout replaces of it.

        Raises:
            DriverError: it has none of its own.
        """
        template = obj["spec"].get(self.AT.rpartition("/")[2])
        if not isinstance(template, dict):
            raise DriverError(f"{self.subject} has no `{self.AT[1:].replace('/', '.')}` of its own")
        return template

    def replace(self, template: Replaced) -> None:
        """Set what a rollout replaces; setting what is there already changes nothing."""
        self.patch([{"op": "replace", "path": self.AT, "value": template}])

    def strategy(self, obj: Object) -> Strategy | None:  # noqa: ARG002 - of those that have one
        """How it replaces one release by another, where that can be set; None: it cannot."""
        return None

    def strategy_for(self, obj: Object, asked: Mapping[Any, Any], *, always: bool = False) -> Strategy | None:
        """The strategy that a target file asks for, with the object's name in it.

        Its own where none is asked for, or one of that kind, which `always` sets all the same.
        """
        own = self.strategy(obj)
        keeps = own is None or not asked or (set(own) == set(asked) and not always)
        return own if keeps else with_name(asked, self.name)

    def set_strategy(self, strategy: Strategy) -> None:
        """Set it, while the object is at rest.

        Raises:
            DriverError: it has none.
        """
        raise DriverError(f"{self.subject} has no strategy {', '.join(strategy)}")

    def pods(self, obj: Object) -> int:
        """How many pods are replaced."""
        return max(int(obj["spec"].get("replicas", 1)), int((obj.get("status") or {}).get("replicas") or 0))

    def analyses(self) -> tuple[AnalysisStatus, ...]:
        """The analyses of its rollouts; none where the product has none."""
        return ()

    def promote(self, obj: Object) -> bool:  # noqa: ARG002 - of those that pause
        """Promote it out of a pause that waits for a person; whether anything was sent."""
        return False

    def undo(self, sending: Callable[[Replaced], object] = lambda _: None) -> None:
        """Give the one command for the way back: to the release before, as the product itself remembers it.

        Each of its requests is sent again while the API server is silent. What is remembered is read once: a command that was received
        although its answer was lost has made the candidate the release before.

        Args:
            sending: called once with what will be written, before it is sent.

        Raises:
            DriverError: it remembers none, or the API server refuses it.
        """
        remembered = patiently(lambda: self.remembered(self.present()))
        sending(remembered)
        patiently(lambda: self.replace(remembered))

    @abstractmethod
    def remembered(self, obj: Object) -> Replaced:
        """The template before this one, from the product's own history; raises DriverError where it has none."""

    def abort(self, obj: Object) -> bool:  # noqa: ARG002 - of those that can
        """End what is under way, where the product then goes back by itself; whether anything was sent."""
        return False

    def hasten(self, obj: Object, current: str) -> bool:  # noqa: ARG002
        """On the way back to what it said to be `current`, leave out the steps of the way there; whether anything was sent."""
        return False

    def wake(self) -> bool:
        """Make a controller that may have missed the last write reconcile it again; whether anything was sent."""
        return False

    def asks_for(self, obj: Object, template: Replaced, current: str) -> bool:  # noqa: ARG002 - of those that identify it
        """Whether its spec asks for this template, which it said to be `current`."""
        return self.template(obj) == template

    def back_on(self, obj: Object, template: Replaced, current: str) -> bool:
        """Whether it is at rest on this template, which it says to be `current`: a controller may not have seen yet that it was set."""
        status = self.status_of(obj)
        asked = self.asks_for(obj, template, current)
        return asked and status.at_rest and (not self.IDENTIFIES or status.current == current)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgoRollout(Changeable):
    """A `Rollout` of Argo Rollouts; requests as the plugin `kubectl argo rollouts` sends them.

    One that refers to a workload (`workloadRef`) has its template there, and what is changed is changed there.
    """

    KIND: ClassVar[str] = "Rollout"
    SHOWN_BY: ClassVar[str] = "kubectl argo rollouts get rollout"

    def read(self) -> Object | None:
        """`GET …/rollouts/NAME`, with the template of the workload that it refers to."""
        obj = self._read()
        if obj is None or (workload := self._workload(obj)) is None:
            return obj
        there = self.cluster.custom(APPS, "deployments", self.namespace, workload)
        if there is None:
            raise DriverError(f"{self.subject} refers to a Deployment {workload} that does not exist")
        return {**obj, "spec": {**obj["spec"], "template": there["spec"]["template"]}}

    def observed(self) -> Object:
        """Without the workload."""
        return self._there(self._read())

    def _read(self) -> Object | None:
        return self.cluster.custom(ARGO, "rollouts", self.namespace, self.name)

    def _workload(self, obj: Object) -> str | None:
        reference = obj["spec"].get("workloadRef")
        if not reference:
            return None
        if reference.get("kind") != "Deployment":
            raise DriverError(f"{self.subject} refers to a {reference.get('kind')}, and only Deployments are changed")
        return str(reference["name"])

    def status_of(self, obj: Object) -> ObjectStatus:
        """As the plugin's `status`."""
        return read_rollout(obj)

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """To the workload that it refers to, else to the object itself."""
        workload = self._workload(self._read() or {"spec": {}})
        version, plural = (ARGO, "rollouts") if workload is None else (APPS, "deployments")
        self.cluster.patch_custom(version, plural, self.namespace, workload or self.name, body)

    def asks_for(self, obj: Object, template: Replaced, current: str) -> bool:
        """Equal, or by the controller's own word once it has observed the spec.

        `undo` writes the template of a ReplicaSet, in which the API server has written out every default: another text of
        the same template. A controller observes the Rollout, not the workload it may refer to, whose defaults are always there.
        """
        status = self.status_of(obj)
        said = self._workload(obj) is None and status.observed and status.current == current
        return said or self.template(obj) == template

    def strategy(self, obj: Object) -> Strategy | None:
        """`spec.strategy`."""
        return dict(obj["spec"]["strategy"])

    def set_strategy(self, strategy: Strategy) -> None:
        """JSON patch of `spec.strategy`, of the Rollout itself."""
        body = [{"op": "replace", "path": "/spec/strategy", "value": strategy}]
        self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body)

    def analyses(self) -> tuple[AnalysisStatus, ...]:
        """Of the AnalysisRuns that the Rollout owns, by name."""
        every = self.cluster.customs(ARGO, "analysisruns", self.namespace)
        return tuple(read_analysis(run) for run in every if owned(run, self.KIND, self.name))

    def promote(self, obj: Object) -> bool:
        """`promote`: the conditions of the pause are taken away. Sent again while it stays paused: the controller may miss it.

        Of this pause only: a request whose answer was lost may be executed late, when the object waits at the next one. All conditions are
        taken away at once, so each of them must wait for a person.
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
        """`undo`: the ReplicaSet with the second highest revision."""
        del obj
        sets = [one for one in self.cluster.replica_sets(self.namespace) if owned(one, self.KIND, self.name)]
        return previous(sets, _ARGO_REVISION, "rollouts-pod-template-hash", self.subject)

    def abort(self, obj: Object) -> bool:
        """`abort`, while it is under way; the spec keeps the candidate until `undo`."""
        status = self.status_of(obj)
        if status.current == status.stable or status.aborted:
            return False
        self._patch_status({"status": {"abort": True}})
        return True

    def hasten(self, obj: Object, current: str) -> bool:
        """`promote --full`, once the controller says that it is on the way back to `current`.

        A flag that is set too early is lost. Or worse: a Rollout that refers to a workload counts as observed before its controller has
        seen that the workload was set back, and would promote the candidate.
        """
        status = self.status_of(obj)
        if not status.observed or status.current != current or status.current == status.stable:
            return False
        if (obj.get("status") or {}).get("promoteFull"):
            return self.wake()
        self._patch_status({"status": {"promoteFull": True}})
        return True

    def wake(self) -> bool:
        """Make the controller read the object again: an annotation is added and removed.

        Argo Rollouts v1.9 may miss a change that comes just after a write of its own; the same request sent again would be no event.
        """
        for value in ("true", None):
            body = {"metadata": {"annotations": {_WOKEN: value}}}
            self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body)
        return True

    def _patch_status(self, body: Sequence[Object] | Object) -> None:
        self.cluster.patch_custom(ARGO, "rollouts", self.namespace, self.name, body, status=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainDeployment(Changeable):
    """A `Deployment`; requests as `kubectl rollout` sends them."""

    KIND: ClassVar[str] = "Deployment"
    SHOWN_BY: ClassVar[str] = "kubectl rollout status deployment"
    IDENTIFIES: ClassVar[bool] = False  # going back raises the revision

    def read(self) -> Object | None:
        """`GET …/deployments/NAME`."""
        return self.cluster.custom(APPS, "deployments", self.namespace, self.name)

    def status_of(self, obj: Object) -> ObjectStatus:
        """As `kubectl rollout status`."""
        return read_deployment(obj)

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """To the object itself."""
        self.cluster.patch_custom(APPS, "deployments", self.namespace, self.name, body)

    def remembered(self, obj: Object) -> Replaced:
        """`kubectl rollout undo`: the ReplicaSet with the second highest revision; refused while it is paused."""
        if obj["spec"].get("paused"):
            raise DriverError(f"{self.subject} is paused: a paused deployment cannot be rolled back")
        sets = [one for one in self.cluster.replica_sets(self.namespace) if owned(one, self.KIND, self.name)]
        return previous(sets, REVISION, "pod-template-hash", self.subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchedService(Changeable):
    """A `Service` whose selector is switched from one colour to the other; the pods of both are there."""

    KIND: ClassVar[str] = "Service"
    SHOWN_BY: ClassVar[str] = "kubectl get endpoints"
    AT: ClassVar[str] = "/spec/selector"

    before: Replaced

    def read(self) -> Object | None:
        """`GET …/services/NAME`."""
        return next(
            (one for one in self.cluster.services(self.namespace) if one["metadata"]["name"] == self.name), None
        )

    def status_of(self, obj: Object) -> ObjectStatus:
        """By the pods that it selects and its endpoints."""
        return read_service(obj, self._selected(obj), self.cluster.endpoints(self.namespace, self.name))

    def patch(self, body: Sequence[Mapping[str, Any]]) -> None:
        """To the object itself."""
        self.cluster.patch_service(self.namespace, self.name, body)

    def pods(self, obj: Object) -> int:
        """Those that it selects."""
        return len(self._selected(obj))

    def remembered(self, obj: Object) -> Replaced:
        """The selector from before the rollout, which the harness kept: Kubernetes keeps no history of a Service."""
        del obj
        return self.before

    def _selected(self, obj: Object) -> list[Object]:
        return self.cluster.pods(self.namespace, selector_text(self.template(obj)))


_KINDS: Final[Mapping[str, type[ArgoRollout | PlainDeployment]]] = {
    ArgoRollout.KIND: ArgoRollout,
    PlainDeployment.KIND: PlainDeployment,
}


def changeable(cluster: Cluster, kind: str, namespace: str, name: str, before: Replaced | None = None) -> Changeable:
    """The object of that kind.

    Args:
        cluster: where it is.
        kind: `Rollout`, `Deployment` or `Service`.
        namespace: where it is.
        name: of the object.
        before: of a Service the selector before the rollout; None: as it is now.
    """
    if kind in _KINDS:
        return _KINDS[kind](cluster=cluster, namespace=namespace, name=name)
    there = SwitchedService(cluster=cluster, namespace=namespace, name=name, before={})
    selector = before if before is not None else there.template(there.present())
    return SwitchedService(cluster=cluster, namespace=namespace, name=name, before=selector)
