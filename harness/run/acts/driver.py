"""The driver interface: what a demand needs, how it is planned, and how the act is run."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.model.planned.need import RequiredKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from harness.model import Act, Demand, ExperimentPlan, TrafficPlan
    from harness.model.planned.rollout import RolloutPlan
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

__all__ = ["Driver", "Library", "RequiredGroup", "RequiredKey", "consent"]


def consent(experiment: str, why: str) -> RequiredKey:
    """The entry of `may_break` in the target file that allows an act to change a target that is not disposable."""
    hint = f"add `may_break: [{{experiment: {experiment}}}]`"
    return RequiredKey("may_break", f"{why} (experiment: {experiment})", "such experiment in `may_break`", hint)


@dataclass(frozen=True, slots=True)
class RequiredGroup:
    """A Kubernetes API group that an act needs.

    Attributes:
        name: name of the group.
        why: what the act uses the group for.
        hint: what to install so that the cluster serves it.
    """

    name: str
    why: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """The objects that demands can name, and properties of the target.

    Attributes:
        traffic: traffics of the plan, by name.
        experiments: all experiments of the project.
        rollouts: rollouts of the plan.
        services: names of the services behind the entry, as the target file names them.
        time_scale: the number by which the target divides times.
        served: API groups that the target's API server serves; None: the server was not asked, or did not answer.
    """

    traffic: Mapping[str, TrafficPlan]
    experiments: Mapping[str, ExperimentPlan]
    rollouts: Mapping[str, RolloutPlan] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    time_scale: float = 1.0
    served: frozenset[str] | None = None

    @property
    def ordinary(self) -> str:
        """The traffic for acts that do not name one: the first to the entry with a constant rate, else the first.

        Empty if the plan has no traffic.
        """
        steady = (one.name for one in self.traffic.values() if not (one.rates or one.entry))
        return next(steady, next(iter(self.traffic), ""))


class Driver(Protocol):
    """One kind of act. Derive from it: `lack`, `skip` and `beside` have defaults.

    Attributes:
        kind: kind of the driver's demands and acts.
    """

    kind: str

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """The keys that the target file must have for this demand.

        A scenario is not assessed if a key is missing. The library has the objects that the demand names.
        """
        ...

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:  # noqa: ARG002 - the protocol's
        """A further key that the target file lacks for this demand, if that depends on the contents of the file.

        None: no key is missing.
        """
        return None

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """The Kubernetes permissions that the act needs; by default none."""
        return ()

    def groups(self, demand: Demand, library: Library) -> Sequence[RequiredGroup]:  # noqa: ARG002 - the protocol's
        """The API groups without which the demand cannot be decided; by default none."""
        return ()

    def undeclared(self, demand: Demand, library: Library) -> Sequence[str]:  # noqa: ARG002 - the protocol's
        """The names of activities that may use the Kubernetes API with undeclared permissions; by default none."""
        return ()

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """The acts that serve a demand.

        `after` may name acts that are not in this plan; those are ignored.
        """
        ...

    def run(self, act: Act, context: Context) -> None:
        """Run the act, and record what happened in `context.history` or a history of its own.

        Nothing is judged here.

        Raises:
            HarnessError: the run cannot go on.
        """
        ...

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Record that the act is skipped, and why."""
        context.history.put("act.skipped", act.name, why=why)

    def beside(self, act: Act, context: Context) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        """A context around the act with which this one shares its time; by default it does nothing."""
        return nullcontext()
