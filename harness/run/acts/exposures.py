"""Records data that the platform exposes about itself, such as metrics.

The data is read repeatedly during the fault-free window or a rollout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness import clock
from harness.errors import ConfigurationError, HarnessError
from harness.model import Act, DemandKind
from harness.model.records.window import fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey
from harness.targets.access import Access, access

if TYPE_CHECKING:
    from harness.drivers.check.exposition import Exposition
    from harness.model import Demand
    from harness.run.acts.context import Context
    from harness.targets import Target

EVERY_S: Final = 30.0
"""Pause between two readings, in seconds.

The first and the last reading count; the readings in between show counters that were reset.
"""


Beside = Mapping[str, str]
_OF_EXPERIMENT: Final = "experiment:"
"""Prefix of the names of acts of experiments."""
_FAILS_ANSWERS: Final = "external"
"""The fault domain of experiments that only make answers fail, during which the platform's count of errors is compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One kind of data that a platform exposes about itself.

    Attributes:
        needs: keys of the target file.
        accesses: Kubernetes permissions that reading needs.
        begin: returns a function that reads the data once and records it with `{"traffic": "everyday"}` or `{"rollout": "canary"}`.
            `begin` and the function raise HarnessError if they fail. The given stack closes what stays open between readings.
        kind: kind of the recorded observations, in the history of the same name.
        every_s: pause between two readings, in seconds.
    """

    needs: Sequence[RequiredKey]
    accesses: Sequence[Access] = ()
    begin: Callable[[Context, Beside, ExitStack], Callable[[], None]]
    kind: str
    every_s: float = EVERY_S


class ExposureDriver(Driver):
    """Reads data that the platform exposes, during the fault-free window of a traffic or during a rollout."""

    kind = DemandKind.EXPOSE.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """The keys of the target file that name the data, and the keys needed to find its source."""
        return TOLD[demand.name].needs

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """The Kubernetes permissions that reading needs, for example to list the pods with the metrics."""
        return TOLD[demand.name].accesses

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act during the window or rollout; for metrics also one during each experiment that makes answers fail."""
        rollout, traffic = demand.params.get("rollout", ""), demand.params.get("traffic", "")
        beside = [f"rollout:{rollout}" if rollout else fault_free_name(traffic)]
        if demand.name == "metrics" and not rollout:
            failing = (one.name for one in library.experiments.values() if one.domain == _FAILS_ANSWERS)
            beside += [f"{_OF_EXPERIMENT}{name}" for name in failing]
        return [
            Act(
                name=f"{demand.key} beside {of}" if of != beside[0] else demand.key,
                kind=self.kind,
                demand=demand.key,
                seconds=0.0,
                beside=of,
            )
            for of in beside
        ]

    def run(self, act: Act, context: Context) -> None:
        """Do nothing: the data is read in `beside`."""

    @contextmanager
    def beside(self, act: Act, context: Context) -> Iterator[None]:
        """Read the data at the begin, repeatedly in between, and at the end."""
        demand = context.plan.demand[act.demand]
        with ExitStack() as stack:
            read, ended = _reader(context, demand, act.beside, stack), threading.Event()
            read()
            reader = threading.Thread(target=_again, args=(read, ended, TOLD[demand.name].every_s), daemon=True)
            reader.start()
            try:
                yield
            finally:
                ended.set()
                reader.join()
                read()


def _again(read: Callable[[], None], ended: threading.Event, every_s: float) -> None:
    while not ended.wait(every_s):
        read()


def _reader(context: Context, demand: Demand, of: str, stack: ExitStack) -> Callable[[], None]:
    """A function that reads the data once during the act of that name; if that fails, the reason is recorded."""
    told, begun = TOLD[demand.name], list[Callable[[], None]]()
    kind = "rollout" if demand.params.get("rollout") else "traffic"
    beside = {kind: demand.params.get(kind, "")}
    if of.startswith(_OF_EXPERIMENT):
        beside = {"experiment": of.removeprefix(_OF_EXPERIMENT)}

    def read() -> None:
        try:
            if not begun:
                begun.append(told.begin(context, beside, stack))
            begun[0]()
        except HarnessError as error:
            fields = {"at_ns": clock.now_ns(), "why": str(error)}
            context.sink(demand.name).put(told.kind, "", **beside, **fields)

    return read


def _read_metrics(context: Context, beside: Beside) -> None:
    from harness.drivers.check.exposition import scrape

    for one in scrape(context.target):
        context.sink("metrics").put("metrics.read", one.pod, **beside, **_of_exposition(one, context))


def _of_exposition(one: Exposition, context: Context) -> dict[str, Any]:
    """The metrics of an exposition that are recorded.

    All metrics of the entry's workload; of any other the counters that are asked for, and how many requests a service of the routes answered.
    """
    names, routes = context.target.metrics, context.target.routes
    asked = {names.per_user.actions, names.per_user.users} if names and names.per_user else set()
    entry = names is not None and one.workload == names.entry
    buckets = {route: [[str(end), n] for end, n in sorted(of.items())] for route, of in one.buckets.items()}
    return {
        "at_ns": one.at_ns,
        "workload": one.workload,
        "region": one.region,
        "entry": entry,
        "buckets": buckets if entry else {},
        "requests": {
            route: dict(of) for route, of in one.requests.items() if entry or one.workload in routes.get(route, ())
        },
        "counters": {name: value for name, value in one.counters.items() if name in asked},
        "names": {"probed": names.probed, **(names.per_user.model_dump() if names.per_user else {})} if names else {},
        "routes": {route: list(of) for route, of in routes.items()},
        "probed": urlsplit(context.target.services.get(one.workload, "")).path == context.target.probes.read.path,
        "why": one.why,
    }


def _read_queries(context: Context, beside: Beside) -> None:
    from harness.drivers.check.sql.statements import read_statements

    for one in read_statements(context.target):
        context.sink("queries").put(
            "statements.read",
            one.member,
            **beside,
            at_ns=one.at_ns,
            statements=list(one.statements),
            forgotten=one.forgotten,
            why=one.why,
        )


def _connections(context: Context, beside: Beside, _stack: ExitStack) -> Callable[[], None]:
    from harness.drivers.check.flow_log import FlowLog, flows_of, listed

    names, log = flows_of(context.target), FlowLog(context.target)
    declared = {
        "stores": list(names.stores),
        "data_access": list(names.data_access),
        "dependencies": {source: list(of) for source, of in names.dependencies.items()},
        "routes": {route: list(of) for route, of in context.target.routes.items()},
    }

    def read() -> None:
        one = log.read()
        context.sink("connections").put(
            "flows.read",
            "",
            **beside,
            at_ns=one.at_ns,
            before=one.before,
            connections=listed(one.connections),
            lines=one.lines,
            names=declared,
            why=one.why,
        )

    return read


def _read_users(context: Context, beside: Beside) -> None:
    from harness.drivers.check.monitor.users import active_users

    names = context.target.active_users
    if names is None:
        raise ConfigurationError(
            "the key `metrics.active_users` is missing, which names the query for the number of active users",
            where=str(context.target.file),
        )
    at_ns, users = clock.now_ns(), active_users(context.target, names.query)
    fields = {"at_ns": at_ns, "query": names.query, "within_s": names.within, "users": users}
    context.sink("active-users").put("users.read", "", **beside, **fields)


def _memory(context: Context, beside: Beside, _stack: ExitStack) -> Callable[[], None]:
    from harness.drivers.check.monitor.containers.memory import MemoryReader

    reader = MemoryReader(context.target)

    def read() -> None:
        found = reader.read()
        at_ns = clock.now_ns()
        for one in found:
            samples = {"at_s": list(one.at_s), "taken_s": list(one.taken_s), "bytes": list(one.bytes_)}
            fields = {"at_ns": at_ns, "workload": one.workload, **samples}
            context.sink("memory").put("memory.read", one.container, **beside, **fields)

    return read


def _pods(context: Context, beside: Beside, stack: ExitStack) -> Callable[[], None]:
    from harness.drivers.check.workloads.pod_reads import PodReader

    reader = stack.enter_context(closing(PodReader(context.target)))

    def read() -> None:
        for one in reader.read():
            fields = {key: value for key, value in asdict(one).items() if key != "pod"}
            context.sink("pod-reads").put("pod.read", one.pod, **beside, **fields)

    return read


def _series(context: Context, beside: Beside, _stack: ExitStack) -> Callable[[], None]:
    from harness.drivers.check.monitor.kept import SeriesReader

    reader = SeriesReader(context.target)

    def read() -> None:
        found = reader.read()
        at_ns = clock.now_ns()
        for (namespace, workload), metrics in found.items():
            kept = {name: asdict(one) for name, one in sorted(metrics.items())}
            subject = f"{namespace}/{workload}"
            context.sink("series").put("series.read", subject, **beside, at_ns=at_ns, metrics=kept)

    return read


TOLD: Final[Mapping[str, Told]] = {
    "metrics": Told(
        needs=(
            RequiredKey("metrics", "the metrics of every pod are read"),
            RequiredKey("kubernetes", "the pods are found through the Kubernetes API"),
        ),
        accesses=access("list pods", "get pods/proxy"),
        begin=lambda context, beside, _stack: partial(_read_metrics, context, beside),
        kind="metrics.read",
    ),
    "queries": Told(
        needs=(RequiredKey("database", "query times are read from the database"),),
        begin=lambda context, beside, _stack: partial(_read_queries, context, beside),
        kind="statements.read",
    ),
    "connections": Told(
        needs=(
            RequiredKey("flows", "the log of connections is read"),
            RequiredKey("kubernetes", "only connections of pods that still run are counted"),
        ),
        accesses=access("list pods"),
        begin=_connections,
        kind="flows.read",
    ),
    "active-users": Told(
        needs=(
            RequiredKey("prometheus", "the number of active users is read from Prometheus"),
            RequiredKey(
                "active_users",
                "the metric names the number of active users",
                "key `metrics.active_users`",
                "add `metrics: {active_users: {query: max(active_users), within: 5 min}}`, with the platform's own metric in the query",
            ),
        ),
        begin=lambda context, beside, _stack: partial(_read_users, context, beside),
        kind="users.read",
        every_s=2.0,
    ),
    "memory": Told(
        needs=(
            RequiredKey("prometheus", "the memory of every container is read from Prometheus"),
            RequiredKey("kubernetes", "the pods are found through the Kubernetes API"),
        ),
        accesses=access("list pods"),
        begin=_memory,
        kind="memory.read",
    ),
    "pod-reads": Told(
        needs=(
            RequiredKey("metrics", "the metrics of every pod are read repeatedly"),
            RequiredKey("kubernetes", "the pods are found through the Kubernetes API"),
        ),
        accesses=access("list pods", "get pods/proxy"),
        begin=_pods,
        kind="pod.read",
        every_s=0.5,  # a probe each 5 s, and its answers known to two readings, is well below 10 s
    ),
    "series": Told(
        needs=(
            RequiredKey("prometheus", "the samples are read from Prometheus"),
            RequiredKey("kubernetes", "the namespaces of the regions are read from the cluster"),
        ),
        begin=_series,
        kind="series.read",
        every_s=15.0,
    ),
}
"""Kinds of exposed data by the name of the demand."""
