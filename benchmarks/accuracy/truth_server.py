"""A server whose answers are known before they are asked for: time and fate of the n-th journey follow from a seed.

It puts down what it did: when each request was there, when the last byte of its answer was handed to the kernel, and
when it stood still. `python truth_server.py --help` says how to run one.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import math
import re
import selectors
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from harness import clock
from harness.units import NS_PER_S

FREEZE_S: Final = 2.0
PIECES: Final = 5
_JOURNEY: Final = re.compile(rb"POST /(\d+) ")
_RIGHT, _WRONG = b'{"ok": true}', b'{"ok": false}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """How the server behaves.

    Attributes:
        service: draws the seconds that an answer takes.
        faults: share of the requests by fate: `503`, `wrong` (body), `reset`, `cut` (half of the answer), `hang`.
        slow_body: the headers come at once, the body in pieces over the time of service.
        freeze_every_s: it stands still for FREEZE_S so often, first after half of that time; 0: never.
    """

    service: Callable[[Random], float]
    faults: tuple[tuple[str, float], ...] = ()
    slow_body: bool = False
    freeze_every_s: float = 0.0


def _log_normal(random: Random) -> float:
    return 0.030 * math.exp(random.gauss(0.0, 0.7))


def _bimodal(random: Random) -> float:
    return random.uniform(0.005, 0.015) if random.random() < 0.9 else random.uniform(0.140, 0.160)


_FAULTS: Final = (("503", 0.0005), ("wrong", 0.0005), ("reset", 0.0004), ("cut", 0.0003), ("hang", 0.0003))
_MANY_FAULTS: Final = (("503", 0.015), ("wrong", 0.01), ("reset", 0.01), ("cut", 0.01), ("hang", 0.005))

SCENARIOS: Final = {
    "constant": Scenario(service=lambda _: 0.020),
    "log-normal": Scenario(service=_log_normal),
    "bimodal": Scenario(service=_bimodal),
    "slow-bodies": Scenario(service=lambda random: random.uniform(0.050, 0.150), slow_body=True),
    "errors-0.05%": Scenario(service=_log_normal, faults=(("503", 0.0005),)),
    "errors-0.2%": Scenario(service=_log_normal, faults=_FAULTS),
    "errors-5%": Scenario(service=_log_normal, faults=_MANY_FAULTS),
    "freezes": Scenario(service=_log_normal, freeze_every_s=20.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What becomes of one request: seconds of service, and `ok` or one of the faults."""

    seconds: float
    outcome: str


def fate_of(scenario: Scenario, seed: int, journey: int) -> Fate:
    """What becomes of the journey of this number, from 1."""
    random = Random(f"{seed}/{journey}")
    lot, seconds = random.random(), scenario.service(random)
    for outcome, share in scenario.faults:
        if lot < share:
            return Fate(seconds=seconds, outcome=outcome)
        lot -= share
    return Fate(seconds=seconds, outcome="ok")


class Truth:
    """The server's own record.

    Attributes:
        requests: journey, fate, ns when the request was there, ns when all was answered (0: not).
        freezes: begin and end in ns.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.requests: list[tuple[int, str, int, int]] = []
        self.freezes: list[tuple[int, int]] = []
        self.numbers = count(1)

    def write(self, file: Path) -> None:
        """One line a request, one a freeze."""
        with file.open("w", encoding="ascii", newline="") as text:
            lines = csv.writer(text)
            lines.writerows(("request", *request) for request in self.requests)
            lines.writerows(("freeze", *freeze) for freeze in self.freezes)


class _Conversation(asyncio.Protocol):
    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._came = b""
        self._open: tuple[int, str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        if self._open is not None:
            self._truth.requests.append((*self._open, 0))

    def data_received(self, data: bytes) -> None:
        """A request has no body here, so it ends with its headers."""
        now_ns = clock.now_ns()
        self._came += data
        if not self._came.endswith(b"\r\n\r\n"):
            return
        named = _JOURNEY.match(self._came)
        journey = int(named[1]) if named else next(self._truth.numbers)
        self._came = b""
        fate = fate_of(self._truth.scenario, self._truth.seed, journey)
        self._open = (journey, fate.outcome, now_ns)
        begin_s = self._loop.time()
        body = _WRONG if fate.outcome == "wrong" else _RIGHT
        status = 503 if fate.outcome == "503" else 200
        head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if fate.outcome == "hang":
            return
        if self._truth.scenario.slow_body and fate.outcome == "ok":
            self._write(head)
            for piece in range(1, PIECES + 1):
                part = body[len(body) * (piece - 1) // PIECES : len(body) * piece // PIECES]
                self._loop.call_at(begin_s + fate.seconds * piece / PIECES, self._answer, part, piece == PIECES)
        else:
            self._loop.call_at(begin_s + fate.seconds, self._answer, head + body, True)  # noqa: FBT003

    def _answer(self, part: bytes, last: bool) -> None:  # noqa: FBT001  # call_at passes by position
        if self._open is None or self._transport.is_closing():
            return
        outcome = self._open[1]
        if outcome in {"reset", "cut"}:
            if outcome == "cut":
                self._write(part[: len(part) // 2])
            else:
                linger = struct.pack("ii", 1, 0)
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.close()
        else:
            self._write(part)
        if last:
            self._truth.requests.append((*self._open, clock.now_ns()))
            self._open = None

    def _write(self, data: bytes) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(data)


async def _freeze(truth: Truth, begin: Path) -> None:
    """Stand still, wholly: nothing is read, answered or stamped meanwhile."""
    every_s = truth.scenario.freeze_every_s
    if not every_s:
        return
    while (at_ns := _read(begin)) is None:
        await clock.asleep(0.01)
    await clock.asleep((at_ns - clock.now_ns()) / NS_PER_S + every_s / 2)
    while True:
        begin_ns = clock.now_ns()
        clock.sleep(FREEZE_S)
        truth.freezes.append((begin_ns, clock.now_ns()))
        await clock.asleep(every_s - FREEZE_S)


def _read(begin: Path) -> int | None:
    return int(begin.read_text(encoding="ascii")) if begin.exists() else None


async def _serve(truth: Truth, address: str, port: int, begin: Path) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await loop.create_server(lambda: _Conversation(truth), address, port, backlog=4096)
    freezing = asyncio.create_task(_freeze(truth, begin))
    await ended.wait()
    freezing.cancel()


def main() -> None:
    """Serve until SIGTERM, then write the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--begin", type=Path, required=True, help="file with the ns at which the load begins")
    parser.add_argument("--truth", type=Path, required=True, help="where the truth is written")
    options = parser.parse_args()
    truth = Truth(SCENARIOS[options.scenario], options.seed)
    # asyncio's usual selector rounds timers up to whole milliseconds
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(truth, options.address, options.port, options.begin))
    truth.write(options.truth)


if __name__ == "__main__":
    main()
