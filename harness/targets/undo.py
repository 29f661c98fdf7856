"""Undoable actions, and recovery from the undo log on disk: newest entries first, repeated if necessary."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Concatenate, Final, Generic, Literal, ParamSpec, Self, TypeVar, overload

from harness.clock import Deadline
from harness.errors import DriverError, HarnessError, Refused
from harness.model import Intent
from harness.targets.child import ChildSettings
from harness.targets.cluster.patience import SILENT_S, patiently
from harness.targets.files.target import Target
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import (
    intent_path,
    intents_directory,
    pending_intents,
    strike_intent,
    unclear_intents,
    write_intent,
)
from harness.targets.safety.platform import Platform, canonical, platform_of

RECOVER_S: Final = 30.0
"""Seconds for which `recover` tries to reach a target that does not answer."""
ROLL_BACK: Final = "roll-back"
"""The undo that runs the rollbacks of an experiment file; `values` has results of its probes before the fault."""
_AGAIN_S: Final = 0.5
_WHERE: Final = "api_server"
"""The parameter of an undo with the address of the cluster's API server; a region may have its own."""
_MODULES: Final = "python_path"
"""The parameter of an undo with the directories of the project's own modules, if any."""
_RESERVED: Final = ("do", _WHERE, _MODULES)
"""Parameters that are not passed to the undo function."""

P = ParamSpec("P")
_Known = TypeVar("_Known", bound=Callable[..., object])
Undo = Callable[..., None]
"""An undo function, called with cluster (or None), target and the intent's parameters; repeating it must be safe."""


class UndoFailed(DriverError):
    """An undo ran and failed; the same recovery does not repeat it, since a part of it may have worked."""


class Undoable(Generic[P]):
    """An action with its undo. Calling it performs the action; call `intend` first.

    Attributes:
        name: name of the undo in intents.
        module: module that defines the action and that recovery imports.
        undo: function that undoes the action, called with cluster, target and the intent's parameters.
    """

    def __init__(self, name: str, act: Callable[P, None], undo: Undo) -> None:
        self.name = name
        self.module = act.__module__
        self.undo = undo
        self._act = act

    def intend(self, platform: Platform, experiment: str, what: str, /, **params: object) -> Intent:
        """Write to the undo log how to undo the next action.

        Args:
            platform: platform that is changed.
            experiment: experiment or other part of a run that changes the platform.
            what: description of the change for people.
            params: parameters of the undo as JSON values; also the Cluster, if it is not that of the target's context.
        """
        values = {
            _WHERE if isinstance(value, Cluster) else key: value.url if isinstance(value, Cluster) else value
            for key, value in params.items()
        }
        if modules := ChildSettings.from_env().modules:
            values[_MODULES] = list(modules)
        return write_intent(platform, experiment, what, {"do": self.name, **values}, module=self.module)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Act."""
        self._act(*args, **kwargs)


_KNOWN: Final[dict[tuple[str, str], Undoable[...]]] = {}
"""Undoable actions by module and name."""


@overload
def undoable(
    name: str, *, undo: Callable[Concatenate[Cluster | None, Target, ...], None], of_a_cluster: Literal[False] = False
) -> Callable[[Callable[P, None]], Undoable[P]]: ...


@overload
def undoable(
    name: str, *, undo: Callable[Concatenate[Cluster, Target, ...], None], of_a_cluster: Literal[True]
) -> Callable[[Callable[P, None]], Undoable[P]]: ...


def undoable(name: str, *, undo: Undo, of_a_cluster: bool = False) -> Callable[[Callable[P, None]], Undoable[P]]:
    """Declare an action undoable.

    Args:
        name: name of the undo in intents.
        undo: undo function.
        of_a_cluster: whether the undo needs a cluster; without one it is not called, and a DriverError is raised.
    """

    def declare(act: Callable[P, None]) -> Undoable[P]:
        made = Undoable(name, act, _in_cluster(name, undo) if of_a_cluster else undo)
        _KNOWN[made.module, name] = made
        return made

    return declare


def _in_cluster(name: str, undo: Undo) -> Undo:
    def undo_in_cluster(cluster: Cluster | None, target: Target, **params: object) -> None:
        if cluster is None:
            raise DriverError(
                f"the undo `{name}` needs a cluster, and the target file has no cluster",
                where=f"{target.file}: kubernetes",
                hint="run `readiness recover --target FILE` with the target file of that run, which names `kubernetes`",
            )
        undo(cluster, target, **params)

    return undo_in_cluster


def undoes(*actions: Undoable[...]) -> Callable[[_Known], _Known]:
    """Declare that a function for experiment files undoes these actions, so that a later recovery is not automatic."""

    def declare(function: _Known) -> _Known:
        setattr(function, "undoes", tuple(action.name for action in actions))  # noqa: B010 - of a function
        return function

    return declare


def is_undo(function: object) -> bool:
    """Whether a function for experiment files undoes actions."""
    return bool(getattr(function, "undoes", ()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A change that was not undone.

    Attributes:
        path: path of its file in the undo log, which is kept.
        what: description of the change; empty if the file cannot be read.
        why: reason why the change was not undone.
        hint: what to do; may be empty.
        understood: whether the file could be read.
        ended: True if the undo ran and failed, False if the target could not be reached.
        experiment, attempt: name of the experiment that made the change, and its attempt (0: not recorded).
    """

    path: Path
    what: str
    why: str
    understood: bool
    ended: bool = False
    hint: str = ""
    experiment: str = ""
    attempt: int = 0

    @property
    def reason(self) -> str:
        """The reason why the change was not undone, and what to do."""
        return f"{self.why} (hint: {self.hint})" if self.hint else self.why

    def __str__(self) -> str:
        return f"{self.what or self.path.name}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovered:
    """Result of a recovery: texts about undone changes, and the changes that were not undone."""

    undone: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()

    def require_all(self, platform: Platform, target: Target) -> None:
        """Raise an error if a change was not undone.

        Args:
            platform: platform that was recovered.
            target: target of the recovery.

        Raises:
            Refused: an entry of the undo log cannot be read.
            DriverError: an undo failed, or the target's restore was not verified.
        """
        unclear = [str(one) for one in self.left if not one.understood]
        failed = [str(one) for one in self.left if one.understood]
        where = str(intents_directory(platform))
        if unclear:
            raise Refused(
                f"{len(unclear)} entries of the undo log cannot be read and were kept: {'; '.join([*unclear, *failed])}",
                where=where,
                hint="undo by hand what each file describes under `action` and `undo`, or use the version that wrote it; then delete the file",
            )
        if failed:
            raise DriverError(
                f"{platform.name} is not verified as restored: {'; '.join(failed)}",
                where=where,
                hint=f"restore the target by hand, then run `{recover_command(target)}`; if this state is intended, delete the entries",
            )


def undo_intent(cluster: Cluster | None, target: Target, intent: Intent) -> None:
    """Undo one intent in its cluster, else in the given cluster, and delete the intent.

    Raises:
        Refused: the undo is not known here; the intent is kept.
        HarnessError: the undo failed; the intent is kept.
    """
    known = _undoable(intent)
    params = {key: value for key, value in intent.undo.items() if key not in _RESERVED}
    if named := intent.undo.get(_WHERE):
        cluster = _cluster_at(target, str(named), cluster)
    try:
        known.undo(cluster, target, **params)
    except HarnessError:
        raise
    except Exception as error:  # the plugin's seam: an undo may be of any package
        raise DriverError(f"the undo `{known.name}` failed: {type(error).__name__}: {error}") from error
    strike_intent(intent)


def undo_now(cluster: Cluster | None, target: Target, *intents: Intent) -> None:
    """Undo intents of one cluster during a run, like `PendingUndos` at its end."""
    _undo_all(target, [(cluster, intent) for intent in intents])


def _undo_all(target: Target, pending: Iterable[tuple[Cluster | None, Intent]]) -> None:
    """Undo intents in a run and delete them; if one fails, the others are still undone.

    Undos are repeated while the API server does not answer, for `SILENT_S` in total; each runs at least once.

    Raises:
        HarnessError: the error of the first undo that failed, after all have run; its intent is kept.
    """
    deadline, failed = Deadline.after(SILENT_S), list[HarnessError]()
    for cluster, intent in pending:
        try:
            patiently(partial(undo_intent, cluster, target, intent), within_s=deadline.left_s)
        except HarnessError as error:
            failed.append(error)
    if failed:
        raise failed[0]


class PendingUndos:
    """Context manager for temporary changes; at its end all are undone, the last change first.

    Undos are repeated for `SILENT_S` in total while the API server does not answer, also after a failed undo.

    Args:
        target: target with the undo log.
        by: name of the part that needs the changes, such as `check network-policy`.
    """

    def __init__(self, target: Target, by: str) -> None:
        self._target = target
        self._by = by
        self._pending: list[tuple[Cluster, Intent]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        """Undo the changes.

        Raises:
            HarnessError: the error of the first undo that failed, after all have run; its entry stays in the undo log.
        """
        _undo_all(self._target, reversed(self._pending))

    def intend(self, action: Undoable[...], cluster: Cluster, what: str, /, **params: object) -> None:
        """Write to the undo log how to undo the next change in a cluster; for the arguments see `Undoable.intend`."""
        intent = action.intend(platform_of(self._target), self._by, what, cluster=cluster, **params)
        self._pending.append((cluster, intent))


def _cluster_at(target: Target, url: str, common: Cluster | None) -> Cluster:
    """The cluster with this API server address, found by the common context or a region's own context.

    Raises:
        DriverError: no context of the target leads to this address.
    """
    if common is not None and canonical(common.url) == canonical(url):
        return common
    if target.kubernetes is not None:
        for context in sorted({region.context for region in target.regions.values() if region.context}):
            with suppress(HarnessError):  # of a context that cannot be used another one may lead there
                found = Cluster.of(target.in_context(context))
                if canonical(found.url) == canonical(url):
                    return found
    raise DriverError(
        f"no context of the target leads to {url}, in whose cluster the change was made",
        where=str(target.file),
        hint="recover with the target file and the kubeconfig of the run that made the change",
    )


def _undoable(intent: Intent) -> Undoable[...]:
    name = str(intent.undo.get("do"))
    if (intent.module, name) not in _KNOWN:
        try:
            # after what is installed, as in the process that wrote it
            sys.path += [one for one in map(str, intent.undo.get(_MODULES, ())) if one not in sys.path]
            importlib.import_module(intent.module)
        except Exception as error:  # the same seam
            raise _unknown(intent, f"the module `{intent.module}` cannot be imported: {error}") from error
    if (intent.module, name) not in _KNOWN:
        raise _unknown(intent, f"`{intent.module}` has no undoable action `{name}`")
    return _KNOWN[intent.module, name]


def _unknown(intent: Intent, why: str) -> Refused:
    return Refused(
        why,
        where=str(intent_path(intent)),
        hint=f"undo the change by hand ({intent.action}), then delete the file",
    )


def recover(target: Target, platform: Platform | None = None, *, within_s: float = RECOVER_S) -> Recovered:
    """Undo every pending intent on the target's platform, newest first, also after a failed undo.

    Undos are repeated for `within_s` seconds, except an undo that ran and failed. The recovery may be repeated safely.

    Args:
        target: target to recover.
        platform: platform of the target; None: it is read from the target's files.
        within_s: seconds for which to try to reach a target that does not answer.

    Raises:
        ConfigurationError: `platform` is None, and the target's kubeconfig cannot be read.
    """
    platform = platform or platform_of(target)
    intents = pending_intents(platform)
    undone: list[str] = []
    left: dict[str, Left] = {}
    for _ in Deadline.after(within_s).ticks(_AGAIN_S):
        for intent in intents:
            why = _undone(target, intent)
            if why is None:
                undone.append(_line(intent))
                left.pop(intent.id, None)
            else:
                left[intent.id] = why
        again = {key for key, one in left.items() if one.understood and not one.ended}
        intents = [intent for intent in intents if intent.id in again]
        if not intents:
            break
    unclear = [Left(path=one.path, what="", why=one.why, understood=False) for one in unclear_intents(platform)]
    return Recovered(undone=tuple(undone), left=(*left.values(), *unclear))


def recover_command(target: Target) -> str:
    """The command to recover a target; without a file it recovers the target of the project, or the sandbox."""
    return shlex.join(["readiness", "recover", "--target", str(target.file)])


def _undone(target: Target, intent: Intent) -> Left | None:
    """Undo one intent; returns None if that worked."""
    try:
        undo_intent(Cluster.of(target) if target.kubernetes is not None else None, target, intent)
    except HarnessError as error:
        return Left(
            path=intent_path(intent),
            what=intent.action,
            why=error.what,
            hint=error.hint,
            understood=not isinstance(error, Refused),
            ended=isinstance(error, UndoFailed),
            experiment=intent.experiment,
            attempt=number if isinstance(number := intent.undo.get("attempt"), int) else 0,
        )
    return None


def _line(intent: Intent) -> str:
    """A text on what was undone, with its names and numbers; sentences and files are left out."""
    words = " ".join(
        str(value)
        for key, value in intent.undo.items()
        if key != _WHERE and isinstance(value, str | int) and " " not in str(value)
    )
    return f"{words} (after: {intent.action}, {intent.written})"
