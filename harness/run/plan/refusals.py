"""The errors with which a run would be refused before its first request, for the plan: consent, `may_break`, rollbacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.extras import CACHE, DATABASE, DNS, GENERATED, KUBERNETES, S3, STATIC, require
from harness.model import DemandKind
from harness.targets import guard_experiment, guard_rollout, guard_target
from harness.targets.cluster.service_account import service_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.model import Plan
    from harness.targets import Target


def refusals(plan: Plan, target: Target, allow_target: str) -> tuple[HarnessError, ...]:
    """Every error with which a run of this plan would be refused before anything is touched; empty if it would start.

    Args:
        plan: plan of the run.
        target: target of the run.
        allow_target: name of the target that was typed.
    """
    checks: list[Callable[[], object]] = [partial(require, *needed) for needed in _extras(plan, target)]
    if plan.live:
        checks += [
            partial(guard_target, target, allow_target),
            *(partial(guard_experiment, target, one) for one in plan.experiments.values()),
            *(partial(guard_rollout, target, one) for one in plan.rollouts.values()),
        ]
        if target.kubernetes is not None and not target.kubernetes.context:
            checks.append(partial(service_account, f"{target.file}: kubernetes"))
    return tuple(error for check in checks if (error := _raised(check)) is not None)


def _extras(plan: Plan, target: Target) -> Iterator[tuple[str, str, str]]:
    """The extras that a plan needs: name of the extra, thing that needs it, and its place in a file."""
    if any(act.kind == DemandKind.STATIC for act in plan.acts):
        yield STATIC, "a sentence on the platform's files", str(target.file)
    if target.upload is not None:
        yield S3, "the key `upload`", f"{target.file}: upload"
    if plan.live and target.kubernetes is not None:
        yield KUBERNETES, "the key `kubernetes`", f"{target.file}: kubernetes"
    if plan.live and target.database is not None:
        yield DATABASE, "the key `database`", f"{target.file}: database"
    if plan.live and target.dns is not None:
        yield DNS, "the key `dns`", f"{target.file}: dns"
    if plan.live and target.api is not None:
        yield GENERATED, "the key `api`", f"{target.file}: api"
    if plan.live and target.cache is not None and target.cache.servers:
        yield CACHE, "the key `cache`", f"{target.file}: cache"


def _raised(check: Callable[[], object]) -> HarnessError | None:
    try:
        check()
    except HarnessError as error:
        return error
    return None


def left_to_people(plan: Plan) -> Iterator[str]:
    """One text for each experiment whose fault a person would have to undo if the run is stopped during the fault."""
    from harness.drivers.chaos import read_experiment  # a plan of files alone needs no experiment

    for experiment in plan.experiments.values():
        if read_experiment(Path(experiment.file)).by_hand:
            yield f"{experiment.name} has no `rollbacks`: if the run is stopped during the fault, a person must restore the target"


def cut_holds(plan: Plan) -> Iterator[str]:
    """One text for each experiment whose `hold` ends before the longest limit of its sentences."""
    from harness.drivers.chaos import read_experiment  # as above

    for experiment in plan.experiments.values():
        most_s = read_experiment(Path(experiment.file)).hold_at_most_s
        if most_s is not None and most_s < experiment.observe_s:
            yield (
                f"{experiment.name}: `hold` ends after at most {most_s:g} s, and the longest limit of its sentences is "
                f"{experiment.observe_s:g} s: a recovery that takes longer than {most_s:g} s is not decided "
                "(hint: leave out `at_most_s`, which lets the limit end the fault)"
            )
