"""The seam of the network: what the cluster asks of it, whatever the back-end.

A *seat* is a pod's place in the network. A *front* is the address at which one seat finds one Service. Everything else is
declared as a whole by `serve` and compared with what exists, so a back-end has no history to get wrong.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    Admits = Callable[["Seat", "tuple[Endpoint, ...]"], "tuple[Endpoint, ...]"]
    """Which of these endpoints the seat may connect to, in their order."""


class Capability(StrEnum):
    """What a back-end can really do; what it cannot is NOT ASSESSED there, never green."""

    OWN_ADDRESS = "own-address"
    OWN_PORTS = "own-ports"
    TRUE_SOURCE = "true-source"
    BLACKHOLE = "blackhole"
    RESET = "reset"
    ONE_WAY = "one-way"
    DIRECT_PAIRS = "direct-pairs"
    DELAY = "delay"
    LOSS = "loss"
    RATE = "rate"
    DNS = "dns"
    CLOCK_OFFSET = "clock-offset"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Endpoint:
    """A TCP address and port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pod:
    """Who wants a seat. `keeps_address`.

    The same namespace and name get the same address again.
    """

    namespace: str
    name: str
    keeps_address: bool = False

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seat:
    """A pod's place: its address, and the variables that tell it where the Services are."""

    key: str
    namespace: str
    address: str
    env: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Occupant:
    """The pod at an address, as the log of connections names it.

    `workload` is its kind and name.
    """

    address: str
    namespace: str
    pod: str
    labels: Mapping[str, str]
    workload: tuple[str, str]


HOST = Seat(key="host", namespace="", address="127.0.0.1")
"""Whoever calls from outside the cluster."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicePort:
    """A port of a Service and the endpoints that are ready behind it."""

    name: str
    port: int
    backends: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A Service with an address.

    `alias_of` (namespace, name) makes it another name for a Service elsewhere.
    """

    namespace: str
    name: str
    ports: tuple[ServicePort, ...] = ()
    alias_of: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class Disturbance(StrEnum):
    """What happens to the bytes of a pair."""

    BLACKHOLE = "blackhole"
    RESET = "reset"
    DELAY = "delay"


@dataclass(frozen=True, kw_only=True, slots=True)
class Impairment:
    """How pairs are disturbed; `delay_s` is added one way, to what the caller sends."""

    kind: Disturbance
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkImpaired:
    """An impairment that is in force."""

    id: int
    applied_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkHealed:
    """An impairment that is gone: when, and how many connections or chunks it had hit."""

    id: int
    gone_ns: int
    hits: int


class Network(Protocol):
    """What the cluster needs of a network.

    Calls come from one thread; each is done when it returns.
    """

    can: frozenset[Capability]

    def attach(self, pod: Pod) -> Seat:
        """Give a pod an address and its fronts. Raises SandboxError when an address is in use."""
        ...

    def detach(self, seat: Seat) -> None:
        """Take the seat back; idempotent."""
        ...

    def serve(self, services: Iterable[Service], admits: Admits) -> None:
        """Declare all Services, their ready endpoints, and who may call which endpoint."""
        ...

    def name(self, occupants: Iterable[Occupant]) -> None:
        """Say who is at which address, for the log of connections."""
        ...

    def front(self, seat: Seat, namespace: str, name: str) -> str:
        """The address at which `seat` finds that Service; reserved from now on."""
        ...

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
        """Start a process that sees the network as the seat does; its errors go where its output goes, unless `stderr` says otherwise."""
        ...

    def listen(self, at: Endpoint) -> socket.socket:
        """A listening socket on an address of the cluster. Raises SandboxError when it is in use."""
        ...

    def dial(self, source: Seat) -> socket.socket:
        """An unconnected socket whose connections come from that seat."""
        ...

    def expose(self, at: Endpoint) -> str:
        """The URL at which the host reaches that endpoint."""
        ...

    def impair(self, pairs: Iterable[tuple[Seat, Seat]], how: Impairment) -> LinkImpaired:
        """Disturb what each first seat sends to each second.

        In force when it returns, or raises SandboxError.
        """
        ...

    def heal(self, receipt: LinkImpaired) -> LinkHealed:
        """End an impairment and say what it has hit."""
        ...

    def traffic(self) -> Mapping[str, tuple[int, int]]:
        """By address: bytes received and sent through Services since the network came up."""
        ...

    def close(self) -> None:
        """Give everything back; idempotent."""
        ...
