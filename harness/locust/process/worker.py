"""One load generator process.

It has a schedule, journeys and a row file, and drains open requests at the end.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, Protocol

import gevent
from gevent.event import AsyncResult

from harness import clock
from harness.errors import HarnessError
from harness.evidence.histories.history import run_history
from harness.evidence.rows import FLUSH_S, RowWriter
from harness.locust.client.deadlines import Deadlines
from harness.locust.process.described import AnswerComparer
from harness.locust.process.ending import EarlyEnd, fail, lasting, place_of
from harness.locust.process.health import Health
from harness.locust.process.options import Options
from harness.locust.process.recorder import RequestRecorder, is_foreign
from harness.locust.process.writes import RepeatLog, SignInLog, WriteLog
from harness.locust.schedule.alarm import Alarm
from harness.locust.schedule.arrivals import due_times, random_of, trace_times
from harness.locust.schedule.crew import Crew, SentAway
from harness.model import RateCurve
from harness.model.planned.plan import JOIN_S
from harness.model.records.table import SAMPLES
from harness.model.records.traces import TraceIds
from harness.units import NS_PER_S

AHEAD: Final = 64
"""Number of arrivals that are drawn from the schedule together."""
REPORT_S: Final = 1.0
"""Time in s between two reports of the journeys in progress and of the generator's health."""
GO_WITHIN_S: Final = JOIN_S + 30.0
"""Maximum time in s that a worker waits for the start time, until the last worker has joined. One with a parent waits as long as that lives: the steps before the first traffic have no such limit."""

Put = Callable[[str, str, str, dict[str, Any]], None]
"""Records an observation, with source, kind, subject and fields."""
Due = tuple[int, str]
"""Due time of a journey in ns of CLOCK_MONOTONIC, and its name; an empty name means any journey."""


class Carrier(Protocol):
    """A user who may run the schedule of its process."""

    def total_per_s(self) -> float:
        """Journeys per second if no option sets the rate."""


class LocustWorker:
    """State that all users of this process share; found in `environment.open_loop`.

    Attributes:
        options: values of the command-line options.
        recorder: recorder of requests, one row each.
        alarm: timer that wakes greenlets.
        request_event: event of Locust that feeds its own statistics.
        arrivals: numbers of the journeys of this worker.
        writes: recorder of writes that are read back.
        repeats: recorder of repetitions of writes.
        sign_ins: recorder of sign-ins.
        comparer: compares answers with the API description.
        traces: trace ids of this worker's requests; None: they carry none of the harness.
        before_close: records requests that are open at the end and unknown to `recorder`.
        silent: number of Locust's own users that have not yet sent a request.
    """

    def __init__(self, environment: Any, options: Options) -> None:
        self.options = options
        self._environment = environment
        self.request_event = environment.events.request
        self.recorder = self._recorder(None)
        self.arrivals = count(1)
        self.writes = WriteLog(None, worker=options.worker)
        self.repeats = RepeatLog(None, worker=options.worker)
        self.sign_ins = SignInLog(None, worker=options.worker)
        self.comparer = AnswerComparer(None, self._compared)
        self.traces: TraceIds | None = None
        self._traced_elsewhere: set[str] = set()
        self.before_close: Callable[[], None] = lambda: None
        self.silent: Callable[[], int] = lambda: 0
        self._put: Put | None = None
        self._health = Health()
        self._broken: list[str] = []
        self._begin: AsyncResult = AsyncResult()
        self._schedule: Iterator[Due] | None = None
        self._carrier: Carrier | None = None
        self._locustfile = Path(environment.locustfile or "locustfile").stem
        self.alarm = Alarm()
        self._deadlines: dict[float, Deadlines] = {}
        self._journeys = Crew()
        self._thinking: set[Any] = set()
        self._drain_s = options.drain_s

    def install(self, environment: Any) -> None:
        """Connect this worker to Locust's events."""
        environment.open_loop = self
        environment.events.test_stop.add_listener(self.drain)
        environment.events.quit.add_listener(self.close)
        EarlyEnd().install(environment)
        lasting(self._keep_flushed)
        lasting(self._keep_reporting)
        self._health.watch()
        gc.collect()
        gc.freeze()  # what is loaded now stays: looking through it again would stop all journeys for tens of ms
        gevent.get_hub().loop.update_now()  # the loop's time stood still while all this loaded, and `-t` counts from it

    def record(self, options: Options, prefix: Path | None, put: Put | None, *, beside: bool = True) -> None:
        """Begin to record: rows to `<prefix>-<worker>.rows`, observations through `put`.

        `beside` tells whether writes, repetitions and sign-ins of journeys are also recorded in files.
        """
        self.options = options
        self._drain_s = options.drain_s
        writer = RowWriter(row_file(prefix, options.worker), SAMPLES) if prefix else None
        self.recorder = self._recorder(writer)
        accounts = prefix if beside else None
        self.writes = WriteLog(file_beside(accounts, "journeys", options.worker), worker=options.worker)
        self.repeats = RepeatLog(file_beside(accounts, "repeats", options.worker), worker=options.worker)
        self.sign_ins = SignInLog(file_beside(accounts, "sign-ins", options.worker), worker=options.worker)
        self._put = put if prefix else None
        self.comparer = AnswerComparer(options.api if prefix else None, self._compared)
        traced = options.traceparent
        self.traces = TraceIds.of(traced, self._traffic, options.worker) if traced else None

    def _recorder(self, writer: RowWriter | None) -> RequestRecorder:
        options = self.options
        return RequestRecorder(writer, worker=options.worker, region=options.region, request_event=self.request_event)

    def begin(self, at_ns: int) -> None:
        """Set time 0 of the schedule; an earlier schedule is discarded."""
        self._schedule = self._carrier = None
        self._begin.set(at_ns)

    @property
    def begin_ns(self) -> int:
        """Time 0 of the schedule; the call waits until it is known."""
        return int(self._begin.get(timeout=None if self.options.parent else GO_WITHIN_S))

    @property
    def warms_up(self) -> bool:
        """Whether the traffic is in its warm-up and repetitions of writes are recorded."""
        return self.repeats.records and clock.now_ns() < self.begin_ns + round(self.options.warm_up_s * NS_PER_S)

    def carried_by(self, user: Carrier) -> Iterator[Due] | None:
        """The schedule, if this user runs the schedule of the process; else None."""
        if self._carrier is user and self._schedule is not None:
            return self._schedule
        if self._carrier not in {None, user}:
            return None
        begin_ns = self.begin_ns
        if self._schedule is None:
            self._schedule = ahead(self._dues(begin_ns, user.total_per_s()))
        self._carrier = user
        return self._schedule

    def put_down(self, user: Carrier) -> None:
        """Release the schedule when its user leaves, so that another user can carry it."""
        if self._carrier is user:
            self._carrier = None

    def _dues(self, begin_ns: int, per_s: float) -> Iterator[Due]:
        options = self.options
        part, parts = options.worker - 1, options.workers or 1
        if part >= parts:
            return
        if options.trace is not None:
            names = options.trace.journeys
            due = trace_times(begin_ns=begin_ns, trace=options.trace.arrivals, part=part, parts=parts)
            for number, at_ns in zip(count(part, parts), due, strict=False):
                yield at_ns, names[number % len(names)]
            return
        for at_ns in due_times(
            begin_ns=begin_ns,
            curve=options.rates or RateCurve.flat(options.rate or per_s),
            arrivals=options.arrivals,
            random=random_of(options.seed, options.worker, 1, "arrivals"),
            part=part,
            parts=parts,
        ):
            yield at_ns, ""

    def spawn(self, journey: Callable[..., None], *arguments: Any, broken: Callable[[Any], None]) -> None:
        """Start a journey in a greenlet; `broken` is called with the greenlet if it raises an error."""
        self._journeys.spawn(journey, *arguments, broken=broken)

    def broke(self, error: BaseException) -> None:
        """Record a journey that raised an error because of a mistake in its locustfile.

        The requests that the journey did not send are no failures of the target.
        """
        self._broken.append(f"{type(error).__name__}: {error}"[:200] + place_of(error))

    def traced_elsewhere(self, route: str) -> None:
        """Record a route of which a journey sets the header `traceparent` itself."""
        if self._put is not None and self.traces and route not in self._traced_elsewhere:
            self._traced_elsewhere.add(route)
            number = self.options.worker
            said = {"at_ns": clock.now_ns(), "worker": number, "route": route}
            self._put(f"load-health-{number}", "load.traced", self._traffic, said)

    def _compared(self, said: dict[str, Any]) -> None:
        """Record an answer that is not as described, or cannot be compared."""
        if self._put is not None:
            number = self.options.worker
            self._put(f"load-health-{number}", "load.described", self._traffic, {"worker": number, **said})

    def sends_away(self, error: BaseException) -> bool:
        """Whether a journey raised this error because the load ends, not because of a mistake."""
        return isinstance(error, SentAway)

    def think_until(self, due_ns: int) -> None:
        """Sleep until a moment, or end the journey when the run ends.

        After the end of the run nothing more is recorded of the journey.
        """
        me = gevent.getcurrent()
        self._thinking.add(me)
        try:
            self.alarm.sleep_until(due_ns)
        finally:
            self._thinking.discard(me)

    def deadlines(self, length_s: float) -> Deadlines:
        """The `Deadlines` of exchanges with the given timeout."""
        if length_s not in self._deadlines:
            self._deadlines[length_s] = Deadlines(self.alarm, round(length_s * NS_PER_S))
        return self._deadlines[length_s]

    def drain(self, **_: Any) -> None:
        """End the load: start no further journey.

        Pausing journeys are ended. Open requests may complete for `drain_s` seconds; then they are cut off.
        """
        deadline = clock.Deadline.after(self._drain_s)
        while len(self._journeys) and not deadline.over:
            gevent.killall(list(self._thinking), exception=SentAway, block=False)
            self._journeys.join(timeout=min(0.05, deadline.left_s))
        self.recorder.cut_off()
        self._journeys.kill()

    def close(self, **_: Any) -> None:
        """Report broken journeys and close the row files, as the last listener of the event `quit`."""
        try:
            self.before_close()
            if self._broken:
                self._report()
            self.recorder.close()
            for log in (self.writes, self.repeats, self.sign_ins):
                log.close()
        except HarnessError as error:  # Locust would log it and end as if all were well
            fail(error)

    def _keep_flushed(self) -> None:
        """Flush every FLUSH_S seconds; end when the process that started this one has ended."""
        while True:
            self.recorder.flush()
            for log in (self.writes, self.repeats, self.sign_ins):
                log.flush()
            if self.options.parent not in {None, os.getppid()} and self._drain_s:
                self._drain_s = 0.0
                os.kill(os.getpid(), signal.SIGINT)
            gevent.sleep(FLUSH_S)

    def _newly_broken(self) -> dict[str, Any]:
        broken, self._broken = self._broken, []
        return {"broken": len(broken), "broken_why": broken[0]} if broken else {}

    @property
    def _traffic(self) -> str:
        return self.options.traffic or self._locustfile

    def _users(self) -> int:
        return int(self._environment.runner.user_count)

    def _keep_reporting(self) -> None:
        """Record every second the number of journeys in progress and the health of the generator."""
        due = clock.now_ns()
        while True:
            self._report()
            due += round(REPORT_S * NS_PER_S)
            gevent.sleep(max(0.0, (due - clock.now_ns()) / NS_PER_S))

    def _report(self) -> None:
        at, seen = clock.now_ns(), {**self._health.read(), **self._newly_broken()}
        if self._put is not None:
            traffic, number = self._traffic, self.options.worker
            users = {"at_ns": at, "users": len(self._journeys)}
            stock = any(map(is_foreign, self._environment.user_classes))  # users of ours come as the size says
            shaped = {"shaped": True} if self._environment.shape_class and stock else {}
            silent = {"silent": unheard} if (unheard := self.silent()) else {}
            self._put(f"load-users-{number}", "load.users", traffic, users)
            self._put(
                f"load-health-{number}",
                "load.health",
                traffic,
                {"at_ns": at, "worker": number, "users": self._users(), **shaped, **silent, **seen},
            )


def install_single(environment: Any, options: Options) -> LocustWorker:
    """Set up this process as a single Locust process; returns its `LocustWorker`."""
    if options.worker > (options.workers or options.worker):
        sys.exit(f"`--worker-id` is {options.worker}, expected at most {options.workers} (`--load-workers`)")
    worker = LocustWorker(environment, options)
    worker.install(environment)
    worker.record(options, options.samples, history_put())
    if options.go is None:
        environment.events.test_start.add_listener(lambda **_: worker.begin(clock.now_ns()))
    else:
        lasting(lambda: worker.begin(read_go(options.go, options.parent)))
    return worker


def row_file(prefix: Path, worker: int) -> Path:
    """The path of the worker's row file; ends the process if another worker has this number."""
    path = prefix.with_name(f"{prefix.name}-{worker}.rows")
    if path.exists():
        sys.exit(f"{path} already exists: another worker has number {worker}, or an earlier load was recorded there")
    return path


def file_beside(prefix: Path | None, what: str, worker: int) -> Path | None:
    """The path of the file with writes, repetitions or sign-ins of the worker's journeys."""
    return None if prefix is None else prefix.with_name(f"{what}-{worker}.rows")


def ahead(dues: Iterator[Due]) -> Iterator[Due]:
    """The items of the iterator, drawn in batches.

    A draw in a batch costs a fraction of a single draw.
    """
    while some := list(islice(dues, AHEAD)):
        yield from some


def history_put() -> Put | None:
    """The function that records observations in the run that `READINESS_RUN` names.

    None if Locust is run by hand.
    """
    histories: dict[str, Any] = {}

    def put(source: str, kind: str, subject: str, fields: dict[str, Any]) -> None:
        if source not in histories:
            histories[source] = run_history(source)
        histories[source].put(kind, subject, **fields)

    return put if os.environ.get("READINESS_RUN") else None


def read_go(file: Path | None, parent: int | None) -> int:
    """Wait until the start time is in the file, and return it in ns of CLOCK_MONOTONIC.

    Args:
        file: where it is written; None: nowhere.
        parent: the process that writes it, which is waited for as long as it lives; None: it is waited for GO_WITHIN_S seconds.

    Raises:
        HarnessError: it was not written.
    """
    deadline = clock.Deadline.after(GO_WITHIN_S)
    while file is not None and (os.getppid() == parent if parent else not deadline.over):
        if file.exists():
            return int(file.read_text(encoding="ascii"))
        gevent.sleep(0.02)
    within = f"before process {parent} ended" if parent else f"within {GO_WITHIN_S:g} s"
    raise HarnessError(f"no start time was written {within}", where=str(file))
