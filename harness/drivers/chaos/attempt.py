"""Records an attempt at an experiment in the undo log until the target is verified to be restored.

An experiment may change things that no other entry of the undo log describes, for example with Chaos Toolkit's own
actions. So after a stopped or killed run the target counts as *restored* only if reads succeed at every entry and the
cluster is in the state that it had before the experiment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.chaos.environment import rollback_environment
from harness.drivers.chaos.experiments import read_experiment
from harness.drivers.chaos.restore import Restorer, TargetSnapshot
from harness.drivers.chaos.scratch import Scratch
from harness.drivers.packages import project_directory
from harness.errors import ConfigurationError, DriverError
from harness.model import domain_of
from harness.model.planned.domain import PARTS
from harness.targets.files.expect import fits
from harness.targets.http import http_client
from harness.targets.safety.intents import VERIFY
from harness.targets.undo import ROLL_BACK, UndoFailed, undoable
from harness.yamlfile import read_document

if TYPE_CHECKING:
    from harness.model import ExperimentPlan, Intent
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster

_ROLLBACKS_S: Final = 120.0
"""Maximum time in s for the rollbacks of one experiment."""
_READS: Final = 3
"""Number of consecutive successful reads needed at each entry."""
_APART_S: Final = 0.1
_TIMEOUT_S: Final = 2.0


def _verify(
    _cluster: Cluster | None,
    target: Target,
    *,
    attempt: int,
    by_hand: str,
    before: dict[str, Any] | None,
    parts: Sequence[str] = PARTS,
    hit: Sequence[str] = (),
) -> None:
    """Verify that the target is as it was before the attempt.

    Only the parts of the cluster that the fault disturbs are compared; all of them for an undo log of an earlier version.

    Raises:
        DriverError: the target is not as before, or that is not known.
    """
    why = [*_unread(target)]
    if before is not None and target.kubernetes is not None:
        restored = Restorer(target, TargetSnapshot.parse(before), hit=hit, later=True).restored(parts)
        why += [] if restored.ok else [restored.why]
    if why:
        raise DriverError(f"the undo of attempt {attempt} was not verified ({'; '.join(why)})", hint=by_hand)


@undoable(VERIFY, undo=_verify)
def _attempt() -> None:
    """The attempt is made by a chaos child."""


def open_attempt(platform: Platform, experiment: ExperimentPlan, number: int, before: TargetSnapshot | None) -> Intent:
    """Record in the undo log that an attempt begins; the entry is removed once the target is verified to be restored.

    Args:
        platform: the platform that the experiment acts on.
        experiment: experiment that is attempted.
        number: number of the attempt.
        before: state of the cluster before the attempt; None if the target has no cluster.
    """
    return _attempt.intend(
        platform,
        experiment.name,
        f"experiment {experiment.name}",
        attempt=number,
        by_hand=_by_hand(Path(experiment.file)),
        before=None if before is None else before.as_json(),
        parts=list(domain_of(experiment.domain).touches),
        hit=[],
    )


def _roll_back(
    _cluster: Cluster | None,
    target: Target,
    *,
    text: str,
    file: str,
    variables: dict[str, str],
    values: dict[str, Any] | None = None,
) -> None:
    """Run the rollbacks of an experiment file in a child process.

    `values` are what probes of its configuration read before the fault; None: no action was sent, so they are read now.

    Raises:
        UndoFailed: a rollback failed, or the rollbacks did not end in time.
        DriverError: the rollbacks cannot be started.
    """
    scratch = Scratch()
    try:
        copy = scratch.make() / f"experiment{Path(file).suffix}"
        copy.write_text(text, encoding="utf-8")
        kept = copy.with_name("values.json")
        kept.write_text(json.dumps(values), encoding="utf-8")
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.chaos", "rollbacks", str(copy), str(kept)],
            env=rollback_environment(Path(file), target, variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=project_directory(Path(file)),
            start_new_session=True,
        )
        with child:
            try:
                output, _ = child.communicate(timeout=_ROLLBACKS_S)
            finally:
                # late, or Ctrl-C: what it has started must not act later, beside the next recovery
                if child.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, signal.SIGKILL)
    except subprocess.TimeoutExpired as error:
        raise UndoFailed(f"the rollbacks of {file} did not end within {_ROLLBACKS_S:g} s") from error
    except OSError as error:
        raise DriverError(f"the rollbacks of {file} could not be started: {error.strerror}") from error
    finally:
        scratch.remove()
    if child.returncode:
        said = output.decode("utf-8", "replace").strip().splitlines() or ["no reason recorded"]
        raise UndoFailed(f"the rollbacks of {file} failed: {said[-1]}")


@undoable(ROLL_BACK, undo=_roll_back)
def _foreign_actions() -> None:
    """What no intent of ours describes is done by a chaos child."""


def open_rollbacks(platform: Platform, experiment: ExperimentPlan) -> Intent | None:
    """Record the rollbacks of an experiment in the undo log; the entry is removed when the rollbacks have ended.

    Returns None if the file has no rollbacks, or only rollbacks of the harness, whose actions have their own entries.
    """
    file = Path(experiment.file)
    try:
        rolled_back = read_experiment(file).rolled_back
    except ConfigurationError:
        return None  # the child will refuse it
    if not rolled_back:
        return None
    return _foreign_actions.intend(
        platform,
        experiment.name,
        f"rollbacks of {experiment.name}: {', '.join(rolled_back)}",
        file=str(file),
        text=file.read_text(encoding="utf-8"),
        variables=_variables(file, experiment.configuration),
    )


def _variables(file: Path, configuration: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that the file's block `configuration` names, with their values in this run."""
    block = read_document(file).data.get("configuration")
    named = [str(one.get("key", "")) for one in (block or {}).values() if isinstance(one, dict)]
    return {name: configuration[name] for name in named if configuration.get(name)}


def _unread(target: Target) -> list[str]:
    """The reason why reads fail, for each entry where they fail."""
    entries = {"the entry": target.entry, **{f"the entry of {name}": door for name, door in target.doors.items()}}
    return [f"{name}: {why}" for name, url in entries.items() if (why := _wrong(target, url))]


def _wrong(target: Target, url: str) -> str:
    import httpx

    with http_client(target, url, timeout_s=_TIMEOUT_S) as client:
        for number in range(_READS):
            clock.sleep(_APART_S if number else 0)
            try:
                answer = client.get(target.probes.read.path)
            except httpx.HTTPError as error:
                return f"no answer ({type(error).__name__})"
            if answer.status_code != 200:
                return f"status {answer.status_code}"
            if not fits(answer.content, target.probes.read.expect):
                return "an unexpected answer"
    return ""


def _by_hand(file: Path) -> str:
    """The hint on what a person has to do if the undo was not verified."""
    try:
        content = read_document(file).data
    except ConfigurationError:
        content = None
    parts = content if isinstance(content, dict) else {}
    rollbacks = _names(parts.get("rollbacks"))
    if rollbacks:
        return f"by hand: run the rollbacks of {file} ({', '.join(rollbacks)})"
    actions = ", ".join(_names(parts.get("method"))) or "its actions"
    return f"by hand: undo the actions of {file} ({actions}); the file has no rollbacks"


def _names(activities: object) -> list[str]:
    """The names of the actions in a list of activities."""
    found = activities if isinstance(activities, list) else []
    return [
        str(one.get("name", "unnamed"))
        for one in found
        if isinstance(one, dict) and one.get("type", "action") == "action"
    ]
