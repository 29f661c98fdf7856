"""StatefulSets: pods with fixed names and claims, replaced in order or in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness_sandbox.cluster.controllers import claims
from readiness_sandbox.cluster.controllers.view import (
    POD,
    STATEFULSET,
    adopt,
    count,
    is_active,
    is_available,
    key,
    live,
    owned,
    pod_from,
    template_hash,
    write_status,
)
from readiness_sandbox.cluster.kubelet.status import is_ready

if TYPE_CHECKING:
    from readiness_sandbox.cluster.controllers.view import PodTerminator
    from readiness_sandbox.cluster.recorder import Recorder
    from readiness_sandbox.cluster.store import Object, Store

REVISION = "controller-revision-hash"
INDEX = "apps.kubernetes.io/pod-index"
POD_NAME = "statefulset.kubernetes.io/pod-name"


class StatefulSets:
    """All StatefulSets, and the templates of their revisions, which a genuine cluster keeps as ControllerRevisions."""

    def __init__(self, store: Store, pods: PodTerminator, record: Recorder) -> None:
        self._store = store
        self._pods = pods
        self._record = record
        self._templates: dict[str, dict[str, Object]] = {}
        """By the uid of a StatefulSet and the name of a revision."""

    def reconcile(self) -> None:
        """One round."""
        there = live(self._store, STATEFULSET)
        self._templates = {uid: self._templates.get(uid, {}) for uid in (each["metadata"]["uid"] for each in there)}
        for statefulset in there:
            adopt(self._store, POD, statefulset)
            _step(self._store, statefulset, self._kept(statefulset), self._pods, self._record)
            _report(self._store, statefulset)

    def _kept(self, statefulset: Object) -> Object:
        """The template of the current revision, which pods below the partition come back with; those of other revisions are forgotten."""
        kept, template = self._templates[statefulset["metadata"]["uid"]], statefulset["spec"]["template"]
        revision = _revision(statefulset, template)
        current = (statefulset.get("status") or {}).get("currentRevision", revision)
        known = {**kept, revision: template}
        self._templates[statefulset["metadata"]["uid"]] = {
            name: each for name, each in known.items() if name in (current, revision)
        }
        found: Object = known.get(current, template)
        return found


def _step(store: Store, statefulset: Object, current: Object, pods: PodTerminator, record: Recorder) -> None:
    """Create what is missing, end what is surplus, then replace what is outdated.

    One at a time unless Parallel. `current`: the template of the current revision.
    """
    spec, name = statefulset["spec"], statefulset["metadata"]["name"]
    there = _by_index(store, statefulset)
    desired = range(spec.get("replicas", 1))
    one_by_one = spec.get("podManagementPolicy", "OrderedReady") != "Parallel"
    for index in desired:
        pod = there.get(index)
        if pod is None:
            _create(store, statefulset, current if index < _partition(spec) else spec["template"], index, record)
        elif not is_active(pod) and not pod["metadata"].get("deletionTimestamp"):
            pods.begin_delete(*key(pod), 0)
        if one_by_one and (pod is None or not is_available(pod, spec.get("minReadySeconds", 0))):
            return
    for index in sorted(set(there) - set(desired), reverse=True):
        if not there[index]["metadata"].get("deletionTimestamp"):
            pods.begin_delete(*key(there[index]), None)
            record(statefulset, "Normal", "SuccessfulDelete", f"delete Pod {name}-{index} successful")
        if one_by_one:
            return
    outdated = _outdated(statefulset, there)
    if outdated is not None:
        pods.begin_delete(*key(outdated), None)
        record(statefulset, "Normal", "SuccessfulDelete", f"delete Pod {outdated['metadata']['name']} successful")


def _create(store: Store, statefulset: Object, template: Object, index: int, record: Recorder) -> None:
    """Create a pod with its claims, unless one of them is still being removed."""
    name = f"{statefulset['metadata']['name']}-{index}"
    if claims.ready(store, statefulset, name):
        store.create(POD, _pod(statefulset, template, index))
        record(statefulset, "Normal", "SuccessfulCreate", f"create Pod {name} successful")


def _outdated(statefulset: Object, there: dict[int, Object]) -> Object | None:
    """The next pod to replace.

    The highest one of another revision, when all above it are ready.
    """
    strategy = statefulset["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return None
    partition, revision = _partition(statefulset["spec"]), _revision(statefulset, statefulset["spec"]["template"])
    for index in sorted((each for each in there if each >= partition), reverse=True):
        pod = there[index]
        if pod["metadata"].get("deletionTimestamp"):
            return None
        if (pod["metadata"].get("labels") or {}).get(REVISION) != revision:
            return pod
        if not is_ready(pod):
            return None
    return None


def _partition(spec: Object) -> int:
    """Pods with a lower number stay at the current revision."""
    return int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0))


def _pod(statefulset: Object, template: Object, index: int) -> Object:
    name = f"{statefulset['metadata']['name']}-{index}"
    spec = statefulset["spec"]
    pod = pod_from(statefulset, template, name=name)
    pod["metadata"]["labels"] |= {POD_NAME: name, INDEX: str(index), REVISION: _revision(statefulset, template)}
    claims = [each["metadata"]["name"] for each in spec.get("volumeClaimTemplates") or ()]
    kept = [each for each in pod["spec"]["volumes"] if each["name"] not in claims]
    volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims]
    pod["spec"] |= {"hostname": name, "subdomain": spec.get("serviceName", ""), "volumes": [*kept, *volumes]}
    return pod


def _by_index(store: Store, statefulset: Object) -> dict[int, Object]:
    """The pods of the set by their number, those that are ending included.

    A name is free when its pod is gone.
    """
    prefix = f"{statefulset['metadata']['name']}-"
    found = {}
    for pod in owned(store, POD, statefulset):
        number = pod["metadata"]["name"].removeprefix(prefix)
        if number.isdecimal():
            found[int(number)] = pod
    return found


def _report(store: Store, statefulset: Object) -> None:
    statefulset = store.get(STATEFULSET, *key(statefulset))
    active = [pod for pod in _by_index(store, statefulset).values() if is_active(pod)]
    replicas, ready, available = count(active, statefulset["spec"].get("minReadySeconds", 0))
    revision = _revision(statefulset, statefulset["spec"]["template"])
    updated = sum((pod["metadata"].get("labels") or {}).get(REVISION) == revision for pod in active)
    done = updated == replicas == ready == statefulset["spec"].get("replicas", 1)
    before = (statefulset.get("status") or {}).get("currentRevision", revision)
    status = {
        "replicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": available,
        "updatedReplicas": updated,
        "currentReplicas": updated if done else replicas - updated if before != revision else replicas,
        "currentRevision": revision if done else before,
        "updateRevision": revision,
        "collisionCount": 0,
        "observedGeneration": statefulset["metadata"].get("generation", 1),
    }
    write_status(store, STATEFULSET, statefulset, status)


def _revision(statefulset: Object, template: Object) -> str:
    return f"{statefulset['metadata']['name']}-{template_hash(template)}"
