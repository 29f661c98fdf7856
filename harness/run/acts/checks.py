"""Checks of the live target as acts. They touch nothing, so several run side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.model import Act, DemandKind
from harness.run.acts.driver import Driver, Library, RequiredKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context

_SECONDS: Final = 0.8
"""What a check takes of a run; four run side by side."""
_TOUCHES: Final = {"network-policy": ("workloads",)}
"""It puts pods of its own in place."""
_READS: Final = {"gateway-reads": RequiredKey("regions", "the gateway of every region is asked")}


class CheckDriver(Driver):
    """Runs the checks of `harness.drivers.check`."""

    kind = DemandKind.CHECK.value

    def needs(self, demand: Demand) -> Sequence[RequiredKey]:
        """A check of gateways needs regions, any other a cluster."""
        return [_READS.get(demand.name, RequiredKey("kubernetes", "the check reads the Kubernetes API"))]

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:  # noqa: ARG002 - the protocol's
        """One act a check."""
        touches = _TOUCHES.get(demand.name, ())
        return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=_SECONDS, touches=touches)]

    def run(self, act: Act, context: Context) -> None:
        """Record what the check finds."""
        from harness.drivers.check import run_check

        run_check(context.plan.demand[act.demand], context.target, context.sink("checks"), context.directory.path)
