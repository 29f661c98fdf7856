"""The controller manager.

It runs each controller when something it watches has changed, until nothing changes any more.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from readiness_sandbox.cluster.controllers import (
    claims,
    cronjobs,
    deployment,
    disruption,
    endpoints,
    garbage,
    namespaces,
    replicaset,
    scheduler,
)
from readiness_sandbox.cluster.controllers.autoscaling.controller import Autoscalers, RateSource
from readiness_sandbox.cluster.controllers.chaos.network import NetworkChaos
from readiness_sandbox.cluster.controllers.chaos.stress import StressChaos, Stressor
from readiness_sandbox.cluster.controllers.jobs import Jobs
from readiness_sandbox.cluster.controllers.nodepools import NodePools
from readiness_sandbox.cluster.controllers.rollouts.controller import WATCHED, Rollouts
from readiness_sandbox.cluster.controllers.rollouts.measuring import Analyses
from readiness_sandbox.cluster.controllers.services import Services
from readiness_sandbox.cluster.controllers.statefulset import StatefulSets
from readiness_sandbox.cluster.controllers.view import (
    CLAIM,
    CRONJOB,
    DEPLOYMENT,
    ENDPOINTS,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    POLICY,
    REPLICASET,
    SERVICE,
    SLICE,
    STATEFULSET,
    PodTerminator,
)
from readiness_sandbox.cluster.deletion import is_ending
from readiness_sandbox.cluster.eviction import BUDGET
from readiness_sandbox.cluster.recorder import recorder
from readiness_sandbox.cluster.statuses import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from readiness_sandbox.cluster.kinds import Kind
    from readiness_sandbox.cluster.store import Object, Store, WatchEvent
    from readiness_sandbox.cluster.turns import Turns
    from readiness_sandbox.network.seam import Network


class Kubelets(PodTerminator, RateSource, Stressor, Protocol):
    """What the controllers ask of the kubelets."""


ROUNDS = 100
SETTLED_WITHIN_S = 0.5
"""How long a request waits for the controllers to come to rest."""
_UNANNOTATED = frozenset({POD, ENDPOINTS})
"""Kinds whose annotations no controller reads. Each Patroni writes those of its pod once a second, and the leader's of its Endpoints."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Controller:
    """A controller, the kinds that trigger it, and whether time alone does.

    Attributes:
        run: one round of it.
        watches: kinds whose changes trigger it.
        resources: the same by name, such as `rollouts.argoproj.io`: kinds that may come and go.
        timed: whether the passing of time does.
        deletions: whether every deletion does, and what marks an object, not a pod, as ending.
    """

    run: Callable[[], None]
    watches: frozenset[Kind] = frozenset()
    resources: frozenset[str] = frozenset()
    timed: bool = False
    deletions: bool = False


class Manager:
    """All controllers of the cluster, each run of one a step of `turns`."""

    def __init__(self, store: Store, network: Network, pods: Kubelets, turns: Turns) -> None:
        self._controllers = _all(store, network, pods)
        self._dirty: set[Controller] = set(self._controllers)
        self._turns = turns
        self._steps = self._rounds_of_steps()
        self._rounds = 0
        """Since something else than a controller has changed anything."""
        self._rested = asyncio.Event()
        """Not set while a step is due."""
        self._running = False
        store.subscribe(self._on_event)
        self._turns.add(self._step)

    async def settle(self) -> None:
        """Wait until the controllers come to rest, for `SETTLED_WITHIN_S` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_WITHIN_S):
                await self._rested.wait()

    def tick(self) -> None:
        """Time has passed: run what depends on it."""
        self._rounds = 0
        self._dirty |= {each for each in self._controllers if each.timed}
        self._later()

    def _on_event(self, event: WatchEvent) -> None:
        if event.kind in _UNANNOTATED and _is_annotation(event):
            return
        ending = event.type == "DELETED" or (event.kind is not POD and is_ending(event.object))
        touched = {
            each
            for each in self._controllers
            if event.kind in each.watches or event.kind.resource in each.resources or (each.deletions and ending)
        }
        self._dirty |= touched
        if touched and not self._running:
            self._rounds = 0
            self._later()

    def _later(self) -> None:
        if self._rested.is_set():
            self._rested.clear()
            self._turns.add(self._step)

    def _step(self) -> None:
        """Run the controller whose turn it is; the next one follows, until none has anything to do."""
        rests = True  # also after a controller that failed: `turns` keeps what it raised
        self._running = True
        try:
            rests = next(self._steps, self) is self
        finally:
            self._running = False
            if rests:
                self._steps = self._rounds_of_steps()
                self._rested.set()
            else:
                self._turns.add(self._step)

    def _rounds_of_steps(self) -> Iterator[None]:
        """Each run of one controller, round after round, until none has anything to do."""
        while self._dirty:
            self._rounds += 1
            if self._rounds > ROUNDS:
                _LOG.error("the controllers do not come to rest")
                return
            for controller in self._controllers:
                if controller in self._dirty:
                    self._dirty.discard(controller)
                    self._run(controller)
                    yield

    def _run(self, controller: Controller) -> None:
        try:
            controller.run()
        except StatusError as refused:
            _LOG.warning("a controller was refused: %s", refused)


def _is_annotation(event: WatchEvent) -> bool:
    """Whether a change is one of annotations only."""
    return (
        event.type == "MODIFIED"
        and event.previous is not None
        and _unannotated(event.object) == _unannotated(event.previous)
    )


def _unannotated(obj: Object) -> Object:
    left_out = ("annotations", "managedFields", "resourceVersion")
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name not in left_out}}


def _all(store: Store, network: Network, pods: Kubelets) -> list[Controller]:
    workloads = recorder(store, "controller-manager")
    scheduling = recorder(store, "default-scheduler")
    services, jobs = Services(store, network), Jobs(store, pods, workloads)
    rollouts = Rollouts(store, recorder(store, "rollouts-controller"), pods)
    chaos = recorder(store, "chaos-controller-manager")
    stress, parting = StressChaos(store, pods, chaos), NetworkChaos(store, network, chaos)
    autoscalers = Autoscalers(store, pods, recorder(store, "horizontal-pod-autoscaler"))
    # Databases before what needs them: their pods are the first in the scheduler's queue.
    return [
        Controller(run=lambda: garbage.reconcile(store, pods), deletions=True),
        Controller(run=lambda: namespaces.reconcile(store, pods), watches=frozenset({NAMESPACE}), deletions=True),
        Controller(run=autoscalers.reconcile, timed=True),
        Controller(run=stress.reconcile, resources=frozenset({"stresschaos.chaos-mesh.org"}), timed=True),
        Controller(run=parting.reconcile, resources=frozenset({"networkchaos.chaos-mesh.org"}), timed=True),
        Controller(run=lambda: claims.reconcile(store), watches=frozenset({CLAIM, POD})),
        Controller(
            run=StatefulSets(store, pods, workloads).reconcile,
            watches=frozenset({STATEFULSET, POD, CLAIM}),
            timed=True,
        ),
        # At deletions, because `Recreate` goes on when the last of the old pods is gone.
        Controller(
            run=lambda: deployment.reconcile(store, workloads),
            watches=frozenset({DEPLOYMENT, REPLICASET}),
            timed=True,
            deletions=True,
        ),
        # Before endpoints: a selector that was applied without the hash of a rollout is written back before it has routes.
        Controller(run=rollouts.reconcile, resources=WATCHED, timed=True),
        Controller(run=Analyses(store).reconcile, resources=frozenset({"analysisruns.argoproj.io"}), timed=True),
        Controller(
            run=lambda: replicaset.reconcile(store, pods, workloads), watches=frozenset({REPLICASET, POD}), timed=True
        ),
        Controller(run=lambda: cronjobs.reconcile(store, workloads), watches=frozenset({CRONJOB, JOB}), timed=True),
        Controller(run=jobs.reconcile, watches=frozenset({JOB, POD}), timed=True),
        Controller(
            run=lambda: disruption.reconcile(store),
            watches=frozenset({BUDGET, POD, DEPLOYMENT, REPLICASET, STATEFULSET}),
            timed=True,
        ),
        # Before the scheduler: a pod that is bound may start, and finds the Services that were there before it.
        Controller(run=services.reconcile, watches=frozenset({SERVICE, ENDPOINTS, POD, POLICY, NAMESPACE})),
        Controller(run=lambda: scheduler.reconcile(store, scheduling), watches=frozenset({POD, NODE})),
        Controller(run=NodePools(store, recorder(store, "karpenter")).reconcile, timed=True),
        Controller(run=lambda: endpoints.reconcile(store), watches=frozenset({SERVICE, ENDPOINTS, SLICE, POD})),
    ]
