"""Calls with a right credential, which must be let in: without them a refusal is no evidence. What they write is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.operations import GuardedOperation, OperationAccess
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.facts import FactReading

_NONE: Final = CallAnswer(status=0, seconds=0.0, why="not called")


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A call with a right credential.

    Attributes:
        operation, right: operation and credential.
        values: values of the parameters that name an object that was made for it.
        why: why it is not made; empty: it is.
    """

    operation: GuardedOperation
    right: Credential
    values: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeObject:
    """An object that the check has made: the operation and the path that made it, and its id."""

    by: GuardedOperation
    place: str
    id: str
    right: Credential
    values: Mapping[str, Any]


class Controls:
    """The controls of one sentence.

    Args:
        callers: users with their credentials.
        operations: every operation of the target, by name.
    """

    def __init__(self, callers: RightCallers, operations: Iterable[GuardedOperation]) -> None:
        self._callers = callers
        self._by_name = {one.name: one for one in operations}
        self._made: list[MadeObject] = []
        self._left: list[str] = []
        self._removed = 0

    def prepared(self, one: GuardedOperation, right: Credential) -> Control:
        """The control of an operation; an object is made for it where it changes one, or where no value is known."""
        param = one.inside[-1] if one.inside else ""
        if not param:
            return Control(operation=one, right=right)
        known = True
        try:
            self._callers.plan(one, right.headers, owner=right.user)
        except NotMadeError:
            known = False
        if one.reads and known:
            return Control(operation=one, right=right)
        if (values := self._object(one, param, right)) is not None:
            return Control(operation=one, right=right, values=values)
        why = ""
        if one.method == "DELETE":
            why = "its control would delete an object that the check has not made: the description has no POST that makes one"
        return Control(operation=one, right=right, why=why)

    def answers(self, controls: Sequence[Control]) -> list[CallAnswer]:
        """The answers to the controls; those that delete come last. What they make is kept for `clean`."""
        plans: list[CallPlan | None] = []
        found: list[CallAnswer] = [_NONE] * len(controls)
        for number, one in enumerate(controls):
            try:
                plans.append(None if one.why else self.plan(one, self._callers.fresh(one.right).headers))
            except NotMadeError as error:
                plans.append(None)
                found[number] = CallAnswer(status=0, seconds=0.0, why=f"not called: {error}")
            if one.why:
                found[number] = CallAnswer(status=0, seconds=0.0, why=f"not called: {one.why}")
        for deleting in (False, True):
            chosen = [
                number
                for number, plan in enumerate(plans)
                if plan is not None and (plan.method == "DELETE") is deleting
            ]
            sent = self._callers.sent([plan for number in chosen if (plan := plans[number]) is not None])
            for number, answer in zip(chosen, sent, strict=True):
                found[number] = answer
                self._written(controls[number], answer)
        return found

    def plan(self, control: Control, headers: Mapping[str, str], *, owner: str = "") -> CallPlan:
        """A call of the operation of a control, on the same object. Raises NotMadeError."""
        user = owner or control.right.user
        return self._callers.plan(control.operation, headers, owner=user, values=control.values)

    def clean(self) -> FactReading | None:
        """Delete what was made, and say what is left; None: nothing was written."""
        plans: list[tuple[MadeObject, CallPlan]] = []
        for made in self._made:
            try:
                plans.append((made, self._deletion(made)))
            except NotMadeError as error:
                self._left.append(f"{made.place}/{made.id} ({error})")
        answers = self._callers.sent([plan for _, plan in plans])
        for (made, _), answer in zip(plans, answers, strict=True):
            if 200 <= answer.status < 300 or answer.status in {404, 410}:
                self._removed += 1
            else:
                self._left.append(f"{made.place}/{made.id} (its deletion got {answer.status or answer.why})")
        if not self._removed and not self._left:
            return None
        left = (
            f"; left: {', '.join(self._left[:10])}{' and more' if len(self._left) > 10 else ''}" if self._left else ""
        )
        observed = f"{self._removed} objects made and deleted{left}"
        return FactReading(subject="what the calls wrote", expected="deleted, or named", observed=observed, ok=True)

    def _written(self, control: Control, answer: CallAnswer) -> None:
        """Remember what a control made, changed or deleted."""
        one = control.operation
        if one.reads or not 200 <= answer.status < 300:
            return
        if one.method == "DELETE":
            gone = str(control.values.get(one.inside[-1])) if one.inside else ""
            before = len(self._made)
            self._made = [made for made in self._made if made.id != gone]
            self._removed += before - len(self._made)
        elif one.method == "POST" and (made := self._from(one, control.right, answer, control.values)) is not None:
            self._made.append(made)
        elif not control.values:
            self._left.append(f"{one.name} by {control.right.words}")

    def _object(self, one: GuardedOperation, param: str, right: Credential) -> Mapping[str, Any] | None:
        """Values of a new object for an operation; None: none can be made."""
        path = one.name.partition(" ")[2]
        parent = path[: path.index(f"{{{param}}}")].rstrip("/")
        maker = self._by_name.get(f"POST {parent}")
        if maker is None or self._callers.may_call(maker):
            return None
        public = maker.access is OperationAccess.PUBLIC
        if public and not self._callers.administers(one):
            return None  # what everybody may make is not the user's own
        try:
            own = public or (maker.scopes <= right.scopes and right.kind in maker.kinds)
            by = right if own else self._callers.right(maker)
            plan = self._callers.plan(maker, {} if public else by.headers, owner=right.user)
        except NotMadeError:
            return None
        (answer,) = self._callers.sent([plan])
        if not 200 <= answer.status < 300:
            return None
        made = self._from(maker, by, answer, {}, param)
        if made is None:
            self._left.append(f"{maker.name} by {by.words}")
            return None
        self._made.append(made)
        return {param: made.id}

    def _from(
        self,
        one: GuardedOperation,
        right: Credential,
        answer: CallAnswer,
        values: Mapping[str, Any],
        param: str = "",
    ) -> MadeObject | None:
        """What an answer says that it made: its id in the body or in the header `Location`; None: it does not say."""
        place = one.name.partition(" ")[2].rstrip("/")
        param = param or self._param_below(place)
        found = _id_in(answer, param) if param else None
        if found is None:
            if not param and not values:
                self._left.append(f"{one.name} by {right.words}")
            return None
        return MadeObject(by=one, place=place, id=found, right=right, values=values)

    def _param_below(self, place: str) -> str:
        """The parameter behind a path: `id` for `/orders` where there is an operation on `/orders/{id}`; empty: there is none."""
        for name in self._by_name:
            path = name.partition(" ")[2]
            if path.startswith(f"{place}/{{") and path.endswith("}") and path.count("/") == place.count("/") + 1:
                return path.rpartition("/")[2][1:-1]
        return ""

    def _deletion(self, made: MadeObject) -> CallPlan:
        param = self._param_below(made.place)
        one = self._by_name.get(f"DELETE {made.place}/{{{param}}}")
        if one is None:
            raise NotMadeError("the description has no DELETE for it")
        if why := self._callers.may_call(one):
            raise NotMadeError(why)
        own = one.scopes <= made.right.scopes and made.right.kind in one.kinds
        by = made.right if own else self._callers.right(one)
        return self._callers.plan(one, by.headers, owner=made.right.user, values={**made.values, param: made.id})


def _id_in(answer: CallAnswer, param: str) -> str | None:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        for key in (param, "id"):
            if isinstance(value := body.get(key), str | int) and not isinstance(value, bool):
                return str(value)
    location = {name.lower(): value for name, value in answer.headers.items()}.get("location", "")
    last = unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    return last or None
