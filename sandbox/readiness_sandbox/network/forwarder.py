"""The forwarder: a process that relays connections to ready endpoints.

Connections are balanced, not requests: each new one goes to the next endpoint of its Service port, whoever calls; one
that does not answer within `CONNECT_S` is passed over. With no endpoint, or none that policy admits, the caller is reset at once.

Messages it obeys (one key names the message, its value is the front or impairment it is about):
    {"open": front, "group": text, "caller": address}  with the listening socket
    {"route": [front…], "to": [[address, port]…], "denied": [[address, port]…]}
    {"close": front}
    {"impair": id, "kind": …, "delay_s": …, "pairs": [[address, address]…]}   answered {"impaired": id}
    {"heal": id}                                                             answered {"healed": id, "hits": n}
    {"known": address, "endpoint": {…}}  who is there, for the log of connections
    {"traffic": true}                   answered {"traffic": {address: [bytes received, bytes sent]}}, since the start

Started as `python -m readiness_sandbox.network.forwarder FD LOG` with its end of `messages.pair` and the path of that log; ends when the other end closes.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from harness import clock
from harness.priority import go_first
from readiness_sandbox import messages
from readiness_sandbox.network.accepting import Accepting
from readiness_sandbox.network.flows import FlowEnds, FlowLogWriter
from readiness_sandbox.network.seam import Disturbance, Endpoint
from readiness_sandbox.network.splice import Side, join, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Backend = tuple[str, int]

CONNECT_S = 0.3
EVERYONE = "127.0.0.1"

_YOUNG = 20_000
"""So many new objects before the garbage collector walks them: what a request needs is gone by then, and is not walked again."""


@dataclass(slots=True, eq=False)
class Front:
    """A listening socket of the forwarder.

    It has the address of the seat that calls, the Service port, and where its connections may go.
    """

    group: str
    caller: str
    accepting: Accepting
    to: list[Backend] = field(default_factory=list)
    denied: frozenset[Backend] = frozenset()
    open: dict[Side, Backend] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class ActiveImpairment:
    """An impairment in force and how often it has hit."""

    kind: Disturbance
    delay_s: float
    pairs: frozenset[tuple[str, str]]
    hits: int = 0


@dataclass(slots=True)
class AddressTraffic:
    """Bytes that an address has received and sent through Services."""

    received: int = 0
    sent: int = 0


class Forwarder:
    """The table of fronts, and the connections that pass through it."""

    def __init__(self, end: socket.socket, flows: FlowLogWriter) -> None:
        self._end = end
        self._flows = flows
        self._fronts: dict[int, Front] = {}
        self._rules: dict[int, ActiveImpairment] = {}
        self._turn: dict[str, int] = {}
        self._traffic: defaultdict[str, AddressTraffic] = defaultdict(AddressTraffic)
        self._tasks: set[asyncio.Task[None]] = set()
        self.done = asyncio.Event()

    async def run(self) -> None:
        """Serve until the cluster closes its end."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[messages.Message, socket.socket | None]] = asyncio.Queue()

        def on_readable() -> None:
            with suppress(BlockingIOError):
                while True:  # all that was sent, before the connections that were made after it
                    message, carried = messages.receive(self._end, waits=False)
                    if message is None:
                        self.done.set()
                        loop.remove_reader(self._end)
                        return
                    arrived.put_nowait((message, carried))

        loop.add_reader(self._end, on_readable)
        worker = loop.create_task(self._obey(arrived))
        await self.done.wait()
        worker.cancel()

    async def _obey(self, arrived: asyncio.Queue[tuple[messages.Message, socket.socket | None]]) -> None:
        while True:
            message, carried = await arrived.get()
            match message:
                case {"open": int(number), "group": str(group), "caller": str(caller)} if carried is not None:
                    self._open(number, group, caller, carried)
                case {"route": list(numbers), "to": list(to), "denied": list(denied)}:
                    self._route(numbers, [_backend(each) for each in to], frozenset(map(_backend, denied)))
                case {"close": int(number)}:
                    self._close(number)
                case {"impair": int(number), "kind": str(kind), "delay_s": delay_s, "pairs": list(pairs)}:
                    rule = ActiveImpairment(
                        Disturbance(kind), float(delay_s), frozenset((seat, to) for seat, to in pairs)
                    )
                    self._impair(number, rule)
                case {"heal": int(number)}:
                    self._heal(number)
                case {"known": str(address), "endpoint": dict(endpoint)}:
                    self._flows.known(address, endpoint)
                case {"traffic": True}:
                    totals = {address: [each.received, each.sent] for address, each in self._traffic.items()}
                    messages.send(self._end, {"traffic": totals})

    def _open(self, number: int, group: str, caller: str, listening: socket.socket) -> None:
        accepting = Accepting(
            listening, lambda: Side(lambda side: self._accepted(number, side), lambda side: self._lost(number, side))
        )
        self._fronts[number] = Front(group, caller, accepting)

    def _close(self, number: int) -> None:
        front = self._fronts.pop(number)
        front.accepting.close()
        for side in list(front.open):
            reset(side.transport)

    def _route(self, numbers: list[int], to: list[Backend], denied: frozenset[Backend]) -> None:
        for front in (self._fronts[number] for number in numbers):
            front.to, front.denied = to, denied
            for side, backend in list(front.open.items()):
                if backend in denied:
                    reset(side.transport)

    def _accepted(self, number: int, side: Side) -> None:
        front = self._fronts.get(number)
        if front is None or not front.to:
            if front is not None and front.denied:
                self._flows.denied(_ends(front, side, min(front.denied)))
            reset(side.transport)
            return
        task = asyncio.get_running_loop().create_task(self._connect(front, side))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lost(self, number: int, side: Side) -> None:
        if (front := self._fronts.get(number)) is not None:
            front.open.pop(side, None)

    async def _connect(self, front: Front, side: Side) -> None:
        if side.transport is None or side.transport.is_closing():
            return
        side.transport.pause_reading()  # not when it was made: uvloop begins to read only after that
        loop = asyncio.get_running_loop()
        for address, port in self._in_turn(front):
            callee = Side(lambda _: None, lambda _: None)
            try:
                await self._hindered(front, address)
                async with asyncio.timeout(CONNECT_S):
                    await loop.create_connection(lambda callee=callee: callee, address, port, local_addr=_source(side))
            except OSError:
                continue
            self._flows.forwarded(_ends(front, side, (address, port)))
            self._join(front, side, callee, (address, port))
            return
        reset(side.transport)

    def _join(self, front: Front, side: Side, callee: Side, backend: Backend) -> None:
        if side.transport is None or side.transport.is_closing():
            if callee.transport is not None:
                callee.transport.close()
            return
        front.open[side] = backend
        side.delay_s = lambda: self._delay(front.caller, backend[0])
        callee.delay_s = lambda: self._delay(backend[0], front.caller)
        side.count = self._counter(front.caller, backend[0])
        callee.count = self._counter(backend[0], front.caller)
        join(side, callee)
        side.transport.resume_reading()

    def _counter(self, sender: str, receiver: str) -> Callable[[int], None]:
        out, in_ = self._traffic[sender], self._traffic[receiver]

        def count(size: int) -> None:
            out.sent += size
            in_.received += size

        return count

    def _in_turn(self, front: Front) -> Iterator[Backend]:
        """The endpoints, beginning with the one whose turn it is in the whole Service port."""
        first = self._turn.get(front.group, 0)
        self._turn[front.group] = first + 1
        backends = list(front.to)
        for offset in range(len(backends)):
            yield backends[(first + offset) % len(backends)]

    async def _hindered(self, front: Front, address: str) -> None:
        """Let a new connection feel the rules of its pair. Raises OSError when it cannot be made."""
        for rule in self._matching(front.caller, address) + self._matching(address, front.caller):
            rule.hits += 1
            if rule.kind is Disturbance.RESET:
                raise ConnectionRefusedError
            blackholed = rule.kind is Disturbance.BLACKHOLE
            await clock.asleep(CONNECT_S if blackholed else rule.delay_s)
            if blackholed:
                raise TimeoutError

    def _delay(self, sender: str, receiver: str) -> float | None:
        """Seconds to hold what passes from sender to receiver; None discards it."""
        if not self._rules:  # as nearly always, and this is asked for each piece of each connection
            return 0.0
        total = 0.0
        for rule in self._matching(sender, receiver):
            rule.hits += 1
            if rule.kind is Disturbance.BLACKHOLE:
                return None
            total += rule.delay_s
        return total

    def _matching(self, sender: str, receiver: str) -> list[ActiveImpairment]:
        return [rule for rule in self._rules.values() if (sender, receiver) in rule.pairs]

    def _impair(self, number: int, rule: ActiveImpairment) -> None:
        self._rules[number] = rule
        if rule.kind is Disturbance.RESET:
            for front in self._fronts.values():
                for side, (address, _) in list(front.open.items()):
                    if {(front.caller, address), (address, front.caller)} & rule.pairs:
                        rule.hits += 1
                        reset(side.transport)
        messages.send(self._end, {"impaired": number})

    def _heal(self, number: int) -> None:
        """End a rule.

        Connections that it has taken bytes of are broken, so that no client reads half a stream.
        """
        rule = self._rules.pop(number)
        if rule.kind is Disturbance.BLACKHOLE:
            for front in self._fronts.values():
                for side, (address, _) in list(front.open.items()):
                    if {(front.caller, address), (address, front.caller)} & rule.pairs:
                        reset(side.transport)
        messages.send(self._end, {"healed": number, "hits": rule.hits})


def _ends(front: Front, side: Side, backend: Backend) -> FlowEnds:
    """Who calls whom, as the log of connections has it."""
    peer = side.transport.get_extra_info("peername") if side.transport is not None else None
    service, _, _ = front.group.rpartition(":")
    callee = Endpoint(address=backend[0], port=backend[1])
    return FlowEnds(caller=front.caller, port=peer[1] if peer else 0, callee=callee, service=service)


def _source(side: Side) -> tuple[str, int] | None:
    """The address that a caller chose to call from, which the endpoint sees too; None: the one that all processes of a machine call from."""
    peer = side.transport.get_extra_info("peername") if side.transport is not None else None
    return None if peer is None or peer[0] == EVERYONE else (peer[0], 0)


def _backend(pair: list[str | int]) -> Backend:
    return str(pair[0]), int(pair[1])


async def main(fd: int, log: Path) -> None:
    """Serve the fronts that arrive on that descriptor, and log their connections."""
    gc.freeze()
    gc.set_threshold(_YOUNG)
    with socket.socket(fileno=fd) as end, closing(FlowLogWriter(log)) as flows:
        await Forwarder(end, flows).run()


if __name__ == "__main__":
    go_first()
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
