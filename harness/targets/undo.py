"""Undoable actions, and the recovery of what was left broken: by the intents on disk, newest first, each as often as needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final, Generic, ParamSpec

from harness import clock
from harness.clock import Deadline
from harness.errors import Refused, TargetUnreachable
from harness.model import Intent
from harness.targets.intents import intents_directory, pending_intents, strike_intent, unclear_intents, write_intent
from harness.targets.kubernetes import Cluster
from harness.targets.target import Target

RECOVER_S: Final = 30.0
"""How long `recover` tries to reach a target that does not answer."""

P = ParamSpec("P")
Undo = Callable[..., None]
"""Called with the cluster, the target and the parameters of the intent. It sets a state, so doing it twice is safe."""


class Undoable(Generic[P]):
    """An action together with what undoes it. Calling it acts; `intend` must come first.

    Attributes:
        name: of the undo, as intents write it.
        module: that defines it: recovery imports it by this name.
        undo: undoes it, given cluster, target and the parameters of the intent.
    """

    def __init__(self, name: str, act: Callable[P, None], undo: Undo) -> None:
        self.name = name
        self.module = act.__module__
        self.undo = undo
        self._act = act

    def intend(self, target: Target, experiment: str, what: str, **params: str | int) -> Intent:
        """Put on disk how to undo what is about to be done.

        Args:
            target: what is acted on.
            experiment: who acts.
            what: what is about to be done, for people.
            params: of the undo.
        """
        return write_intent(target.name, experiment, what, {"do": self.name, **params}, module=self.module)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Act."""
        self._act(*args, **kwargs)


_KNOWN: Final[dict[tuple[str, str], Undoable[...]]] = {}
"""By module and name."""


def undoable(name: str, *, undo: Undo) -> Callable[[Callable[P, None]], Undoable[P]]:
    """Declare an action undoable: `undo` is what undoes it, `name` how intents refer to it."""

    def declare(act: Callable[P, None]) -> Undoable[P]:
        made = Undoable(name, act, undo)
        _KNOWN[made.module, name] = made
        return made

    return declare


def undo_intent(cluster: Cluster, target: Target, intent: Intent) -> None:
    """Undo one intent and strike it off.

    Raises:
        Refused: nothing here knows how to undo it; the intent stays.
        HarnessError: it did not work; the intent stays.
    """
    known = _undoable(intent)
    known.undo(cluster, target, **{key: value for key, value in intent.undo.items() if key != "do"})
    strike_intent(intent)


def _undoable(intent: Intent) -> Undoable[...]:
    name = str(intent.undo.get("do"))
    if (intent.module, name) not in _KNOWN:
        try:
            importlib.import_module(intent.module)
        except (ImportError, ValueError) as error:
            raise _unknown(intent, f"the module `{intent.module}` cannot be imported: {error}") from error
    if (intent.module, name) not in _KNOWN:
        raise _unknown(intent, f"`{intent.module}` has no undoable action `{name}`")
    return _KNOWN[intent.module, name]


def _unknown(intent: Intent, why: str) -> Refused:
    return Refused(
        why,
        where=str(intents_directory(intent.target) / f"{intent.id}.json"),
        hint=f"undo it by hand ({intent.action}), then delete the file",
    )


def recover(target: Target, *, within_s: float = RECOVER_S) -> list[str]:
    """Undo every pending intent on the target, newest first; returns what was undone, one line each.

    Called twice, or after half of it, it comes to the same.

    Raises:
        TargetUnreachable: the target did not answer within `within_s`; what is left stays on disk.
        Refused: some intents are not understood. All others were undone first, and these files are kept.
        HarnessError: an undo failed; those before it are done.
    """
    intents = pending_intents(target.name)
    undone: list[str] = []
    unclear = [f"{one.path.name}: {one.why}" for one in unclear_intents(target.name)]
    if intents:
        cluster, deadline = Cluster.of(target), Deadline.after(within_s)
        for intent in intents:
            try:
                undone.append(_undo_in_time(cluster, target, intent, deadline))
            except Refused as error:
                unclear.append(f"{intent.id}.json: {error.what} ({intent.action})")
    if unclear:
        raise Refused(
            f"{len(unclear)} entries of the undo log are not understood and were kept; {'; '.join(unclear)}",
            where=str(intents_directory(target.name)),
            hint="undo by hand what each file describes under `action` and `undo`, or use the version that wrote it; then delete the file",
        )
    return undone


def _undo_in_time(cluster: Cluster, target: Target, intent: Intent, deadline: Deadline) -> str:
    while True:
        try:
            undo_intent(cluster, target, intent)
        except TargetUnreachable:
            if deadline.over:
                raise
            clock.sleep(min(0.5, deadline.left_s))
        else:
            words = " ".join(str(value) for value in intent.undo.values())
            return f"{words} (after: {intent.action}, {intent.written})"
