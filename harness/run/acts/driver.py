"""The driver interface: what a demand needs, how it is planned, and how the act is run."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.model.need import RequiredKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from harness.model import Act, Demand, ExperimentPlan, TrafficPlan
    from harness.model.rollout import RolloutPlan
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access

__all__ = ["Driver", "Library", "RequiredGroup", "RequiredKey", "consent"]


def consent(experiment: str, why: str) -> RequiredKey:
    """The entry of `may_break` that allows what changes a target that is not disposable."""
    hint = f"add `may_break: [{{experiment: {experiment}}}]`"
    return RequiredKey("may_break", f"{why} (experiment: {experiment})", "such experiment in `may_break`", hint)


@dataclass(frozen=True, slots=True)
class RequiredGroup:
    """An API group that an act needs served.

    Attributes:
        name: of the group.
        why: what the act does with it.
        hint: what brings it.
    """

    name: str
    why: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """What demands name, and what they meet.

    Attributes:
        traffic: of the plan, by name.
        experiments: every one there is.
        rollouts: of the plan.
        time_scale: by what the target divides times.
        served: the API groups that the target's API server serves; None: it was not asked, or gave no answer.
    """

    traffic: Mapping[str, TrafficPlan]
    experiments: Mapping[str, ExperimentPlan]
    rollouts: Mapping[str, RolloutPlan] = field(default_factory=dict)
    time_scale: float = 1.0
    served: frozenset[str] | None = None

    @property
    def ordinary(self) -> str:
        """The traffic that what needs any is done beside: the first to the entry whose rate stays, else the first; empty: there is none."""
        steady = (one.name for one in self.traffic.values() if not (one.rates or one.entry))
        return next(steady, next(iter(self.traffic), ""))


class Driver(Protocol):
    """One kind of act. Derive from it: `lack`, `skip` and `beside` have defaults.

    Attributes:
        kind: of the demands that it serves, and of its acts.
    """

    kind: str

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:
        """What the target file must have for this demand, with what it names at hand in the library.

        A scenario whose demand lacks it is not assessed.
        """
        ...

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:  # noqa: ARG002 - the protocol's
        """What else the target file must name for this demand, which depends on what that says.

        None: nothing.
        """
        return None

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """What the act asks of the Kubernetes API; by default nothing."""
        return ()

    def groups(self, demand: Demand, library: Library) -> Sequence[RequiredGroup]:  # noqa: ARG002 - the protocol's
        """API groups that the cluster must serve, as nothing is decided without them; by default none."""
        return ()

    def undeclared(self, demand: Demand, library: Library) -> Sequence[str]:  # noqa: ARG002 - the protocol's
        """What may ask the Kubernetes API without having said what; by default nothing."""
        return ()

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """The acts that serve a demand.

        `after` may name acts that this plan has not: those are left out.
        """
        ...

    def run(self, act: Act, context: Context) -> None:
        """Do it, and record what happened in `context.history` or a history of its own.

        Nothing is judged here.

        Raises:
            HarnessError: the run cannot go on.
        """
        ...

    def skip(self, act: Act, why: str, context: Context) -> None:
        """Record that it is not done, and why."""
        context.history.put("act.skipped", act.name, why=why)

    def beside(self, act: Act, context: Context) -> AbstractContextManager[None]:  # noqa: ARG002 - the protocol's
        """Around the act that this one shares its time with; by default nothing is done."""
        return nullcontext()
