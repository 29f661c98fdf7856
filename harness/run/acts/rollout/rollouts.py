"""Rollouts as acts: a candidate replaces the release under traffic, is followed, and is rolled back.

Nothing is judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.model import Act, DemandKind, Phase
from harness.model.planned.domain import ENTRY, WORKLOADS
from harness.model.records.window import fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredGroup, RequiredKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

TOUCHES: Final = (ENTRY, WORKLOADS)
_ARGO: Final = RequiredGroup(
    "argoproj.io",
    "its objects are of kind Rollout",
    "install Argo Rollouts, or write `kind: Deployment` or `kind: Service` under `rollout` of the target file",
)


class RolloutDriver(Driver):
    """Runs rollout files, one at a time, after the experiments."""

    kind = DemandKind.ROLLOUT.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """The keys of the target file that name the objects and the cluster."""
        return [
            RequiredKey("kubernetes", "a rollout changes objects of Kubernetes"),
            RequiredKey("rollout", "a rollout changes the objects that this key names"),
        ]

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:
        """The Kubernetes permissions, by the kind of the objects."""
        from harness.drivers.rollout.permissions import rollout_access

        plan = library.rollouts[demand.name]
        own = (target.kubernetes.namespace,) if target.kubernetes else ()
        return rollout_access(plan.kind, plan.namespaces or own)

    def groups(self, demand: Demand, library: Library) -> Sequence[RequiredGroup]:
        """The API group of Argo Rollouts, if Rollouts are changed."""
        return (_ARGO,) if library.rollouts[demand.name].kind == "Rollout" else ()

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act: after the fault-free window and every experiment, so that no fault is active while a candidate runs."""
        rollout, traffic = library.rollouts[demand.name], demand.params.get("traffic", "")
        return [
            Act(
                name=f"rollout:{rollout.name}",
                kind=self.kind,
                demand=demand.key,
                phase=Phase.STEP,
                seconds=rollout.within_s if rollout.takes_s is None else rollout.takes_s,
                touches=TOUCHES,
                needs_steady=True,
                traffic=traffic,
                after=(fault_free_name(traffic), *(f"experiment:{name}" for name in library.experiments)),
            )
        ]

    def run(self, act: Act, context: Context) -> None:
        """Run and record the rollout, from the start of the candidate until all objects are on the old release."""
        from harness.run.acts.rollout.following import Following

        with context.beside(act):
            Following(context.plan.rollouts[context.plan.demand[act.demand].name], act, context).run()

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Record that the rollout was skipped, with the reason."""
        name = context.plan.demand[act.demand].name
        context.progress.say(f"rollout {name}: skipped, {why}")
        context.sink("rollouts").put("rollout.skipped", name, why=why)


def each_rollout_once(demands: Iterable[Demand]) -> None:
    """Refuse a rollout under two traffics, since its records and windows are identified by its name only.

    Raises:
        UsageError: a rollout is used under two traffics.
    """
    traffic_of: dict[str, str] = {}
    for demand in demands:
        if demand.kind == DemandKind.ROLLOUT:
            traffic = demand.params.get("traffic", "")
            if (first := traffic_of.setdefault(demand.name, traffic)) != traffic:
                what = f"the rollout {demand.name} is used under two traffics, {first} and {traffic}; expected one"
                hint = "name the same traffic in each sentence, or copy the rollout file under another name"
                raise UsageError(what, where=demand.key, hint=hint)
