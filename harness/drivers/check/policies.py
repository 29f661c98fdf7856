"""`network-policy`: do the backends accept their declared callers on a port, and nobody else?

Two pods are made in each region's namespace: one labelled `app: frontend`, a caller that the documents declare, and one
with a label that no rule names. Each calls every backend by its Service, again and again, and writes what came of it to
its log. A backend is a Service with a selector that has the port.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness import clock
from harness.drivers.check.facts import Look, Seen
from harness.drivers.check.places import Clusters, namespaces
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.intents import strike_intent, write_intent
from harness.targets.kubernetes import Cluster, Object
from harness.targets.undo import delete_pod

CALLERS: Final[Mapping[str, bool]] = {"frontend": True, "stranger": False}
"""Value of the label `app` of each probe pod, and whether the backends accept it."""

IMAGE: Final = "python:3.11-slim"
_LIFE_S: Final = 60
_ROUND_S: Final = 15.0
"""So long a look waits for the next round of calls: the pod may still have to be pulled and started."""

_PROGRAM: Final = """\
import json, os, socket, sys, time
port, end, number = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0

def call(service):
    host = os.environ.get(service.upper().replace("-", "_") + "_SERVICE_HOST", service)
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(b"GET /health HTTP/1.0\\r\\nHost: probe\\r\\n\\r\\n")
            return "accepted" if connection.recv(1) else "refused"
    except OSError:
        return "refused"

while time.monotonic() < end:
    number += 1
    print(json.dumps([number, {service: call(service) for service in sys.argv[3:]}]), flush=True)
    time.sleep(0.2)
"""
"""A call counts as accepted when an answer comes back: where a proxy stands between, a connection alone says nothing."""


@contextmanager
def network_policy(target: Target, params: Mapping[str, str]) -> Iterator[Look]:
    """Puts the probe pods in place, looks at each (caller, backend) of each region, and removes them however it ends."""
    port, clusters = int(params["port"]), Clusters(target)
    with ExitStack() as stack:
        callers: list[_Caller] = []
        for region, namespace in namespaces(target).items():
            cluster = clusters.of(region)
            backends = _backends(cluster, namespace, port)
            if backends:
                for label in CALLERS:
                    caller = _Caller(cluster=cluster, namespace=namespace, label=label)
                    stack.enter_context(_in_place(target, caller, port, backends))
                    callers.append(caller)
        yield lambda: [seen for caller in callers for seen in caller.look()]


def _backends(cluster: Cluster, namespace: str, port: int) -> list[str]:
    return [
        service["metadata"]["name"]
        for service in cluster.services(namespace)
        if service["spec"].get("selector") and any(one["port"] == port for one in service["spec"].get("ports") or [])
    ]


@dataclass(kw_only=True, slots=True)
class _Caller:
    """One probe pod and how far its log was read."""

    cluster: Cluster
    namespace: str
    label: str
    name: str = field(init=False)
    round: int = 0

    def __post_init__(self) -> None:
        self.name = f"readiness-{self.label}-{uuid.uuid4().hex[:6]}"

    def look(self) -> Sequence[Seen]:
        accepted = CALLERS[self.label]
        return [
            Seen(
                subject=f"{self.namespace}: {self.label} to {service}",
                wanted="accepted" if accepted else "refused",
                seen=came,
                ok=(came == "accepted") == accepted,
            )
            for service, came in self._next_round().items()
        ]

    def _next_round(self) -> Mapping[str, str]:
        for _ in clock.Deadline.after(_ROUND_S).ticks(0.1):
            lines = self.cluster.pod_log(self.namespace, self.name).splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n") and line.startswith("[")]
            if whole and json.loads(whole[-1])[0] > self.round:
                self.round, came = json.loads(whole[-1])
                return came  # type: ignore[no-any-return]  # written by our own program
        raise DriverError(
            f"the probe pod {self.name} reported nothing within {_ROUND_S:g} s",
            where=f"{self.cluster.url} {self.namespace}",
            hint="see its events: is its image there, may pods be made in this namespace?",
        )


@contextmanager
def _in_place(target: Target, caller: _Caller, port: int, backends: Sequence[str]) -> Iterator[None]:
    intent = write_intent(
        target.name, "check network-policy", f"make pod {caller.name}", delete_pod(caller.namespace, caller.name)
    )
    try:
        caller.cluster.create_pod(caller.namespace, _pod(caller, port, backends))
        yield
    finally:
        caller.cluster.delete_pod(caller.namespace, caller.name, grace_s=0)
        strike_intent(intent)


def _pod(caller: _Caller, port: int, backends: Sequence[str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": caller.name,
            "namespace": caller.namespace,
            "labels": {"app": caller.label, "app.kubernetes.io/managed-by": "readiness"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _LIFE_S,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "probe",
                    "image": IMAGE,
                    "command": ["python", "-c", _PROGRAM, str(port), str(_LIFE_S), *backends],
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "runAsNonRoot": True,
                        "runAsUser": 65534,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }
