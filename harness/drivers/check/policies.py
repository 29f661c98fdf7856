"""`network-policy`: do the backends accept their declared callers on a port, and no others?

Two pods are made in each region's namespace, with the labels that the target file gives under `callers`: those of a caller
that the backends must accept, and those of one that they must refuse. Each calls every backend by its Service, again and
again, and writes what came of it to its log. A backend is a Service with a selector that has the port.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness import clock
from harness.drivers.check.places import Clusters, callers_of, namespaces
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import DriverError
from harness.targets import Target
from harness.targets.access import accesses
from harness.targets.kubernetes import Cluster
from harness.targets.probe_pods import CALLERS, LIFE_S, pod_in_place, probe_pod

_ROUND_S: Final = 15.0
"""A reading waits this long for the next round of calls: the pod may still have to be pulled and started."""

_PROGRAM: Final = """\
import json, os, socket, sys, time
port, end, path, number = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), sys.argv[3], 0

def call(service):
    host = os.environ.get(service.upper().replace("-", "_") + "_SERVICE_HOST", service)
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\\r\\nHost: probe\\r\\n\\r\\n".encode())
            return "accepted" if connection.recv(1) else "refused"
    except OSError:
        return "refused"

while time.monotonic() < end:
    number += 1
    print(json.dumps([number, {service: call(service) for service in sys.argv[4:]}]), flush=True)
    time.sleep(0.2)
"""
"""A call counts as accepted when an answer comes back: behind a proxy, a connection alone proves nothing."""


@accesses(*CALLERS)
@contextmanager
def network_policy(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Puts the probe pods in place, reads each (caller, backend) of each region, and removes them however it ends."""
    port, clusters, declared = int(params["port"]), Clusters(target), callers_of(target)
    both = ((declared.accepted, True), (declared.refused, False))
    with ExitStack() as stack:
        callers: list[_Caller] = []
        for region, namespace in namespaces(target).items():
            cluster = clusters.of(region)
            backends = _backends(cluster, namespace, port)
            if backends:
                for labels, accepted in both:
                    caller = _Caller(cluster=cluster, namespace=namespace, labels=labels, accepted=accepted)
                    program = ["python", "-c", _PROGRAM, str(port), str(LIFE_S), target.probes.health, *backends]
                    body = probe_pod(caller.name, namespace, labels, declared.image, program)
                    stack.enter_context(pod_in_place(target, cluster, body, "check network-policy"))
                    callers.append(caller)
        yield lambda: [seen for caller in callers for seen in caller.probe()]


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
    labels: Mapping[str, str]
    accepted: bool
    label: str = field(init=False)
    name: str = field(init=False)
    round: int = 0

    def __post_init__(self) -> None:
        self.label = self.labels.get("app") or ",".join(f"{key}={value}" for key, value in self.labels.items())
        self.name = f"readiness-{'accepted' if self.accepted else 'refused'}-{uuid.uuid4().hex[:6]}"

    def probe(self) -> Sequence[FactReading]:
        return [
            FactReading(
                subject=f"{self.namespace}: {self.label} to {service}",
                expected="accepted" if self.accepted else "refused",
                observed=came,
                ok=(came == "accepted") == self.accepted,
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
