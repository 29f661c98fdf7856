"""Pods that call services, again and again, and write what came of each round of calls to their log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness import clock
from harness.errors import DriverError
from harness.targets.kubernetes import Cluster, Object

ACCEPTED: Final = "accepted"
CLOSED: Final = "closed"
REFUSED: Final = "refused"
NO_ANSWER: Final = "no answer"
"""What comes of a call: an answer; a connection that was closed without one, or was not made; or one that is open and has no answer in time.

Beside these: `no address` and `no network`, where nothing was tried.
"""
ROUND_S: Final = 15.0
"""Rounds of calls are waited for this long: the pod may still have to be pulled and started."""

CALLER: Final = """\
import errno, json, os, socket, sys, time
from concurrent.futures import ThreadPoolExecutor
end, path, places, number = time.monotonic() + float(sys.argv[1]), sys.argv[2], sys.argv[3:], 0

def call(place):
    service, port = place.rsplit(":", 1)
    host = os.environ.get(service.upper().replace("-", "_") + "_SERVICE_HOST", service)
    try:
        connection = socket.create_connection((host, int(port)), timeout=1)
    except socket.gaierror:
        return "no address"
    except OSError as error:
        return "no network" if error.errno == errno.ENETUNREACH else "refused"
    try:
        with connection:
            if path:
                connection.sendall(f"GET {path} HTTP/1.0\\r\\nHost: probe\\r\\n\\r\\n".encode())
            return "accepted" if connection.recv(1) else "closed"
    except socket.timeout:
        return "no answer"
    except OSError:
        return "closed"

with ThreadPoolExecutor(32) as pool:
    while True:
        number += 1
        print(json.dumps([number, dict(zip(places, pool.map(call, places)))]), flush=True)
        if time.monotonic() >= end:
            break
        time.sleep(0.2)
"""
"""Takes seconds to live, a path to ask for (empty: nothing is sent), and places such as `api-gateway:8080`, which it calls all at once.

A call counts as accepted when an answer comes back: behind a proxy, a connection alone proves nothing.
"""

Round = Mapping[str, str]
"""What came of the call of each place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerPod:
    """A pod that runs `CALLER`, by its log."""

    cluster: Cluster = field(repr=False)
    namespace: str
    name: str

    def rounds(self) -> list[Round]:
        """Every round so far."""
        lines = self.cluster.pod_log(self.namespace, self.name).splitlines(keepends=True)
        return [json.loads(line)[1] for line in lines if line.startswith("[") and line.endswith("\n")]

    def awaited(self, enough: Callable[[Sequence[Round]], bool]) -> list[Round]:
        """Every round so far, as soon as they are enough, or after `ROUND_S`.

        Raises:
            DriverError: there is none.
        """
        rounds: list[Round] = []
        for _ in clock.Deadline.after(ROUND_S).ticks(0.1):
            rounds = self.rounds()
            if rounds and enough(rounds):
                break
        if rounds:
            return rounds
        raise DriverError(
            f"the pod {self.name} reported nothing within {ROUND_S:g} s",
            where=f"{self.cluster.url} {self.namespace}",
            hint="see its events: is its image there, may pods be made in this namespace?",
        )


def tcp_ports(service: Object) -> list[int]:
    """The ports of a service that are reached by TCP."""
    ports = service["spec"].get("ports") or []
    return [int(port["port"]) for port in ports if port.get("protocol", "TCP") == "TCP"]


def place_name(places: Mapping[str, str], region: str) -> str:
    """A region's namespace, and the region before it where another one has a namespace of that name, in a cluster of its own.

    Args:
        places: namespaces by region.
        region: one of them.
    """
    namespace = places[region]
    return namespace if [*places.values()].count(namespace) == 1 else f"{region}/{namespace}"
