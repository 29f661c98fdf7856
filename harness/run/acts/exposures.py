"""Metrics as evidence: while the fault-free window goes on, the metrics of every pod are read again and again."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.errors import HarnessError
from harness.model import Act, DemandKind
from harness.model.window import fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.drivers.check.exposition import Exposition
    from harness.model import Demand
    from harness.run.acts.context import Context

EVERY_S: Final = 30.0
"""Between two readings; what counts are the first and the last, the others show a pod that started again."""


class ExposureDriver(Driver):
    """Reads the metrics beside the fault-free window of a traffic."""

    kind = DemandKind.EXPOSE.value

    def needs(self, demand: Demand) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """Their names, and the cluster that knows the pods."""
        return [
            RequiredKey("metrics", "the metrics of every pod are read"),
            RequiredKey("kubernetes", "the pods are found through the Kubernetes API"),
        ]

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:  # noqa: ARG002 - the protocol's
        """One act, which shares the time of the window."""
        window = fault_free_name(demand.params.get("traffic", ""))
        return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=0.0, beside=window)]

    def run(self, act: Act, context: Context) -> None:
        """It is never run by itself: `beside` does it."""

    @contextmanager
    def beside(self, act: Act, context: Context) -> Iterator[None]:
        """Read at the beginning, every thirty seconds, and at the end."""
        traffic = context.plan.demand[act.demand].params.get("traffic", "")
        ended = threading.Event()
        self._read(context, traffic)
        reader = threading.Thread(target=self._again, args=(context, traffic, ended), daemon=True)
        reader.start()
        try:
            yield
        finally:
            ended.set()
            reader.join()
            self._read(context, traffic)

    def _again(self, context: Context, traffic: str, ended: threading.Event) -> None:
        while not ended.wait(EVERY_S):
            self._read(context, traffic)

    def _read(self, context: Context, traffic: str) -> None:
        from harness.drivers.check.exposition import scrape

        sink = context.sink("metrics")
        try:
            for one in scrape(context.target):
                sink.put("metrics.read", one.pod, traffic=traffic, **_fields(one, context))
        except HarnessError as error:
            sink.put("metrics.read", "", traffic=traffic, at_ns=clock.now_ns(), why=str(error))


def _fields(one: Exposition, context: Context) -> dict[str, Any]:
    """What is recorded of an exposition: of the entry's workload everything, of any other the counters that are asked for."""
    names = context.target.metrics
    asked = {names.per_user.actions, names.per_user.users} if names and names.per_user else set()
    entry = names is not None and one.workload == names.entry
    buckets = {route: [[str(end), n] for end, n in sorted(of.items())] for route, of in one.buckets.items()}
    return {
        "at_ns": one.at_ns,
        "workload": one.workload,
        "region": one.region,
        "entry": entry,
        "buckets": buckets if entry else {},
        "requests": {route: dict(of) for route, of in one.requests.items()} if entry else {},
        "counters": {name: value for name, value in one.counters.items() if name in asked},
        "names": {"probed": names.probed, **(names.per_user.model_dump() if names.per_user else {})} if names else {},
        "why": one.why,
    }
