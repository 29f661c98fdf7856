"""What a run would be refused for once it asks the target: for the plan, which asks once and starts nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError, TargetUnreachable, UsageError
from harness.run.start.means import unready_means
from harness.run.start.preflight import preflight, refuse_other_release
from harness.run.uploads import bucket_of
from harness.targets import ClusterLease, TargetLock, platform_of
from harness.targets.safety.intents import pending_intents, unclear_intents
from harness.targets.undo import Left, Recovered, recover_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.model import Plan
    from harness.run.settings import Settings
    from harness.targets import Target
    from harness.targets.safety.platform import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedTarget:
    """What the target and this machine answered.

    Attributes:
        refused: errors with which a run would be refused now.
        unready: servers that do not answer now, and changes that a run would undo first, in words.
    """

    refused: tuple[HarnessError, ...] = ()
    unready: tuple[str, ...] = ()


def asked_target(plan: Plan, target: Target, settings: Settings, *, allowed: bool) -> AskedTarget:
    """Ask once what a run asks before its load: the lock, the Lease, the undo log, each probed path, the release, the directory of the runs, the bucket.

    A target that is started for the run is not asked, and nothing is requested from a target that a run may not use.

    Args:
        plan: plan of the run.
        target: target of the run.
        settings: options of the run.
        allowed: whether a run may send requests to the target.

    Raises:
        ConfigurationError: a certificate, the kubeconfig or its context cannot be read.
    """
    unready = unready_means(target) if plan.acts else []
    refused: list[HarnessError] = []
    checks: list[Callable[[], None]] = [
        lambda: _refuse_unwritable(settings.out),
        lambda: _refuse_bucket(target, plan.run),
    ]
    if plan.live and allowed and not target.embedded and target.file.is_file():
        acts = () if unready else plan.acts  # without its API server the state of the cluster cannot be read
        platform = platform_of(target)
        checks += [
            lambda: unready.extend(_held(target, platform, plan.run)),
            lambda: _unread_changes(platform).require_all(platform, target),
            lambda: preflight(target, unready.append, acts=acts, waits=False),
            lambda: refuse_other_release(target, plan),
        ]
        if pending := pending_intents(platform):
            unready.append(
                f"an interrupted run left {len(pending)} changes, which a run undoes first: {recover_command(target)}"
            )
    for check in checks:
        try:
            check()
        except TargetUnreachable as error:
            unready.append(f"{error.where}: {error.what.removesuffix('; nothing was run')}")
            break  # what else would be requested does not answer either
        except HarnessError as error:
            refused.append(error)
    return AskedTarget(refused=tuple(refused), unready=tuple(unready))


def _held(target: Target, platform: Platform, run: str) -> list[str]:
    """What a run would wait for before it has the platform for itself. Raises Refused if another run has it."""
    TargetLock(platform, run).refuse_if_held()
    try:
        waits = ClusterLease(target, platform, run).refuse_if_held()
    except TargetUnreachable:  # as `unready_means` says; the entry may answer
        return []
    return [waits] if waits else []


def _unread_changes(platform: Platform) -> Recovered:
    """The entries of the undo log that cannot be read, as a recovery would leave them."""
    unclear = unclear_intents(platform)
    return Recovered(left=tuple(Left(path=one.path, what="", why=one.why, understood=False) for one in unclear))


def _refuse_bucket(target: Target, run: str) -> None:
    """Refuse a bucket of the target file that cannot be read; a run tries to write there, too."""
    bucket = bucket_of("", target, run)
    if bucket is not None:
        bucket.names()


def _refuse_unwritable(runs: Path) -> None:
    """Refuse a directory of runs in which no run can be created."""
    there = next((one for one in (runs, *runs.parents) if one.exists()), runs)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is not a directory" if not there.is_dir() else "cannot be written"
        raise UsageError(
            f"the directory of the run cannot be created: {there} {what}",
            where=str(runs),
            hint="choose another directory with --out",
        )
