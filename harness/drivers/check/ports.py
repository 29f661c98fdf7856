"""`network-ports`: checks that a backend refuses its declared callers on every port but one.

A port without a listener refuses every caller, with or without a policy. So the check creates a listener pod with the backend's labels
that listens on the port and on others. It is never ready, so that no Service of the platform sends it requests; a Service of its own
leads to it all the same. A second pod, with the labels of a declared caller, connects to it. The one port must accept, else the
result is unknown. In the same round of calls all other ports must refuse, and in no round may one of them accept.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from harness.drivers.check.calling import ACCEPTED, CALLER, CLOSED, REFUSED, CallerPod, Round, place_name, tcp_ports
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API, DECLARED_CALLERS
from harness.drivers.check.policies import PORT, no_service
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.cluster.own import OWN
from harness.targets.cluster.workloads import TEMPLATE_HASHES
from harness.targets.kubernetes import Cluster, Object
from harness.targets.places import Clusters, caller_name, callers_of, namespaces
from harness.targets.probe_pods import CALLERS, LIFE_S, place_pod, probe_pod
from harness.targets.undo import PendingUndos, undoable

OTHERS: Final = (8081, 9090, 15672)
"""Ports that are called beside the declared one."""
_NEVER_SERVED: Final = 1
"""Port of the listener's readiness probe, which never succeeds, so that no Service but its own selects the pod as ready."""
_MARK: Final = "readiness/listener"

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
_LISTENING: Final[Mapping[str, Any]] = {
    "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "readinessProbe": {"tcpSocket": {"port": _NEVER_SERVED}, "periodSeconds": 10},
}
"""Fields of a listener's container specification."""


def _delete_service(cluster: Cluster, _target: Target, *, namespace: str, service: str) -> None:
    cluster.delete_service(namespace, service)


@undoable("delete-service", undo=_delete_service, of_a_cluster=True)
def make_service(cluster: Cluster, body: Object) -> None:
    """Create a Service; the undo deletes it."""
    cluster.create_service(body["metadata"]["namespace"], body)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Backend:
    """One backend.

    Attributes:
        name: of its Service.
        labels: of one of its pods; empty: it has none.
        listener: name of the listener and its Service.
        behind: port of the pods to which the Service leads the declared port: policies name this one.
    """

    name: str
    labels: Mapping[str, str]
    listener: str
    behind: int

    @property
    def others(self) -> tuple[int, ...]:
        """The ports that are called beside the declared one."""
        return tuple(other for other in OTHERS if other != self.behind)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tried:
    """One region: its backends and the calling pod."""

    place: str
    caller: CallerPod
    label: str
    port: int
    backends: Sequence[_Backend]

    def probe(self) -> Sequence[FactReading]:
        """All rounds of calls; waits until there is a usable round for each backend."""
        rounds = self.caller.awaited(lambda rounds: all(self._shown(one, rounds) for one in self.backends))
        return [seen for backend in self.backends for seen in self._of(backend, rounds)]

    def _shown(self, backend: _Backend, rounds: Sequence[Round]) -> list[Round]:
        """Rounds in which the listener was reached, also in the round before, so that it listens on each port; others are not used."""
        key = f"{backend.listener}:{self.port}"
        return [came for before, came in pairwise(rounds) if before[key] == came[key] == ACCEPTED]

    def _of(self, backend: _Backend, rounds: Sequence[Round]) -> Iterator[FactReading]:
        subject, shown = f"{self.place}: {self.label} to {backend.name}", self._shown(backend, rounds)
        yield FactReading(
            subject=f"{subject} on TCP {self.port}",
            expected="accepted, or the others prove nothing",
            observed=ACCEPTED if shown else rounds[-1][f"{backend.listener}:{self.port}"],
            ok=True if shown else None,
        )
        for other in backend.others:
            key = f"{backend.listener}:{other}"
            came = ACCEPTED if any(one[key] == ACCEPTED for one in rounds) else (shown or rounds)[-1][key]
            refused = True if shown and came in {REFUSED, CLOSED} else None
            yield FactReading(
                subject=f"{subject} on TCP {other}",
                expected=REFUSED,
                observed=REFUSED if refused else came if shown else f"{came}, while port {self.port} was not reached",
                ok=False if came == ACCEPTED else refused,
                sure=came == ACCEPTED,
            )


@claim(
    PORT,
    "is its only port that a declared caller reaches",
    example="TCP 8080 of the backend is its only port that a declared caller reaches",
    needs=(API, DECLARED_CALLERS),
    seconds=4.0,
    touches=("workloads",),
)
@accesses(*CALLERS, *access("list pods", "create,delete services"))
@contextmanager
def network_ports(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """A pod that carries each backend's labels listens on the port and on three others; a declared caller reaches the one port only.

    The pods are always removed.
    """
    port, clusters, places = int(params["port"]), Clusters(target), namespaces(target)
    tried: list[_Tried] = []
    unknown: list[FactReading] = []
    with PendingUndos(target, "check network-ports") as undos:
        for region, namespace in places.items():
            place, found = place_name(places, region), _backends(clusters.of(region), namespace, port)
            backends = [one for one in found if one.labels]
            unknown += [_no_pod(place, one, port) for one in found if not one.labels]
            if not found:
                unknown.append(no_service(place, port))
            if backends:
                caller = _place(undos, target, clusters.of(region), namespace, backends=backends, port=port)
                label = caller_name(callers_of(target).accepted)
                tried.append(_Tried(place=place, caller=caller, label=label, port=port, backends=backends))
        yield lambda: [*unknown, *(seen for one in tried for seen in one.probe())]


def _place(
    undos: PendingUndos, target: Target, cluster: Cluster, namespace: str, *, backends: Sequence[_Backend], port: int
) -> CallerPod:
    """Create the listeners of one namespace and the pod that calls them."""
    declared = callers_of(target)
    image, labels = declared.image, dict(declared.accepted)
    for backend in backends:
        _place_service(undos, cluster, _service(namespace, backend, port))
        command = ["python", "-c", _LISTENER, str(LIFE_S), *map(str, (backend.behind, *backend.others))]
        marked = {**backend.labels, _MARK: backend.listener}
        place_pod(undos, cluster, probe_pod(backend.listener, namespace, marked, image, command, **_LISTENING))
    name = f"readiness-caller-{uuid.uuid4().hex[:6]}"
    called = [f"{one.listener}:{number}" for one in backends for number in (port, *one.others)]
    command = ["python", "-c", CALLER, str(LIFE_S), "", *called]
    place_pod(undos, cluster, probe_pod(name, namespace, labels, image, command))
    return CallerPod(cluster=cluster, namespace=namespace, name=name)


def _no_pod(place: str, backend: _Backend, port: int) -> FactReading:
    return FactReading(
        subject=f"{place}: {backend.name} on TCP {port}",
        expected="a pod, whose labels the listener gets",
        observed="it has no pod",
        ok=None,
    )


def _backends(cluster: Cluster, namespace: str, port: int) -> list[_Backend]:
    """Services with a selector that have the port, each with the labels of one of its pods."""
    found = []
    for service in cluster.services(namespace):
        selector = service["spec"].get("selector")
        if not selector or port not in tcp_ports(service):
            continue
        pods = cluster.pods(namespace, ",".join(f"{key}={value}" for key, value in selector.items()))
        labels = pods[0]["metadata"]["labels"] if pods else {}
        # with a hash of a template a ReplicaSet would take the listener for a pod too many
        own = {key: value for key, value in labels.items() if key not in TEMPLATE_HASHES}
        listener = f"readiness-listener-{uuid.uuid4().hex[:6]}"
        behind = _behind(service, port, pods)
        found.append(_Backend(name=service["metadata"]["name"], labels=own, listener=listener, behind=behind))
    return found


def _behind(service: Object, port: int, pods: Sequence[Object]) -> int:
    """The port of the pods to which a Service leads its own; a name is that of a port of a container."""
    leads = next(
        one.get("targetPort", port)
        for one in service["spec"]["ports"]
        if one["port"] == port and one.get("protocol", "TCP") == "TCP"
    )
    named = {
        one["name"]: one["containerPort"]
        for pod in pods
        for container in pod["spec"]["containers"]
        for one in container.get("ports") or []
        if "name" in one
    }
    return int(named.get(leads, port) if isinstance(leads, str) else leads)


def _service(namespace: str, backend: _Backend, port: int) -> Object:
    led = {port: backend.behind, **{other: other for other in backend.others}}
    ports = [{"name": f"tcp-{number}", "port": number, "targetPort": behind} for number, behind in led.items()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": backend.listener, "namespace": namespace, "labels": OWN},
        "spec": {"selector": {_MARK: backend.listener}, "ports": ports, "publishNotReadyAddresses": True},
    }


def _place_service(undos: PendingUndos, cluster: Cluster, body: Object) -> None:
    undo = {"namespace": body["metadata"]["namespace"], "service": body["metadata"]["name"]}
    undos.intend(make_service, cluster, f"make service {undo['service']}", **undo)
    make_service(cluster, body)
