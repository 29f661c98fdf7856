"""Runs loads on services as acts before the traffic; autoscalers should react to the loads. Nothing is judged here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.model import Act, DemandKind, Quantity
from harness.model.planned.domain import WORKLOADS, part_of, thing_of
from harness.model.planned.scaling import HOLD, OBSERVE, REPLICATE, RESIZE, SPIKE, held_elsewhere
from harness.model.records.window import fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredGroup, RequiredKey, consent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

_MACHINE: Final = "machine"
"""Part that holds the processors and the memory: two loads on the same one would each take from the other."""
_SECONDS: Final = {HOLD: 12.0, SPIKE: 20.0, OBSERVE: 10.0, RESIZE: 36.0, REPLICATE: 36.0}
"""Seconds of each load that the time scale does not divide."""
_SERVICES: Final = 3
"""Number of services that a plan assumes if every service is loaded and the target file names none."""
_REST_S: Final = 360.0
"""Seconds until an autoscaler scales down by default, with a minute for what comes before it."""
_SPIKE_S: Final = 960.0
"""Seconds of three rises, 3 min apart, and the scale-down."""
NAME: Final = "autoscaling"
"""The name of these loads in `may_break`."""
_USAGE: Final = RequiredGroup(
    "metrics.k8s.io",
    "the CPU usage of pods is read from the metrics API",
    "install metrics-server, or another server of the metrics API, and check it with `kubectl top pods`",
)


class ScaleDriver(Driver):
    """Runs the loads of `harness.drivers.scale` before the traffic."""

    kind = DemandKind.SCALE.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """The key `kubernetes`, since autoscalers are objects of the cluster."""
        return [RequiredKey("kubernetes", "autoscalers, their usage and the load go through the Kubernetes API")]

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:
        """The missing consent to load services of a production-like target; None if it is not needed or given."""
        allowed = target.breakable or any(entry.experiment == NAME for entry in target.may_break)
        if demand.name == OBSERVE or allowed:
            return None
        return consent(NAME, "the run puts load on services")

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """The permissions to read and to load services; acts that only observe need only the watchers' permissions."""
        from harness.drivers.scale import SERVING, STRESSING

        if demand.name in (RESIZE, REPLICATE):
            return SERVING
        return () if demand.name == OBSERVE else STRESSING

    def groups(self, demand: Demand, library: Library) -> Sequence[RequiredGroup]:  # noqa: ARG002 - the protocol's
        """The metrics API, unless only the bounds of autoscalers are read."""
        return () if demand.name == OBSERVE else (_USAGE,)

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act per demand. Of a level of every service, one per service behind the entry, and one for those that only the cluster names.

        An act that only observes runs during the fault-free window, if there is one.
        """
        seconds = _SECONDS[demand.name] + _scaled_s(demand) / library.time_scale
        act = Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=seconds, touches=(WORKLOADS,))
        if demand.name == OBSERVE and library.traffic:
            return [replace(act, seconds=0.0, touches=(), beside=fault_free_name(library.ordinary))]
        if demand.name == OBSERVE:
            return [replace(act, touches=())]
        if demand.name != HOLD:
            return [act]
        if "workload" in demand.params:
            return [_beside_others(act, demand, demand.params["workload"])]
        if not library.services:
            return [replace(act, seconds=_SERVICES * seconds)]
        each = {name: replace(act, name=f"{demand.key} of {name}") for name in sorted(library.services)}
        others = replace(act, name=f"{demand.key} of others", seconds=0.0, shared=True)
        return [*(_beside_others(one, demand, name) for name, one in each.items()), others]

    def run(self, act: Act, context: Context) -> None:
        """Apply the load and record it; if a load cannot be applied, record why."""
        from harness.drivers.scale import Holding, hold_levels, replicate, resize, spike

        demand, sink = context.plan.demand[act.demand], context.sink("scale")
        if demand.name == OBSERVE:
            context.pass_time(act.seconds, demand.key)
            return
        workload = next((name for name in map(thing_of, act.touches) if name), "")
        own = () if workload else context.target.probes.services
        now = Holding(
            demand=demand,
            workload=workload,
            target=context.target,
            platform=context.platform,
            sink=sink,
            alive=context.alive,
            elsewhere={*own, *(one.params["workload"] for one in held_elsewhere(demand, context.plan.demand))},
        )
        context.progress.say(act.name)
        try:
            loads = {HOLD: hold_levels, SPIKE: spike, RESIZE: resize, REPLICATE: replicate}
            loads[demand.name](now)
        except HarnessError as error:
            sink.put("scale.failed", demand.key, why=str(error))


def _beside_others(act: Act, demand: Demand, workload: str) -> Act:
    """The act that holds a level of one workload, beside loads on other workloads and on the other resource.

    Each level is reached by readings of the workload's own pods, one that is missed is INCONCLUSIVE, and the time to a rise begins once the
    level is reached. Memory that is kept takes no processor. The throughput of copies and of sizes is compared, and a spike counts three
    rises against the clock: these loads have the machine alone.
    """
    touches = (part_of(WORKLOADS, workload), part_of(_MACHINE, demand.params["resource"]))
    return replace(act, touches=touches, shared=True)


def _scaled_s(demand: Demand) -> float:
    """The part of a load that the time scale divides, in seconds at scale 1."""
    if demand.name == HOLD:
        return Quantity.parse(demand.params["hold"]).base + _REST_S
    return _SPIKE_S if demand.name == SPIKE else 0.0
