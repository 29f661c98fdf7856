"""The Rollout controller: reads objects, asks the state machine, applies its actions.

The status is written after the actions: what is lost between them is decided again, from the same objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness import clock
from readiness_sandbox.cluster import deletion
from readiness_sandbox.cluster.controllers.rollouts import runs, sets
from readiness_sandbox.cluster.controllers.rollouts.fields import SpecError
from readiness_sandbox.cluster.controllers.rollouts.machine import decide, refused
from readiness_sandbox.cluster.controllers.rollouts.notices import BEGINNINGS, TRIGGERS, RollbackNotices
from readiness_sandbox.cluster.controllers.rollouts.remembered import Remembered
from readiness_sandbox.cluster.controllers.rollouts.restarts import RolloutRestarts
from readiness_sandbox.cluster.controllers.rollouts.spec import CanaryStrategy, RolloutSpec, parsed
from readiness_sandbox.cluster.controllers.rollouts.turn import (
    Notice,
    Observed,
    Scale,
    ScaleDownAt,
    Select,
    StartRun,
    StopRun,
    Weigh,
)
from readiness_sandbox.cluster.controllers.view import DEPLOYMENT, REPLICASET, SERVICE, live, owned, write_status
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from readiness_sandbox.cluster.controllers.rollouts.turn import Action
    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

ARGO: Final = "argoproj.io/v1alpha1"
GATEWAY: Final = "gateway.networking.k8s.io/v1"
IN_PROGRESS: Final = "rollouts.argoproj.io/gatewayapi-canary"
"""Label of a route while a canary is in progress, as the plugin writes it.

A gateway may read from it that other routes follow.
"""
MANAGED_BY: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"
WATCHED: Final = frozenset(
    {
        "rollouts.argoproj.io",
        "analysisruns.argoproj.io",
        "analysistemplates.argoproj.io",
        "httproutes.gateway.networking.k8s.io",
        "replicasets.apps",
        "deployments.apps",
        "services",
    }
)
"""Resources whose changes make a rollout go on."""


class Rollouts:
    """The controller. Does nothing in a cluster that does not serve Rollouts."""

    def __init__(self, store: Store, record: Recorder, pods: PodTerminator) -> None:
        self._store = store
        self._record = record
        self._restarts = RolloutRestarts(store, pods)
        self._notices = RollbackNotices(store)
        self._specs: Remembered[RolloutSpec] = Remembered()
        self._sets: Remembered[Object] = Remembered()
        self._analyses: Remembered[tuple[Object, ...]] = Remembered()

    def reconcile(self) -> None:
        """All Rollouts, one turn each; a turn that changes something makes another."""
        kind = self._store.kinds.by_api_version(ARGO, "Rollout")
        if kind is None:
            return
        for rollout in live(self._store, kind):
            self._one(kind, rollout)

    def _one(self, kind: Kind, rollout: Object) -> None:
        status, generation = rollout.get("status") or {}, rollout["metadata"].get("generation", 1)
        now = clock.wall()
        try:
            template, selector = self._template(rollout)
            uid, versions = rollout["metadata"]["uid"], (rollout, template, selector)
            referred = template if rollout["spec"].get("workloadRef") else None
            spec = self._specs.of(uid, versions, lambda: parsed(rollout, referred))
            self._require(rollout, spec)
            made = self._sets.of(uid, versions, lambda: sets.made(rollout, template, selector, spec))
            new = sets.current(self._store, rollout, made)
        except SpecError as error:
            write_status(self._store, kind, rollout, refused(status, str(error), generation, now))
            return
        observed = self._observed(rollout, spec, new)
        decision = decide(spec, status, observed, now)
        for action in decision.actions:
            self._apply(rollout, spec, action)
        self._clean_up(rollout, spec)
        restarted_at = self._restarts.restarted_at(rollout, spec, now)
        self._write(kind, rollout, {**decision.status, **({"restartedAt": restarted_at} if restarted_at else {})}, new)

    def _write(self, kind: Kind, rollout: Object, status: Object, new: Object) -> None:
        """The revision, where it changed, then the status."""
        meta = rollout["metadata"]
        annotations = {**(meta.get("annotations") or {}), sets.REVISION: str(sets.revision_of(new))}
        if annotations != meta.get("annotations"):
            rollout = self._store.update(kind, {**rollout, "metadata": {**meta, "annotations": annotations}})
        _, selector = self._template(rollout)
        labels = sorted((selector.get("matchLabels") or {}).items())
        selected = ",".join(f"{name}={value}" for name, value in labels)
        write_status(self._store, kind, rollout, {**status, "selector": selected})

    def _template(self, rollout: Object) -> tuple[Object, Object]:
        """(template, selector): its own, or those of the Deployment that it refers to."""
        spec, reference = rollout["spec"], rollout["spec"].get("workloadRef")
        if not reference:
            return spec["template"], spec["selector"]
        if reference.get("kind") != "Deployment":
            raise SpecError(f"spec.workloadRef.kind: {reference.get('kind')!r} is not supported; hint: Deployment is")
        deployment = self._found(DEPLOYMENT, rollout, reference.get("name", ""), "spec.workloadRef.name")
        return deployment["spec"]["template"], deployment["spec"]["selector"]

    def _require(self, rollout: Object, spec: RolloutSpec) -> None:
        """Refuse a rollout before anything is changed.

        It names an object that does not exist, or an analysis that cannot be run.
        """
        labels = (self._template(rollout)[0].get("metadata") or {}).get("labels") or {}
        for name in spec.strategy.services:
            _require_own(self._found(SERVICE, rollout, name, "spec.strategy"), rollout, labels)
        if isinstance(spec.strategy, CanaryStrategy) and spec.strategy.route is not None:
            self._refs(rollout, spec.strategy)
        analyses = tuple(runs.analyses(spec.strategy))
        versions = (analyses, [runs.versions(self._store, rollout, analysis) for analysis in analyses])
        self._analyses.of(
            rollout["metadata"]["uid"],
            versions,
            lambda: tuple(runs.made(self._store, rollout, analysis, {}) for analysis in analyses),
        )

    def _found(self, kind: Kind, rollout: Object, name: str, path: str) -> Object:
        try:
            return self._store.get(kind, rollout["metadata"]["namespace"], name)
        except StatusError:
            raise SpecError(f"{path}: {kind.kind} {name!r} not found") from None

    def _refs(self, rollout: Object, strategy: CanaryStrategy) -> tuple[Object, Object, Object]:
        """(route, reference to the stable Service, reference to the canary's); all of one rule."""
        kind = self._store.kinds.by_api_version(GATEWAY, "HTTPRoute")
        path = "spec.strategy.canary.trafficRouting"
        if kind is None:
            raise SpecError(f"{path}: the cluster does not serve HTTPRoutes")
        route = self._found(kind, rollout, strategy.route or "", path)
        for rule in (route["spec"].get("rules")) or ():
            named = {each["name"]: each for each in rule.get("backendRefs") or ()}
            if strategy.stable_service in named and strategy.canary_service in named:
                return route, named[strategy.stable_service], named[strategy.canary_service]
        both = f"{strategy.stable_service!r} and {strategy.canary_service!r}"
        raise SpecError(f"{path}: HTTPRoute {strategy.route!r} has no rule with the backendRefs {both}")

    def _observed(self, rollout: Object, spec: RolloutSpec, new: Object) -> Observed:
        namespace = rollout["metadata"]["namespace"]
        services = {name: self._store.get(SERVICE, namespace, name) for name in spec.strategy.services}
        weight, in_progress = None, False
        if isinstance(spec.strategy, CanaryStrategy) and spec.strategy.route is not None:
            route, stable, canary = self._refs(rollout, spec.strategy)
            in_progress = IN_PROGRESS in (route["metadata"].get("labels") or {})
            weight = canary.get("weight", 1) if stable.get("weight", 1) + canary.get("weight", 1) == 100 else None
        return Observed(
            generation=rollout["metadata"].get("generation", 1),
            current=new["metadata"]["labels"][sets.HASH],
            sets=tuple(sets.view(each) for each in owned(self._store, REPLICASET, rollout)),
            selectors={
                name: (each["spec"].get("selector") or {}).get(sets.HASH, "") for name, each in services.items()
            },
            weight=weight,
            in_progress=in_progress,
            runs=runs.observed(self._store, rollout),
        )

    def _apply(self, rollout: Object, spec: RolloutSpec, action: Action) -> None:
        match action:
            case Scale(hash=name, replicas=replicas):
                replicaset = self._set(rollout, name)
                self._store.update(REPLICASET, {**replicaset, "spec": {**replicaset["spec"], "replicas": replicas}})
            case ScaleDownAt(hash=name, at=at):
                sets.annotated(self._store, self._set(rollout, name), sets.SCALE_DOWN_AT, at)
            case Select(service=service, hash=name):
                self._select(rollout, service, name)
            case Weigh(canary=weight, in_progress=in_progress):
                self._weigh(rollout, spec.strategy, weight, in_progress=in_progress)
            case StartRun():
                runs.start(self._store, rollout, action)
            case StopRun(name=name):
                runs.stop(self._store, rollout, name)
            case Notice(reason=reason, message=message, warning=warning):
                self._record(rollout, "Warning" if warning else "Normal", reason, message)
                if reason in TRIGGERS:
                    self._notices.tell(rollout, reason, message, self._taken_back(rollout))
                elif reason in BEGINNINGS:
                    self._notices.end(rollout)

    def _taken_back(self, rollout: Object) -> str:
        """The release of the template that the status still names."""
        name = (rollout.get("status") or {}).get("currentPodHash")
        versions = {
            each["metadata"]["labels"][sets.HASH]: each["metadata"]["labels"].get("version")
            for each in owned(self._store, REPLICASET, rollout)
        }
        return str(versions.get(name) or name or "")

    def _set(self, rollout: Object, name: str) -> Object:
        mine = owned(self._store, REPLICASET, rollout)
        return next(each for each in mine if each["metadata"]["labels"][sets.HASH] == name)

    def _select(self, rollout: Object, name: str, chosen: str) -> None:
        service = self._store.get(SERVICE, rollout["metadata"]["namespace"], name)
        meta = service["metadata"]
        annotations = {**(meta.get("annotations") or {}), MANAGED_BY: rollout["metadata"]["name"]}
        selector = {**(service["spec"].get("selector") or {}), sets.HASH: chosen}
        changed = {"metadata": {**meta, "annotations": annotations}, "spec": {**service["spec"], "selector": selector}}
        self._store.update(SERVICE, {**service, **changed})

    def _weigh(self, rollout: Object, strategy: object, weight: int, *, in_progress: bool) -> None:
        assert isinstance(strategy, CanaryStrategy)  # noqa: S101 - no other strategy has weights
        route, _, _ = self._refs(rollout, strategy)
        shares = {strategy.stable_service: 100 - weight, strategy.canary_service: weight}
        rules = [
            {
                **rule,
                "backendRefs": [
                    {**each, "weight": shares[each["name"]]} if shares.keys() <= {one["name"] for one in refs} else each
                    for each in refs
                ],
            }
            for rule in route["spec"]["rules"]
            if (refs := rule.get("backendRefs") or []) is not None
        ]
        kind = self._store.kinds.by_api_version(GATEWAY, "HTTPRoute")
        assert kind is not None  # noqa: S101 - it was there a moment ago
        labels = {name: value for name, value in (route["metadata"].get("labels") or {}).items() if name != IN_PROGRESS}
        meta = {**route["metadata"], "labels": {**labels, **({IN_PROGRESS: "in-progress"} if in_progress else {})}}
        self._store.update(kind, {**route, "metadata": meta, "spec": {**route["spec"], "rules": rules}})

    def _clean_up(self, rollout: Object, spec: RolloutSpec) -> None:
        """Keep `revisionHistoryLimit` old ReplicaSets for an undo."""
        known = {(rollout.get("status") or {}).get(name) for name in ("stableRS", "currentPodHash")}
        mine = sorted(owned(self._store, REPLICASET, rollout), key=sets.revision_of)
        old = [
            each
            for each in mine[:-1]
            if each["metadata"]["labels"][sets.HASH] not in known and not deletion.is_ending(each)
        ]
        empty = [
            each for each in old if not each["spec"].get("replicas") and not (each.get("status") or {}).get("replicas")
        ]
        for replicaset in empty[: max(0, len(empty) - spec.history_limit)]:
            deletion.begin(self._store, REPLICASET, replicaset)


def _require_own(service: Object, rollout: Object, labels: Object) -> None:
    """A Service selects the rollout's pods by labels that they have, and is written by no other rollout."""
    name, meta = service["metadata"]["name"], service["metadata"]
    for key, value in (service["spec"].get("selector") or {}).items():
        if key != sets.HASH and labels.get(key) != value:
            raise SpecError(
                f"spec.strategy: Service {name!r} selects {key}={value}, which the pods of the template have not"
            )
    manager = (meta.get("annotations") or {}).get(MANAGED_BY, rollout["metadata"]["name"])
    if manager != rollout["metadata"]["name"]:
        raise SpecError(f"spec.strategy: Service {name!r} is written by the rollout {manager!r}")
