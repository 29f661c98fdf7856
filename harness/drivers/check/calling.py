"""Pods that call services repeatedly and write the result of each round of calls to their log."""

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
"""Results of a call: answered; connection closed without an answer or refused; or connected but not answered in time.

Further results are `no address` and `no network`, for calls that could not be tried.
"""
ROUND_S: Final = 15.0
"""Time to wait for rounds of calls, in s: the image may have to be pulled and the pod started first."""

CALLER: Final = """\
import errno, json, os, socket, ssl, sys, time
from concurrent.futures import ThreadPoolExecutor
end, path, places, number = time.monotonic() + float(sys.argv[1]), sys.argv[2], sys.argv[3:], 0
anybody = ssl.create_default_context()
anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE

def call(place):
    plain = connect(place, request)
    return connect(place, secured) if plain == "closed" else plain

def request(connection):
    if path:
        connection.sendall(f"GET {path} HTTP/1.0\\r\\nHost: probe\\r\\n\\r\\n".encode())
    return bool(connection.recv(1))

def secured(connection):
    with anybody.wrap_socket(connection) as inside:
        return request(inside)

def connect(place, answers):
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
            return "accepted" if answers(connection) else "closed"
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
"""Program of the calling pods. Arguments: seconds to run, path to request (empty: none is sent), places like `api-gateway:8080`.

A call counts as accepted when an answer comes back: behind a proxy, a connection alone proves nothing. A connection that is closed without an
answer to plain text is tried once more with TLS, of any certificate; whom TLS refuses, for want of a client certificate, is as `closed`.
"""

Round = Mapping[str, str]
"""The result of the call of each place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerPod:
    """A pod that runs `CALLER`, read by its log."""

    cluster: Cluster = field(repr=False)
    namespace: str
    name: str

    def rounds(self) -> list[Round]:
        """Every round so far."""
        lines = self.cluster.pod_log(self.namespace, self.name).splitlines(keepends=True)
        return [json.loads(line)[1] for line in lines if line.startswith("[") and line.endswith("\n")]

    def awaited(self, enough: Callable[[Sequence[Round]], bool]) -> list[Round]:
        """Every round so far; waits until there are enough rounds, at most `ROUND_S`.

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
            hint="check its events: does its image exist, and may the harness create pods in this namespace?",
        )


def tcp_ports(service: Object) -> list[int]:
    """The TCP ports of a service."""
    ports = service["spec"].get("ports") or []
    return [int(port["port"]) for port in ports if port.get("protocol", "TCP") == "TCP"]


def place_name(places: Mapping[str, str], region: str) -> str:
    """A region's namespace, with the region as prefix if another region has a namespace of the same name.

    Args:
        places: namespaces by region.
        region: one of them.
    """
    namespace = places[region]
    return namespace if [*places.values()].count(namespace) == 1 else f"{region}/{namespace}"
