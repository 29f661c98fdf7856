"""What a pod serves at its CPU limit, and at twice that: copies of a workload's pod, asked in turn by a program beside them.

The workload itself, its Service and its autoscaler are left alone: the copies have labels that none of them selects.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.clock import Deadline
from harness.drivers.scale.scaled import READ, Scaled, find_scaled, quantity
from harness.errors import ConfigurationError, DriverError
from harness.targets.access import access
from harness.targets.intents import strike_intent
from harness.targets.kubernetes import has_condition, is_over
from harness.targets.undo import undoable

if TYPE_CHECKING:
    from harness.drivers.scale.holding import Holding
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster, Object

RESIZING: Final = (*READ, *access("get,create,delete pods", "get pods/log"))
"""What serving from copies of a pod asks."""
FACTORS: Final = (1, 2)
"""How much of its CPU limit a copy has."""
ROUNDS: Final = 2
"""How often each copy has its turn."""
ROUND_S: Final = 4.0
IN_FLIGHT: Final = 8
"""Requests that are open at any moment of a turn: the next one is sent when one is answered."""
LIFE_S: Final = 120
"""Pods that are not deleted end by themselves."""
_READY_WITHIN_S: Final = 40.0
_SERVED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.3
_SCRAPED: Final = "prometheus.io/scrape"
_OWN: Final = {"app.kubernetes.io/managed-by": "readiness"}
_PROGRAM: Final = """
import http.client, json, sys, threading, time
path, seconds, in_flight, rounds, *places = sys.argv[1:]
def turn(place):
    host, _, port = place.rpartition(":")
    counts, end = [0, 0], time.monotonic() + float(seconds)
    def ask():
        there = None
        while time.monotonic() < end:
            try:
                there = there or http.client.HTTPConnection(host, int(port), timeout=10)
                there.request("GET", path)
                answer = there.getresponse()
                answer.read()
                counts[answer.status >= 400] += 1
                if answer.will_close:
                    there = None
            except (OSError, http.client.HTTPException):
                counts[1] += 1
                there = None
    began, used = time.monotonic(), time.process_time()
    threads = [threading.Thread(target=ask) for _ in range(int(in_flight))]
    for each in threads: each.start()
    for each in threads: each.join()
    took = time.monotonic() - began
    return {"answers": counts[0], "failed": counts[1], "seconds": took, "busy": (time.process_time() - used) / took}
print(json.dumps([turn(place) for _ in range(int(rounds)) for place in places]), flush=True)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodCopy:
    """A copy of the workload's pod: its body, and the cores that it may use."""

    body: Object
    cores: float

    @property
    def name(self) -> str:
        """Of the pod."""
        name: str = self.body["metadata"]["name"]
        return name


def resize(now: Holding) -> None:
    """Ask a copy of a workload's pod, and one with twice its CPU limit, in turn, each with as many open requests as the other.

    Raises:
        DriverError: there is no such workload, it has no CPU limit, or a copy of it does not become ready.
        ConfigurationError: the target names no callers, whose image and labels the asking pod has.
    """
    here = find_scaled(now.target, now.demand.params["workload"])
    if now.target.callers is None:
        raise ConfigurationError(
            "no callers of the backends", where=f"{now.target.file}: callers", hint="write `callers: {accepted: …}`"
        )
    copies = [copied(here, factor) for factor in FACTORS]
    with ExitStack() as stack:
        for one in copies:
            stack.enter_context(_in_place(here, one.body, now.platform))
        places = [_ready(now, here, one) for one in copies]
        words = [now.demand.params["path"], str(ROUND_S), str(IN_FLIGHT), str(ROUNDS), *places]
        asking = _asking(here, now.target.callers.image, now.target.callers.accepted, words)
        stack.enter_context(_in_place(here, asking, now.platform))
        turns = _served(now, here, asking["metadata"]["name"])
    for turn, one in zip(turns, copies * ROUNDS, strict=True):
        now.sink.put("scale.served", here.subject, demand=now.demand.key, limit=one.cores, in_flight=IN_FLIGHT, **turn)


def copied(here: Scaled, factor: int) -> PodCopy:
    """The pod of the workload's template, with so many times its CPU limit, and labels of its own where it is selected by them."""
    workload = here.cluster.read(here.version, here.kind, here.name, here.namespace)
    if workload is None:
        raise DriverError(f"{here.kind} {here.subject} is gone")
    template = copy.deepcopy(workload["spec"]["template"])
    spec, meta, cores = template["spec"], template.get("metadata") or {}, 0.0
    for container in spec["containers"]:
        limits = (container.get("resources") or {}).get("limits") or {}
        if "cpu" not in limits:
            raise DriverError(
                f"container {container['name']} of {here.subject} has no CPU limit", hint="there is nothing to double"
            )
        own = factor * quantity(str(limits["cpu"]))
        limits["cpu"], cores = f"{round(own * 1000)}m", cores + own
    name = f"readiness-{here.name[:30]}-{factor}x-{uuid.uuid4().hex[:6]}"
    kept = {key: value for key, value in (meta.get("labels") or {}).items() if key not in here.labels}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != _SCRAPED}
    metadata = {"name": name, "namespace": here.namespace, "labels": {**kept, **_OWN}, "annotations": annotations}
    spec |= {"restartPolicy": "Never", "activeDeadlineSeconds": LIFE_S, "terminationGracePeriodSeconds": 0}
    return PodCopy(body={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, cores=cores)


def _asking(here: Scaled, image: str, labels: Mapping[str, str], words: Sequence[str]) -> Object:
    restricted = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "probe",
        "image": image,
        "command": ["python", "-c", _PROGRAM, *words],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "securityContext": restricted,
    }
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": LIFE_S,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    name = f"readiness-asking-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "namespace": here.namespace, "labels": {**labels, **_OWN}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _ready(now: Holding, here: Scaled, one: PodCopy) -> str:
    """Wait until it is ready; its address and port."""
    for _ in Deadline.after(_READY_WITHIN_S).ticks(_POLL_S):
        now.alive()
        pod = here.cluster.pod(here.namespace, one.name)
        if pod is not None and has_condition(pod, "Ready") and (address := pod["status"].get("podIP")):
            return f"{address}:{_port(pod)}"
    raise DriverError(
        f"the copy {here.namespace}/{one.name} of {here.name} was not ready within {_READY_WITHIN_S:g} s",
        hint="see its events and its log",
    )


def _port(pod: Object) -> int:
    """The port named `http`, else the first one declared, else 80."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    named = [port for port in ports if port.get("name") == "http"]
    return int((named or ports or [{"containerPort": 80}])[0]["containerPort"])


def _served(now: Holding, here: Scaled, name: str) -> list[dict[str, Any]]:
    """What the asking pod says at its end, a turn each."""
    for _ in Deadline.after(_SERVED_WITHIN_S).ticks(_POLL_S):
        now.alive()
        pod = here.cluster.pod(here.namespace, name)
        if pod is not None and is_over(pod):
            break
    said = here.cluster.pod_log(here.namespace, name).strip()
    try:
        turns: list[dict[str, Any]] = json.loads(said)
    except ValueError as error:
        raise DriverError(f"the pod {here.namespace}/{name} did not say what was served: {said[-200:]}") from error
    return turns


def _delete(cluster: Cluster | None, _target: Target, *, namespace: str, pod: str) -> None:
    """Delete a pod; nothing when it is gone.

    Raises:
        DriverError: the target names no cluster.
    """
    if cluster is None:
        raise DriverError(f"pod {namespace}/{pod} cannot be deleted: the target names no cluster")
    cluster.delete_pod(namespace, pod, grace_s=0)


@undoable("delete-copy", undo=_delete)
def _make(here: Scaled, body: Object) -> None:
    here.cluster.create_pod(here.namespace, body)


@contextmanager
def _in_place(here: Scaled, body: Object, platform: Platform) -> Iterator[None]:
    """The pod is there meanwhile; what deletes it is on disk before it is made."""
    name = body["metadata"]["name"]
    intent = _make.intend(platform, "scale", f"make pod {name}", namespace=here.namespace, pod=name)
    try:
        _make(here, body)
        yield
    finally:
        here.cluster.delete_pod(here.namespace, name, grace_s=0)
        strike_intent(intent)
