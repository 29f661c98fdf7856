"""What the calls of a matrix wrote: objects that are deleted at its end, or by `readiness recover`, and what cannot be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.judging import proves_nothing, told
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.facts import FactReading
from harness.errors import DriverError
from harness.model import Intent
from harness.targets import Target, platform_of
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import strike_intent
from harness.targets.undo import undoable
from harness.words import some

_GONE = frozenset({404, 410})
_SHOWN = 10


def _delete(_cluster: Cluster | None, target: Target, *, path: str, user: str, kind: str) -> None:
    """Delete an object, also one that has been deleted already."""
    callers = RightCallers(target)
    try:
        by = _credential(callers, user, CredentialKind(kind))
    except NotMadeError as error:
        hint = f"delete {path} by hand, or try again"
        raise DriverError(f"{path} cannot be deleted: {error}", where=target.entry, hint=hint) from error
    (answer,) = callers.sent([CallPlan(method="DELETE", path=path, headers=by.headers)])
    if not 200 <= answer.status < 300 and answer.status not in _GONE:
        hint = "delete it by hand, or try again"
        raise DriverError(f"the deletion of {path} got {told(answer)}", where=target.entry, hint=hint)


def _credential(callers: RightCallers, user: str, kind: CredentialKind) -> Credential:
    if kind is CredentialKind.SESSION:
        return callers.session(of=user)
    return callers.key() if kind is CredentialKind.KEY else callers.user(user)


@undoable("make-object", undo=_delete)
def _made() -> None:
    """The call that makes the object has been answered: only its answer names the object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeObject:
    """An object that a call has made.

    Attributes:
        by, place, id: operation that made it, the path of this operation, and the object's id.
        right: credential of a user who may delete it.
        values: values of the parameters in `place`.
        refused: whether the call should have been refused, so that the object may be another user's.
        owner: user whose objects are in `place`.
    """

    by: GuardedOperation
    place: str
    id: str
    right: Credential
    values: Mapping[str, Any]
    refused: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class _Deletion:
    """How an object is deleted: by whom, with which call, and the entry of the undo log."""

    by: Credential
    plan: CallPlan
    intent: Intent


class Written:
    """What the calls of one sentence wrote.

    Args:
        callers: users with their credentials.
        operations: every operation of the target.
    """

    def __init__(self, callers: RightCallers, operations: Iterable[GuardedOperation]) -> None:
        self._callers = callers
        self._by_name = {one.name: one for one in operations}
        self._made: list[tuple[MadeObject, _Deletion]] = []
        self._left: dict[str, None] = {}
        self._removed = 0

    def leave(self, words: str) -> None:
        """Name what cannot be deleted."""
        self._left[words] = None

    def add(self, made: MadeObject) -> None:
        """An object was made: the undo log names it, if the description has an operation that deletes it."""
        try:
            by, plan = self._deletion(made)
        except NotMadeError as error:
            self.leave(f"{made.place}/{made.id} ({error})")
            return
        what = f"delete {made.place}/{made.id}, made by {made.by.name}"
        undo = {"path": plan.path, "user": by.user, "kind": str(by.kind)}
        intent = _made.intend(platform_of(self._callers.target), "check calls", what, **undo)
        self._made.append((made, _Deletion(by, plan, intent)))

    def gone(self, place: str, key: str) -> bool:
        """An object was deleted by a call: whether it was one that was made."""
        for number, (made, deletion) in enumerate(self._made):
            if (made.place, made.id) == (place, key):
                strike_intent(deletion.intent)
                del self._made[number]
                self._removed += 1
                return True
        return False

    def clean(self) -> FactReading | None:
        """Delete what was made, what is inside of others first, and say what is left; None: nothing was written."""
        for depth in sorted({made.place.count("/") for made, _ in self._made}, reverse=True):
            self._delete([one for one in self._made if one[0].place.count("/") == depth])
        self._made = []
        if not self._removed and not self._left:
            return None
        left = f"; left: {some([*self._left], _SHOWN)}" if self._left else ""
        observed = f"{self._removed} objects made and deleted{left}"
        return FactReading(subject="what the calls wrote", expected="deleted, or named", observed=observed, ok=True)

    def _delete(self, objects: list[tuple[MadeObject, _Deletion]]) -> None:
        plans = []
        for _, deletion in objects:
            try:
                headers = {**deletion.plan.headers, **self._callers.fresh(deletion.by).headers}
            except NotMadeError:
                headers = {**deletion.plan.headers}  # as it was
            plans.append(CallPlan(method="DELETE", path=deletion.plan.path, headers=headers, body=deletion.plan.body))
        for (made, deletion), answer in zip(objects, self._callers.sent(plans), strict=True):
            if 200 <= answer.status < 300 or (answer.status in _GONE and not made.refused):
                self._removed += 1
            else:
                self.leave(f"{made.place}/{made.id} (its deletion got {_why(answer)})")
            if not proves_nothing(answer):
                strike_intent(deletion.intent)

    def _deletion(self, made: MadeObject) -> tuple[Credential, CallPlan]:
        """The credential and the call that delete an object. Raises NotMadeError: there is no such call, or no credential for it."""
        param = self.param_below(made.place)
        one = self._by_name.get(f"DELETE {made.place}/{{{param}}}")
        if one is None:
            raise NotMadeError("the description has no DELETE for it")
        if why := self._callers.may_call(one):
            raise NotMadeError(why)
        own = one.scopes <= made.right.scopes and made.right.kind in one.kinds
        by = made.right if own else self._callers.right(one)
        values = {**made.values, param: made.id}
        return by, self._callers.plan(one, by.headers, owner=made.owner or made.right.user, values=values)

    def param_below(self, place: str) -> str:
        """The parameter behind a path: `id` for `/orders` where there is an operation on `/orders/{id}`; empty: there is none."""
        for name in self._by_name:
            path = name.partition(" ")[2]
            if path.startswith(f"{place}/{{") and path.endswith("}") and path.count("/") == place.count("/") + 1:
                return path.rpartition("/")[2][1:-1]
        return ""


def _why(answer: CallAnswer) -> str:
    again = ": `readiness recover` tries it again" if proves_nothing(answer) else ""
    return f"{answer.status or answer.why}{again}"
