"""`network-ports`: does a backend refuse its declared callers on every port but one?

A port without a listener refuses every caller, policy or not. So a pod is made that carries the backend's labels and listens on the
port and on others, with a Service of its own that leads to it though it is never ready: no Service of the platform sends it a
request. A second pod, with the labels of a declared caller, connects to it. The one port must accept, or nothing was shown; all
others must refuse.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from harness import clock
from harness.drivers.check.places import Clusters, callers_of, namespaces
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.targets import Target, platform_of
from harness.targets.access import access, accesses
from harness.targets.intents import strike_intent
from harness.targets.kubernetes import Cluster, Object
from harness.targets.probe_pods import CALLERS, LIFE_S, MADE_BY, pod_in_place, probe_pod
from harness.targets.undo import undoable

OTHERS: Final = (8081, 9090, 15672)
"""Ports that are tried beside the declared one."""
_ROUND_S: Final = 15.0
_NEVER_SERVED: Final = 1
"""The port that the listener's readiness is asked at: it is never ready, and so is no pod of any Service but its own."""
_MARK: Final = "readiness/listener"
_OWNERS: Final = frozenset({"pod-template-hash", "rollouts-pod-template-hash"})
"""Labels by which the ReplicaSets of Deployments and of Rollouts know their pods; a pod with them would be taken for one too many."""

_LISTENER: Final = """\
import os, selectors, socket, sys, time
chosen, end = selectors.DefaultSelector(), time.monotonic() + float(sys.argv[1])
for port in map(int, sys.argv[2:]):
    chosen.register(socket.create_server((os.environ.get("POD_IP", ""), port)), selectors.EVENT_READ)
print("listening", flush=True)
while time.monotonic() < end:
    for key, _ in chosen.select(0.5):
        with key.fileobj.accept()[0] as connection:
            connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
"""
_CALLER: Final = """\
import json, os, socket, sys, time
end, number = time.monotonic() + float(sys.argv[1]), 0

def call(service, port):
    host = os.environ.get(service.upper().replace("-", "_") + "_SERVICE_HOST", service)
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            return "accepted" if connection.recv(1) else "refused"
    except OSError:
        return "refused"

while time.monotonic() < end:
    number += 1
    came = {s: {p: call(s, int(p)) for p in sys.argv[2].split(",")} for s in sys.argv[3:]}
    print(json.dumps([number, came]), flush=True)
    time.sleep(0.2)
"""

_LISTENING: Final[Mapping[str, Any]] = {
    "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "readinessProbe": {"tcpSocket": {"port": _NEVER_SERVED}, "periodSeconds": 10},
}
"""Fields of a listener's container."""


def _delete_service(cluster: Cluster, _target: Target, *, namespace: str, service: str) -> None:
    cluster.delete_service(namespace, service)


@undoable("delete-service", undo=_delete_service)
def make_service(cluster: Cluster, body: Object) -> None:
    """Make a Service; the undo deletes it."""
    cluster.create_service(body["metadata"]["namespace"], body)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Backend:
    """What is tried in the place of one backend: its labels, and the name of the listener and of its Service."""

    name: str
    labels: Mapping[str, str]
    listener: str


@dataclass(kw_only=True, slots=True)
class _Tried:
    """One namespace: its backends, the pod that calls, and how far that pod's log was read."""

    cluster: Cluster
    namespace: str
    caller: str
    label: str
    port: int
    backends: Sequence[_Backend]
    round: int = 0

    def probe(self) -> Sequence[FactReading]:
        """The next round of calls."""
        came = self._next_round()
        return [seen for backend in self.backends for seen in self._of(backend, came[backend.listener])]

    def _of(self, backend: _Backend, came: Mapping[str, str]) -> Iterator[FactReading]:
        subject = f"{self.namespace}: {self.label} to {backend.name}"
        yield FactReading(
            subject=f"{subject} on TCP {self.port}",
            expected="accepted, or the others prove nothing",
            observed=came[str(self.port)],
            ok=True if came[str(self.port)] == "accepted" else None,
        )
        for other in OTHERS:
            seen = came[str(other)]
            yield FactReading(
                subject=f"{subject} on TCP {other}", expected="refused", observed=seen, ok=seen == "refused"
            )

    def _next_round(self) -> Mapping[str, Mapping[str, str]]:
        for _ in clock.Deadline.after(_ROUND_S).ticks(0.1):
            lines = self.cluster.pod_log(self.namespace, self.caller).splitlines(keepends=True)
            whole = [json.loads(line) for line in lines if line.endswith("\n") and line.startswith("[")]
            new = [came for number, came in whole if number > self.round and self._answers(came)]
            if new or len(whole) > self.round + 10:
                self.round = len(whole)
                return (new or [came for _, came in whole])[-1]  # type: ignore[no-any-return]  # our own program's
        raise DriverError(
            f"the pod {self.caller} reported nothing within {_ROUND_S:g} s",
            where=f"{self.cluster.url} {self.namespace}",
            hint="see its events: is its image there, may pods be made in this namespace?",
        )

    def _answers(self, came: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether every listener is up: a round before that shows nothing."""
        return all(of_one[str(self.port)] == "accepted" for of_one in came.values())


@accesses(*CALLERS, *access("list pods", "create,delete services"))
@contextmanager
def network_ports(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Puts listeners and callers in place, calls each backend of each region, and removes them however it ends."""
    port, clusters, declared = int(params["port"]), Clusters(target), callers_of(target)
    image, labels = declared.image, dict(declared.accepted)
    with ExitStack() as stack:
        places = []
        for region, namespace in namespaces(target).items():
            cluster = clusters.of(region)
            backends = _backends(cluster, namespace, port)
            if not backends:
                continue
            for backend in backends:
                stack.enter_context(_service_in_place(target, cluster, _service(namespace, backend, port)))
                command = ["python", "-c", _LISTENER, str(LIFE_S), *map(str, (port, *OTHERS))]
                marked = {**backend.labels, _MARK: backend.listener}
                body = probe_pod(backend.listener, namespace, marked, image, command, **_LISTENING)
                stack.enter_context(pod_in_place(target, cluster, body, "check network-ports"))
            caller = f"readiness-caller-{uuid.uuid4().hex[:6]}"
            tried = ",".join(map(str, (port, *OTHERS)))
            command = ["python", "-c", _CALLER, str(LIFE_S), tried, *(one.listener for one in backends)]
            body = probe_pod(caller, namespace, labels, image, command)
            stack.enter_context(pod_in_place(target, cluster, body, "check network-ports"))
            label = labels.get("app") or ",".join(f"{key}={value}" for key, value in labels.items())
            places.append(
                _Tried(cluster=cluster, namespace=namespace, caller=caller, label=label, port=port, backends=backends)
            )
        yield lambda: [seen for place in places for seen in place.probe()]


def _backends(cluster: Cluster, namespace: str, port: int) -> list[_Backend]:
    """Services with a selector that have the port, each with the labels of one of its pods."""
    found = []
    for service in cluster.services(namespace):
        selector = service["spec"].get("selector")
        if not selector or all(one["port"] != port for one in service["spec"].get("ports") or []):
            continue
        pods = cluster.pods(namespace, ",".join(f"{key}={value}" for key, value in selector.items()))
        if pods:
            own = {key: value for key, value in pods[0]["metadata"]["labels"].items() if key not in _OWNERS}
            listener = f"readiness-listener-{uuid.uuid4().hex[:6]}"
            found.append(_Backend(name=service["metadata"]["name"], labels=own, listener=listener))
    return found


def _service(namespace: str, backend: _Backend, port: int) -> Object:
    ports = [{"name": f"tcp-{number}", "port": number, "targetPort": number} for number in (port, *OTHERS)]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": backend.listener, "namespace": namespace, "labels": {MADE_BY: "readiness"}},
        "spec": {"selector": {_MARK: backend.listener}, "ports": ports, "publishNotReadyAddresses": True},
    }


@contextmanager
def _service_in_place(target: Target, cluster: Cluster, body: Object) -> Iterator[None]:
    undo = {"namespace": body["metadata"]["namespace"], "service": body["metadata"]["name"]}
    intent = make_service.intend(platform_of(target), "check network-ports", f"make service {undo['service']}", **undo)
    try:
        make_service(cluster, body)
        yield
    finally:
        make_service.undo(cluster, target, **undo)
        strike_intent(intent)
