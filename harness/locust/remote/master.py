"""The master of Locust's own workers.

It assigns their load, and writes the rows of each worker to a separate file.
"""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import gevent

from harness import clock
from harness.locust.process.ending import EarlyEnd, fail, lasting
from harness.locust.process.options import Options
from harness.locust.process.worker import Put, history_put, read_go, row_file
from harness.units import NS_PER_MS, NS_PER_S

AHEAD_S: Final = 1.0
"""Delay in s of the start of the schedule, so that all workers learn the start time."""
WORKERS_GRACE_S: Final = 5.0
"""Seconds after the drain in which a worker must send its last rows."""
CHECK_PERIOD_S: Final = 1.0

_log: Final = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Member:
    worker: int
    file: BinaryIO | None
    size: int = 0
    ended: bool = field(default=False)


class Master:
    """The master of Locust's own workers, in this process.

    Workers are numbered from `--worker-id` on in the order in which they join. Their clock offsets are recorded as
    `clock.aligned`. Rows keep the times of the worker's clock; they are converted when the run is sealed.
    """

    def __init__(self, environment: Any, runner: Any, options: Options) -> None:
        self._environment = environment
        self._runner = runner
        self._options = options
        self._put: Put | None = history_put()
        self._members: dict[str, _Member] = {}
        self._lost: set[str] = set()
        self._begin: dict[str, Any] | None = None
        for kind, listener in (
            ("load.ping", self._ping),
            ("load.clock", self._clock),
            ("load.rows", self._rows),
            ("load.observed", self._observed),
            ("load.ended", self._ended),
        ):
            runner.register_message(kind, listener)
        environment.events.worker_connect.add_listener(self._joined)
        environment.events.test_start.add_listener(lambda **_: lasting(self._start))
        environment.events.test_stop.add_listener(self._stop)
        environment.events.quit.add_listener(self._last_word)
        parsed = environment.parsed_options
        if parsed.headless and not environment.shape_class:
            # each worker needs a user who carries its share, and all at once
            parsed.num_users = max(parsed.num_users or 1, parsed.expect_workers)
            parsed.spawn_rate = max(parsed.spawn_rate or 1, parsed.num_users)
        EarlyEnd().install(environment)
        lasting(self._watch)

    def _joined(self, client_id: str, **_: Any) -> None:
        if client_id in self._members:
            return
        number = self._options.worker + self._runner.get_worker_index(client_id)
        file = None
        if self._options.samples is not None:
            file = row_file(self._options.samples, number).open("xb", buffering=0)
        self._members[client_id] = _Member(worker=number, file=file)
        if self._begin is not None:
            self._tell(client_id)

    def _start(self) -> None:
        """Tell the workers the start time of the schedule when the test begins."""
        options = self._options
        begin_ns = read_go(options.go, options.parent) if options.go else clock.now_ns() + round(AHEAD_S * NS_PER_S)
        trace = options.trace
        self._begin = {
            "begin_ns": begin_ns,
            "rate": options.rate,
            "rates": options.rates.points if options.rates else None,
            "trace": (trace.arrivals.offsets_ns, trace.journeys) if trace else None,
            "seed": options.seed,
            "workers": options.workers or max(self._environment.parsed_options.expect_workers, len(self._members)),
            "arrivals": options.arrivals,
            "think_s": options.think_s,
            "drain_s": options.drain_s,
            "traffic": options.traffic,
            "region": options.region,
            "release_header": options.release_header,
            "traceparent": options.traceparent,
            "recording": options.samples is not None,
        }
        for client_id in self._members:
            self._tell(client_id)

    def _tell(self, client_id: str) -> None:
        data = {**(self._begin or {}), "worker": self._members[client_id].worker}
        self._runner.send_message("load.begin", data, client_id)

    def _stop(self, **_: Any) -> None:
        """Let all workers drain and send what they still have, before Locust makes them quit."""
        left = [client_id for client_id, member in self._members.items() if not member.ended]
        for client_id in left:
            self._runner.send_message("load.end", {}, client_id)
        deadline = clock.Deadline.after(self._options.drain_s + WORKERS_GRACE_S)
        while not deadline.over and any(self._waited_for(client_id) for client_id in left):
            gevent.sleep(0.02)

    def _waited_for(self, client_id: str) -> bool:
        return not self._members[client_id].ended and client_id in {client.id for client in self._living()}

    def _living(self) -> list[Any]:
        return [client for client in self._runner.clients.values() if client.state != "missing"]

    def _ping(self, msg: Any, **_: Any) -> None:
        at_ns = clock.now_ns()
        self._runner.send_message("load.pong", {"sent_ns": msg.data["sent_ns"], "at_ns": at_ns}, msg.node_id)

    def _clock(self, msg: Any, **_: Any) -> None:
        number = self._members[msg.node_id].worker
        offset_ms, residual_ms = (msg.data[key] / NS_PER_MS for key in ("offset_ns", "residual_ns"))
        _log.info("the clock of worker %d is behind by %.3f ms, to within %.3f ms", number, offset_ms, residual_ms)
        if self._put is not None:
            self._put(f"load-clock-{number}", "clock.aligned", self._traffic, {"worker": number, **msg.data})

    def _rows(self, msg: Any, **_: Any) -> None:
        member, offset, data = self._members[msg.node_id], msg.data["offset"], msg.data["data"]
        if member.file is None or member.ended:
            return
        if offset > member.size:
            self._runner.send_message("load.again", {"offset": member.size}, msg.node_id)
            return
        new = data[member.size - offset :]
        try:
            while new:
                written = member.file.write(new)
                member.size += written
                new = new[written:]
        except OSError as error:  # Locust would log it and go on
            fail(f"the rows of worker {member.worker} cannot be written: {error.strerror}")

    def _observed(self, msg: Any, **_: Any) -> None:
        if self._put is not None and self._options.samples is not None:
            self._put(msg.data["source"], msg.data["kind"], self._traffic, msg.data["fields"])

    def _ended(self, msg: Any, **_: Any) -> None:
        member = self._members[msg.node_id]
        if member.size >= msg.data["size"] or member.file is None:
            member.ended = True
        else:
            self._runner.send_message("load.again", {"offset": member.size}, msg.node_id)

    @property
    def _traffic(self) -> str:
        return self._options.traffic or str(self._environment.locustfile or "locustfile").removesuffix(".py")

    def _watch(self) -> None:
        """Detect lost workers, and end with the process that started this one."""
        while True:
            gevent.sleep(CHECK_PERIOD_S)
            gone = {client.id for client in self._runner.clients.values() if client.state == "missing"}
            for client_id in gone - self._lost:
                _log.error("worker %d was lost", self._members[client_id].worker)
            self._lost |= gone
            if self._options.parent is not None and (self._lost or os.getppid() != self._options.parent):
                os.kill(os.getpid(), signal.SIGINT)
                return

    def _last_word(self, **_: Any) -> None:
        """Log the lost workers after Locust has printed its figures."""
        if self._lost:
            numbers = sorted(self._members[client_id].worker for client_id in self._lost)
            _log.error("lost: %s", ", ".join(f"worker {number}" for number in numbers))
