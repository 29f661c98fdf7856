"""An attempt at an experiment, in the undo log: it stays there until the target was verified to be as before.

An experiment may break what no intent of ours describes, as with an action of Chaos Toolkit's own. So a run that is stopped in the midst of
it, or killed, says *restored* only where reads at every entry are right again and the cluster is as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.chaos.restore import Restorer, TargetSnapshot
from harness.errors import ConfigurationError, DriverError
from harness.targets.expect import fits
from harness.targets.http import http_client
from harness.targets.undo import undoable
from harness.yamlfile import read_document

if TYPE_CHECKING:
    from harness.model import ExperimentPlan, Intent
    from harness.targets import Platform, Target
    from harness.targets.kubernetes import Cluster

VERIFY: Final = "verify-restored"
_READS: Final = 3
"""So many right answers in a row, at each entry."""
_APART_S: Final = 0.1
_TIMEOUT_S: Final = 2.0


def _verify(
    _cluster: Cluster | None, target: Target, *, attempt: int, by_hand: str, before: dict[str, Any] | None
) -> None:
    """Return where the target is as it was before the attempt.

    Raises:
        DriverError: it is not, or not known to be.
    """
    why = [*_unread(target)]
    if before is not None and target.kubernetes is not None:
        restored = Restorer(target, TargetSnapshot.parse(before)).restored()
        why += [] if restored.ok else [restored.why]
    if why:
        raise DriverError(f"attempt {attempt} was not seen to be undone ({'; '.join(why)}); {by_hand}")


@undoable(VERIFY, undo=_verify)
def _attempt() -> None:
    """The attempt is made by a chaos child."""


def open_attempt(platform: Platform, experiment: ExperimentPlan, number: int, before: TargetSnapshot | None) -> Intent:
    """Put on disk that an attempt is about to be made; strike it off when the target was verified to be as before.

    Args:
        platform: what is acted on.
        experiment: what is about to act.
        number: of the attempt.
        before: how the cluster was; None: the target has none.
    """
    return _attempt.intend(
        platform,
        experiment.name,
        f"experiment {experiment.name}",
        attempt=number,
        by_hand=_by_hand(Path(experiment.file)),
        before=None if before is None else before.as_json(),
    )


def _unread(target: Target) -> list[str]:
    """Why reads are not right, for each entry where they are not."""
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
    """What a person has to do where the undo was not verified."""
    try:
        content = read_document(file).data
    except ConfigurationError:
        content = None
    parts = content if isinstance(content, dict) else {}
    rollbacks = _names(parts.get("rollbacks"))
    if rollbacks:
        return f"by hand: do what the rollbacks of {file} do ({', '.join(rollbacks)})"
    actions = ", ".join(_names(parts.get("method"))) or "its actions"
    return f"by hand: undo what {file} did ({actions}); it has no rollbacks"


def _names(activities: object) -> list[str]:
    """The names of the actions in a list of activities."""
    found = activities if isinstance(activities, list) else []
    return [
        str(one.get("name", "unnamed"))
        for one in found
        if isinstance(one, dict) and one.get("type", "action") == "action"
    ]
