"""One load generator process: its journeys, its row file, and its orderly end."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.pool import Group

from harness import clock
from harness.evidence.history import run_history
from harness.evidence.rows import RowWriter
from harness.locust.options import Options
from harness.locust.recorder import Recorder
from harness.model.table import SAMPLES

FLUSH_S: Final = 0.25
"""A killed worker loses the rows of no more than this."""
USERS_S: Final = 1.0
"""Spacing of the count of journeys in progress."""


class Worker:
    """What all users of this process share; `environment.open_loop`.

    Attributes:
        options: as given.
        recorder: takes a row a request.
        request_event: Locust's event, which feeds its own statistics.
    """

    def __init__(self, environment: Any, options: Options) -> None:
        self.options = options
        self.request_event = environment.events.request
        self.recorder = Recorder(_writer(options), worker=options.worker, region=options.region)
        self._traffic = options.traffic or Path(environment.locustfile or "locustfile").stem
        self._journeys = Group()
        self._thinking: set[Any] = set()
        self._drain_s = options.drain_s

    @classmethod
    def install(cls, environment: Any, **_: Any) -> None:
        """Make the process's worker when Locust has its environment (event `init`)."""
        options = Options.of(environment.parsed_options)
        if options.samples and (environment.parsed_options.master or environment.parsed_options.worker):
            sys.exit("--samples takes one process: start several with their own --worker-id, not --processes")
        worker = cls(environment, options)
        environment.open_loop = worker
        environment.events.test_stop.add_listener(worker.drain)
        environment.events.quit.add_listener(worker.close)
        # Python would raise KeyboardInterrupt in whichever journey happens to run, and lose its request
        gevent.signal_handler(signal.SIGINT, _interrupt)
        gevent.spawn(worker.keep_flushed)
        gevent.spawn(worker.count_users)
        gc.collect()
        gc.freeze()  # what is loaded now stays: looking through it again would stop all journeys for tens of ms

    def spawn(self, journey: Callable[..., None], *arguments: Any) -> Any:
        """Let a journey run beside the others; its greenlet."""
        return self._journeys.spawn(journey, *arguments)

    def think_until(self, due_ns: int) -> None:
        """Sleep until then; at the end of the run the journey ends here, for it has nothing more to tell."""
        me = gevent.getcurrent()
        self._thinking.add(me)
        try:
            gevent.sleep(max(0.0, (due_ns - clock.now_ns()) / clock.NS_PER_S))
        finally:
            self._thinking.discard(me)

    def drain(self, **_: Any) -> None:
        """Nobody arrives any more: send those away who think, wait for open requests, cut off what is open still."""
        deadline = clock.Deadline.after(self._drain_s)
        while len(self._journeys) and not deadline.over:
            gevent.killall(list(self._thinking), block=False)
            self._journeys.join(timeout=min(0.05, deadline.left_s))
        self.recorder.cut_off()
        self._journeys.kill(block=False)

    def close(self, **_: Any) -> None:
        """End the row file in order (event `quit`, the last of all)."""
        self.recorder.close()

    def keep_flushed(self) -> None:
        """Flush each FLUSH_S, and end when the process that started us has ended."""
        while True:
            self.recorder.flush()
            if self.options.parent not in {None, os.getppid()} and self._drain_s:
                self._drain_s = 0.0
                os.kill(os.getpid(), signal.SIGINT)
            gevent.sleep(FLUSH_S)

    def count_users(self) -> None:
        """Put on record each second how many journeys are in progress."""
        history = run_history(f"load-users-{self.options.worker}") if self.options.samples else None
        if history is None:
            return
        due = clock.now_ns()
        while True:
            at = clock.now_ns()
            history.put("load.users", self._traffic, at_ns=at, users=len(self._journeys))
            due += round(USERS_S * clock.NS_PER_S)
            gevent.sleep(max(0.0, (due - clock.now_ns()) / clock.NS_PER_S))


def _writer(options: Options) -> RowWriter | None:
    if options.samples is None:
        return None
    return RowWriter(options.samples.with_name(f"{options.samples.name}-{options.worker}.rows"), SAMPLES)


def _interrupt() -> None:
    """Let the main greenlet be interrupted, wherever it waits, and nobody else."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
