"""The loopback back-end: works on any Linux, without rights.

Every pod has its own 127.b.x.y. All processes of a machine call from 127.0.0.1, so who calls is not visible; therefore each
seat finds each Service at an address of its own, and the address that was called names the caller. What goes from pod to pod
without a Service is out of reach: `can` says so.
"""

from __future__ import annotations

import errno
import socket
import subprocess
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.errors import SandboxError
from readiness_sandbox import messages
from readiness_sandbox.network.addresses import FRONTS, PODS, Pool
from readiness_sandbox.network.seam import (
    HOST,
    Capability,
    Endpoint,
    Impairment,
    LinkHealed,
    LinkImpaired,
    Occupant,
    Pod,
    Seat,
    Service,
    ServicePort,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from readiness_sandbox.network.seam import Admits

BACKLOG = 512
AT_ONCE = 1000
"""Fronts that one message routes."""


class _Route(NamedTuple):
    """Where connections to a front go, and which endpoints the seat may not connect to."""

    to: tuple[Endpoint, ...] = ()
    denied: tuple[Endpoint, ...] = ()


_NOWHERE: Final = _Route()


@dataclass(slots=True)
class _Front:
    number: int
    sent: _Route = _NOWHERE


class _Routes:
    """New routes of fronts. A hundred seats that find a Service alike share one: it is made, compared and sent once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], _Route] = {}
        self._before: dict[int, _Route] = {}
        self._differ: dict[tuple[int, int], bool] = {}
        self._fronts: dict[int, list[int]] = {}

    def take(self, front: _Front, to: tuple[Endpoint, ...], every: tuple[Endpoint, ...]) -> None:
        """From now on the front leads to these of every endpoint. All are held here, so that ids stay theirs."""
        key = (id(to), id(every))
        if key not in self._made:
            admitted = set(to)
            self._made[key] = _Route(to, tuple(each for each in every if each not in admitted))
        route = self._made[key]
        self._before[id(front.sent)] = front.sent
        pair = (id(front.sent), id(route))
        if pair not in self._differ:
            self._differ[pair] = front.sent != route
        if self._differ[pair]:
            self._fronts.setdefault(id(route), []).append(front.number)
        front.sent = route

    def messages(self) -> Iterator[messages.Message]:
        """What to tell the forwarder."""
        for route in self._made.values():
            numbers = self._fronts.get(id(route), [])
            for start in range(0, len(numbers), AT_ONCE):
                some = numbers[start : start + AT_ONCE]
                yield {"route": some, "to": _pairs(route.to), "denied": _pairs(route.denied)}


class Loopback:
    """The network of one sandbox.

    `end` is the cluster's end of `messages.pair`, the forwarder has the other.
    """

    can = frozenset(
        {Capability.OWN_ADDRESS, Capability.OWN_PORTS, Capability.BLACKHOLE, Capability.RESET}
        | {Capability.ONE_WAY, Capability.DELAY}
    )

    def __init__(self, octet: int, end: socket.socket) -> None:
        self._end = end
        self._pods = Pool(octet, PODS)
        self._addresses = Pool(octet, FRONTS)
        self._numbers = count(1)
        self._seats: dict[str, Seat] = {HOST.key: HOST}
        self._keepers: set[str] = set()
        self._services: dict[str, Service] = {}
        self._admits: Admits = _everyone
        self._fronts: dict[str, dict[tuple[str, int], _Front]] = {}
        self._named: dict[str, Occupant] = {}

    def attach(self, pod: Pod) -> Seat:
        """Give a pod an address, and listen for it at every Service of its namespace."""
        seat = Seat(key=pod.key, namespace=pod.namespace, address=self._pods.take(pod.key), env=self._env(pod))
        self._seats[pod.key] = seat
        if pod.keeps_address:
            self._keepers.add(pod.key)
        self._settle([seat])
        return seat

    def detach(self, seat: Seat) -> None:
        """Close the seat's fronts; its address is free for others unless the pod keeps it."""
        if self._seats.pop(seat.key, None) is None:
            return
        for front in self._fronts.pop(seat.key, {}).values():
            self._close(front)
        self._addresses.release_below(_front_key(seat.key, ""))
        if seat.key not in self._keepers:
            self._pods.release(seat.key)

    def serve(self, services: Iterable[Service], admits: Admits) -> None:
        """Bring fronts, routes and refusals to what is declared here."""
        self._services = {service.key: service for service in services}
        self._admits = admits
        self._settle(self._seats.values())

    def name(self, occupants: Iterable[Occupant]) -> None:
        """Tell the forwarder of each occupant once."""
        for one in occupants:
            if self._named.get(one.address) != one:
                self._named[one.address] = one
                messages.send(self._end, {"known": one.address, "endpoint": _endpoint(one)})

    def front(self, seat: Seat, namespace: str, name: str) -> str:
        """The address at which `seat` finds that Service."""
        return self._addresses.take(_front_key(seat.key, f"{namespace}/{name}"))

    def start(
        self,
        seat: Seat,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int,
        stderr: int = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        """Start a process in its own session; on loopback every process sees the whole network."""
        return subprocess.Popen(
            argv,
            env={**env, **seat.env},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def listen(self, at: Endpoint) -> socket.socket:
        """A listening socket. Raises SandboxError when the address is in use or not this machine's."""
        # The protocol is named, or asyncio would leave Nagle's algorithm on: 44 ms an answer instead of 0.17.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((at.address, at.port))
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            raise SandboxError(
                f"the sandbox cannot listen at this address: {errno.errorcode.get(error.errno or 0, '')} {error.strerror}",
                where=str(at),
                hint="end the process that uses this address (`ss -ltnp` shows it), or start the sandbox again",
            ) from error
        return sock

    def dial(self, source: Seat) -> socket.socket:
        """A socket bound to the seat's address, port free."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.bind((source.address, 0))
        return sock

    def expose(self, at: Endpoint) -> str:
        """The endpoint itself: the host sees all of loopback."""
        return f"http://{at}"

    def impair(self, pairs: Iterable[tuple[Seat, Seat]], how: Impairment) -> LinkImpaired:
        """Disturb what passes between the pairs through Services."""
        number = next(self._numbers)
        messages.ask(
            self._end,
            {
                "impair": number,
                "kind": how.kind.value,
                "delay_s": how.delay_s,
                "pairs": [[sender.address, receiver.address] for sender, receiver in pairs],
            },
        )
        return LinkImpaired(id=number, applied_ns=clock.now_ns())

    def heal(self, receipt: LinkImpaired) -> LinkHealed:
        """End an impairment."""
        answer = messages.ask(self._end, {"heal": receipt.id})
        return LinkHealed(id=receipt.id, gone_ns=clock.now_ns(), hits=int(answer["hits"]))

    def traffic(self) -> Mapping[str, tuple[int, int]]:
        """What the forwarder has counted; the host is one address, whoever calls from it."""
        answer = messages.ask(self._end, {"traffic": True})
        return {address: (received, sent) for address, (received, sent) in answer["traffic"].items()}

    def close(self) -> None:
        """Close the feed: the forwarder ends and its sockets with it."""
        self._end.close()

    def _visible(self, seat: Seat) -> Iterator[tuple[Service, Service]]:
        """(the name it goes by, the Service it is) for all that the seat sees.

        The host sees everything.
        """
        for service in self._services.values():
            if service.alias_of is None and seat is HOST:
                yield service, service
            elif service.namespace == seat.namespace:
                target = service if service.alias_of is None else self._services.get("/".join(service.alias_of))
                if target is not None:
                    yield service, target

    def _env(self, pod: Pod) -> dict[str, str]:
        seat = Seat(key=pod.key, namespace=pod.namespace, address="")
        env: dict[str, str] = {}
        for name, target in self._visible(seat):
            prefix = name.name.upper().replace("-", "_")
            env[f"{prefix}_SERVICE_HOST"] = self.front(seat, target.namespace, target.name)
            for number, port in enumerate(target.ports):
                if number == 0:
                    env[f"{prefix}_SERVICE_PORT"] = str(port.port)
                if port.name:
                    env[f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
        return env

    def _settle(self, seats: Iterable[Seat]) -> None:
        """Open, route and close fronts of these seats until they are what is declared."""
        routes = _Routes()
        for seat in list(seats):
            desired = {
                (target.key, port.port): (target, port) for _, target in self._visible(seat) for port in target.ports
            }
            fronts = self._fronts.setdefault(seat.key, {})
            for where in [where for where in fronts if where not in desired]:
                self._close(fronts.pop(where))
            for where, (target, port) in desired.items():
                if where not in fronts:
                    fronts[where] = self._open(seat, target, port)
                routes.take(fronts[where], self._admits(seat, port.backends), port.backends)
        for message in routes.messages():
            messages.send(self._end, message)

    def _open(self, seat: Seat, target: Service, port: ServicePort) -> _Front:
        address = self.front(seat, target.namespace, target.name)
        number = next(self._numbers)
        with self.listen(Endpoint(address=address, port=port.port)) as listening:
            message = {"open": number, "group": f"{target.key}:{port.port}", "caller": seat.address}
            messages.send(self._end, message, listening)
        return _Front(number)

    def _close(self, front: _Front) -> None:
        messages.send(self._end, {"close": front.number})


def _everyone(_seat: Seat, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    return endpoints


def _endpoint(one: Occupant) -> dict[str, object]:
    """An end of a flow, as Hubble writes it."""
    kind, name = one.workload
    labels = [f"k8s:{key}={value}" for key, value in sorted(one.labels.items())]
    return {
        "namespace": one.namespace,
        "labels": [*labels, f"k8s:io.kubernetes.pod.namespace={one.namespace}"],
        "pod_name": one.pod,
        "workloads": [{"name": name, "kind": kind}],
    }


def _front_key(seat: str, service: str) -> str:
    return f"{seat} {service}"


def _pairs(endpoints: tuple[Endpoint, ...]) -> list[list[str | int]]:
    return [[each.address, each.port] for each in endpoints]
