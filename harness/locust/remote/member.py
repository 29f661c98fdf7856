"""A worker of Locust's own, possibly on another machine.

It receives the schedule from the master, and sends its rows back.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust.exception import RPCError

from harness import clock
from harness.evidence.rows import FLUSH_S
from harness.locust.process.ending import lasting
from harness.locust.process.options import Options
from harness.locust.process.worker import LocustWorker
from harness.locust.remote.alignment import Aligned, Alignment
from harness.model import ArrivalTrace, RateCurve
from harness.targets.files.trace import RecordedTrace
from harness.units import NS_PER_S

PING_S: Final = 0.025
"""Seconds between the first exchanges of times with the master."""
LATER_PING_S: Final = 0.5
TELL_S: Final = 5.0
"""Seconds between two reports of the clock offset."""
MOST_BYTES: Final = 1 << 20
"""Maximum number of bytes of rows in one message."""


class RemoteWorker:
    """A worker of Locust's own, in this process.

    Rows are kept in an unnamed file until the master has received them; the file disappears with the process. A lost
    message is detected by its position and sent again. Writes and sign-ins of journeys are not recorded.
    """

    def __init__(self, environment: Any, runner: Any, options: Options) -> None:
        self._runner = runner
        self._options = options
        self._worker = LocustWorker(environment, options)
        self._alignment = Alignment()
        self._settled = Event()
        self._rows: int | None = None  # a file descriptor
        self._sent = 0
        self._sending = RLock()
        self._ended = False
        for kind, listener, beside in (
            ("load.pong", self._pong, False),
            ("load.begin", self._begin, True),
            ("load.again", self._again, False),
            ("load.end", self._end, True),
        ):
            runner.register_message(kind, listener, concurrent=beside)
        self._worker.install(environment)
        environment.events.quit.add_listener(self._quit)
        lasting(self._ask_the_time)
        lasting(self._keep_sending)

    def _ask_the_time(self) -> None:
        told_ns = 0
        while not self._ended:
            self._send("load.ping", {"sent_ns": clock.now_ns()})
            gevent.sleep(LATER_PING_S if self._alignment.settled else PING_S)
            known = self._alignment.best()
            if known is None or not self._alignment.settled:
                continue
            if clock.now_ns() - told_ns >= TELL_S * NS_PER_S:
                told_ns = clock.now_ns()
                self._send("load.clock", asdict(known))
            self._settled.set()

    def _pong(self, msg: Any, **_: Any) -> None:
        self._alignment.add(msg.data["sent_ns"], msg.data["at_ns"], clock.now_ns())

    def _begin(self, msg: Any, **_: Any) -> None:
        """Start the load with the settings and the start time of the master."""
        self._settled.wait()
        order: dict[str, Any] = msg.data
        trace, rates, own = order["trace"], order["rates"], self._options
        options = replace(
            own,
            **{
                key: order[key]
                for key in (
                    "rate",
                    "seed",
                    "worker",
                    "workers",
                    "arrivals",
                    "think_s",
                    "drain_s",
                    "release_header",
                    "traceparent",
                )
            },
            rates=RateCurve(points=tuple((at_s, per_s) for at_s, per_s in rates)) if rates else None,
            trace=RecordedTrace(arrivals=ArrivalTrace(offsets_ns=tuple(trace[0])), journeys=tuple(trace[1]))
            if trace
            else None,
            traffic=order["traffic"],
            region=own.region or order["region"],
        )
        if self._rows is None:
            self._record(options, recording=order["recording"])
        self._worker.begin(order["begin_ns"] - self._known.offset_ns)

    def _record(self, options: Options, *, recording: bool) -> None:
        if not recording:
            self._worker.record(options, None, None)
            return
        with tempfile.TemporaryDirectory(prefix="readiness-rows-") as spool:
            self._worker.record(options, Path(spool) / "samples", self._observed, beside=False)
            self._rows = os.open(Path(spool, f"samples-{options.worker}.rows"), os.O_RDONLY)

    @property
    def _known(self) -> Aligned:
        return self._alignment.best() or Aligned(at_ns=0, offset_ns=0, residual_ns=0)

    def _observed(self, source: str, kind: str, subject: str, fields: dict[str, Any]) -> None:
        there = {**fields, "at_ns": fields["at_ns"] + self._known.offset_ns}
        self._send("load.observed", {"source": source, "kind": kind, "subject": subject, "fields": there})

    def _again(self, msg: Any, **_: Any) -> None:
        self._again_from(msg.data["offset"])

    def _again_from(self, offset: int) -> None:
        self._sent = min(self._sent, offset)

    def _keep_sending(self) -> None:
        while not self._ended:
            self._send_rows()
            gevent.sleep(FLUSH_S)

    def _send_rows(self) -> None:
        if self._rows is None:
            return
        self._worker.recorder.flush()
        with self._sending:
            while data := os.pread(self._rows, MOST_BYTES, self._sent):
                offset, self._sent = self._sent, self._sent + len(data)
                if not self._send("load.rows", {"offset": offset, "data": data}):
                    self._again_from(offset)
                    return  # it is sent with the next

    def _end(self, **_: Any) -> None:
        """The test is over: drain, end the file, and say when the master has been sent all of it."""
        self._runner.stop()
        self._worker.close()
        self._send_rows()
        self._tell_end()

    def _tell_end(self) -> None:
        """Tell the master how many bytes it must have: the complete file, whatever was sent so far."""
        self._send("load.ended", {"size": 0 if self._rows is None else os.fstat(self._rows).st_size})

    def _quit(self, **_: Any) -> None:
        """End this process after the worker has closed its file."""
        self._send_rows()
        self._tell_end()
        self._ended = True
        gevent.sleep(FLUSH_S)  # the messages are on their way

    def _send(self, kind: str, data: dict[str, Any]) -> bool:
        try:
            self._runner.send_message(kind, data)
        except RPCError:
            return False
        return True
