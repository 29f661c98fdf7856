"""Traffic as acts: the window before the first fault, and the window after the last fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import clock
from harness.model import Act, DemandKind
from harness.model.records.window import after_faults_name, fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context


class TrafficDriver(Driver):
    """Lets time pass under traffic, which the scheduler starts and ends."""

    kind = DemandKind.TRAFFIC.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """The key of the target file with the address for requests: `entry`, or the key that the traffic file names."""
        if key := library.traffic[demand.name].entry:
            return [RequiredKey(key, f"traffic is sent to the {key}")]
        return [RequiredKey("entry", "traffic is sent to the entry")]

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """The window before the faults, and the window after them.

        A plan without faults has only the first window.
        """
        traffic = library.traffic[demand.name]
        before = Act(
            name=fault_free_name(traffic.name),
            kind=self.kind,
            demand=demand.key,
            seconds=traffic.warm_up_s + traffic.window_s,
            traffic=traffic.name,
        )
        after = Act(
            name=after_faults_name(traffic.name),
            kind=self.kind,
            demand=demand.key,
            seconds=traffic.after_s,
            traffic=traffic.name,
            after=(*(f"experiment:{x}" for x in library.experiments), *(f"rollout:{x}" for x in library.rollouts)),
        )
        return [before, after]

    def run(self, act: Act, context: Context) -> None:
        """Wait until the window is long enough."""
        traffic = context.traffic
        if act.name == fault_free_name(traffic.plan.name):
            seconds = traffic.plan.window_s
            context.progress.say(f"fault-free window of {seconds:g} s: {traffic.plan.requests} requests")
            with context.beside(act):
                context.pass_time(seconds, "fault-free window")
        elif traffic.windows.after_a_fault:
            passed_s = (clock.now_ns() - traffic.windows.since_ns) / NS_PER_S
            left_s = max(traffic.plan.after_s - passed_s, 0.0)
            context.progress.say(f"window after the faults: {left_s:.0f} s more")
            context.pass_time(left_s, "window after the faults")

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Skip the window after the faults if a fault was not undone.

        The time then belongs to the window of the last fault.
        """
        context.progress.say(f"{act.name}: skipped, {why}")
