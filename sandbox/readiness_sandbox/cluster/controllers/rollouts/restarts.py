"""`spec.restartAt`, as `kubectl argo rollouts restart` sets it: pods from before that moment are evicted, as few at once as may be unavailable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster import eviction
from readiness_sandbox.cluster.controllers.rollouts.spec import CanaryStrategy
from readiness_sandbox.cluster.controllers.view import POD, REPLICASET, is_active, is_available, owned
from readiness_sandbox.cluster.statuses import StatusError
from readiness_sandbox.cluster.timestamps import moment

if TYPE_CHECKING:
    from datetime import datetime

    from readiness_sandbox.cluster.controllers.rollouts.spec import RolloutSpec
    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.store import Object, Store


class RolloutRestarts:
    """Restarts the pods of Rollouts."""

    def __init__(self, store: Store, pods: PodTerminator) -> None:
        self._store = store
        self._pods = pods

    def restarted_at(self, rollout: Object, spec: RolloutSpec, now: datetime) -> str | None:
        """Evict what may be evicted now; `status.restartedAt`, which is the asked moment once no pod is from before it.

        A pod that a budget protects is tried again in the next turn. Where no pod may be unavailable, one is all the same.
        """
        asked, done = rollout["spec"].get("restartAt"), (rollout.get("status") or {}).get("restartedAt")
        if not asked or asked == done or moment(asked) > now:
            return done
        mine = [
            pod
            for replicaset in owned(self._store, REPLICASET, rollout)
            for pod in owned(self._store, POD, replicaset)
            if is_active(pod)
        ]
        old = [pod for pod in mine if moment(pod["metadata"]["creationTimestamp"]) < moment(asked)]
        if not old:
            return str(asked)
        unavailable = spec.strategy.max_unavailable if isinstance(spec.strategy, CanaryStrategy) else 0
        available = sum(is_available(pod, spec.min_ready_s) for pod in mine)
        for pod in old[: max(available - spec.replicas + max(unavailable, 1), 0)]:
            self._evict(pod)
        return done

    def _evict(self, pod: Object) -> None:
        meta = pod["metadata"]
        try:
            eviction.admit(self._store, pod, dry_run=False)
        except StatusError:
            return
        self._pods.begin_delete(meta["namespace"], meta["name"], None)
