"""Checks of the live target as acts. Checks change nothing, so several run at the same time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.drivers.check.claim import When
from harness.drivers.check.registry import kind_of, run_check
from harness.model import Act, DemandKind
from harness.model.planned.domain import CONTAINER
from harness.model.records.window import after_faults_name, fault_free_name
from harness.run.acts.driver import Driver, Library, RequiredKey, consent
from harness.run.acts.yielding import yield_processors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.model import Demand
    from harness.run.acts.context import Context
    from harness.targets import Target
    from harness.targets.access import Access


class CheckDriver(Driver):
    """Runs the checks of `harness.drivers.check`."""

    kind = DemandKind.CHECK.value

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """The top-level keys that the check reads; keys within a section are checked by `lack`."""
        return [need for need in kind_of(demand.name).needs if "." not in need.key]

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:
        """The missing consent to a check that changes user data, or the first missing key within a section; else None."""
        kind = kind_of(demand.name)
        if kind.consent and not (
            target.breakable or any(entry.experiment == kind.consent for entry in target.may_break)
        ):
            return consent(kind.consent, "the check changes what users have")
        first = next(kind.missing(target, demand.params), None)
        return first if first is not None and "." in first.key else None

    def accesses(self, demand: Demand, library: Library, target: Target) -> Sequence[Access]:  # noqa: ARG002 - the protocol's
        """The Kubernetes permissions that the check declares."""
        from harness.targets.access import accesses_of

        return accesses_of(kind_of(demand.name).read, target, demand.params) or ()

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:
        """One act per check: before the traffic, or at the time that the kind of the check needs."""
        kind, ordinary = kind_of(demand.name), library.ordinary
        act = Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=kind.seconds, touches=kind.touches)
        if not library.traffic or kind.when is When.BEFORE:
            return [act]
        containers = [one.name for one in library.experiments.values() if one.domain == CONTAINER]
        if kind.when is When.AFTER_CONTAINERS and containers:
            return [replace(act, after=_after(ordinary, containers), traffic=ordinary)]
        if kind.when in (When.AFTER_TRAFFIC, When.AFTER_CONTAINERS):
            ends = [(fault_free_name(name), after_faults_name(name)) for name in library.traffic]
            return [replace(act, after=tuple(name for both in ends for name in both))]
        if kind.when is When.BESIDE_USERS:
            after = (*_after(ordinary, library.experiments), *(f"rollout:{name}" for name in library.rollouts))
            return [replace(act, after=after, traffic=ordinary)]
        return [replace(act, seconds=0.0, beside=fault_free_name(ordinary))]

    @contextmanager
    def beside(self, act: Act, context: Context) -> Iterator[None]:
        """Run the check once while the other act runs, or when it ends."""
        if kind_of(context.plan.demand[act.demand].name).when is When.AT_THE_WINDOWS_END:
            yield
            self.run(act, context)
            return
        reader = threading.Thread(target=self._run_yielding, args=(act, context), daemon=True)
        reader.start()
        try:
            yield
        finally:
            reader.join()

    def _run_yielding(self, act: Act, context: Context) -> None:
        yield_processors()
        self.run(act, context)

    def run(self, act: Act, context: Context) -> None:
        """Run the check and record its facts."""
        source = context.target.release
        release = source.model_copy(update={"version": source.version or context.plan.release})
        target = context.target.model_copy(update={"release": release})
        demand, seed = context.plan.demand[act.demand], context.plan.seed
        run_check(demand, target, context.sink("checks"), context.directory.path, seed=seed)


def _after(traffic: str, experiments: Iterable[str]) -> tuple[str, ...]:
    """The fault-free window of a traffic, and these experiments, as acts."""
    return (fault_free_name(traffic), *(f"experiment:{name}" for name in experiments))
