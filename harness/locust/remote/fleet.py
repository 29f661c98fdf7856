"""The role of this process in a Locust fleet.

The process sends the complete load, or is a master or worker of Locust.
"""

from __future__ import annotations

import sys
from typing import Any

from locust.runners import MasterRunner, WorkerRunner

from harness.errors import HarnessError
from harness.locust.client.connection import Origin
from harness.locust.process.foreign import ForeignRequests
from harness.locust.process.options import Options
from harness.locust.process.recorder import is_foreign
from harness.locust.process.worker import install_single
from harness.locust.remote.master import Master
from harness.locust.remote.member import RemoteWorker


def install(environment: Any, runner: Any = None, **_: Any) -> None:
    """Set up the process as single process, master or worker after Locust's event `init`."""
    try:
        options = Options.of(environment.parsed_options)
        if not isinstance(runner, WorkerRunner):  # a worker gets its users from its master
            _leave_out_by_tags(environment)
        _refuse(environment, options)
        if isinstance(runner, MasterRunner):
            Master(environment, runner, options)
        elif isinstance(runner, WorkerRunner):
            RemoteWorker(environment, runner, options)
        else:
            worker = install_single(environment, options)
            if any(map(is_foreign, environment.user_classes)):
                ForeignRequests(worker, environment)
    except HarnessError as error:
        sys.exit(str(error))


def _leave_out_by_tags(environment: Any) -> None:
    """Leave out classes that have no task after `-T` and `-E`.

    Locust would start users without a task. A class that has no task even without tags is left to Locust, or needs none (`PytestUser`).
    """
    parsed = environment.parsed_options
    if not (parsed.tags or parsed.exclude_tags):
        return
    environment._filter_tasks_by_tags()  # noqa: SLF001  # it does so once, when the test starts, and that is too late
    environment.user_classes[:] = [kind for kind in environment.user_classes if kind.tasks]
    if not environment.user_classes:
        sys.exit("no journey remains after `tags` and `exclude_tags`: correct them")


def _refuse(environment: Any, options: Options) -> None:
    """End the process if its options or classes contradict each other."""
    kinds = environment.user_classes
    if environment.shape_class and (options.rates or options.trace):
        sys.exit("a LoadTestShape and --rates or --trace both define the arrivals: remove one of them")
    if environment.shape_class and (options.workers or 1) > 1 and any(map(is_foreign, kinds)):
        sys.exit("with several processes each process would run all users of the LoadTestShape: write `workers: 1`")
    models = {getattr(kind, "model", "closed") for kind in kinds}
    expected = environment.parsed_options.model
    if expected and models != {expected}:
        sys.exit(
            f"expected users of model {expected}, the locustfile has users of model {' and '.join(sorted(models))}"
        )
    for kind in kinds:
        _refuse_host(environment.host or kind.host)
    if options.trace is not None:
        known = {kind.__name__.lower() for kind in kinds}
        strangers = sorted(set(options.trace.journeys) - known - {""})
        if strangers:
            sys.exit(f"the trace contains `{strangers[0]}`, expected one of {', '.join(sorted(known))}")


def _refuse_host(host: str | None) -> None:
    """The host; None if it is entered on Locust's web page."""
    try:
        if host:
            Origin.of(host)
    except ValueError:
        sys.exit(f"`{host}` is not an HTTP address: write it like `-H https://staging.example.test`")
