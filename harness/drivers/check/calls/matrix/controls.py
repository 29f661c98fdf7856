"""Calls with a right credential, which must be let in: without them a refusal is no evidence. What they write is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.classes import on_objects
from harness.drivers.check.calls.matrix.judging import let_in, may_have_acted, told
from harness.drivers.check.calls.matrix.made import MadeObject, Written
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
        maker: user who made this object.
        why: why it is not made; empty: it is.
    """

    operation: GuardedOperation
    right: Credential
    values: Mapping[str, Any] = field(default_factory=dict)
    maker: str = ""
    why: str = ""


class Controls:
    """The controls of one sentence.

    Args:
        callers: users with their credentials.
        operations: every operation of the target, by name.
    """

    def __init__(self, callers: RightCallers, operations: Iterable[GuardedOperation]) -> None:
        self._callers = callers
        self._by_name = {one.name: one for one in operations}
        self._written = Written(callers, self._by_name.values())

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
        if (made := self._object(one, param, right)) is not None:
            return Control(operation=one, right=right, values=made[0], maker=made[1])
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
            calls = [plan for number in chosen if (plan := plans[number]) is not None]
            for number, plan, answer in zip(chosen, calls, self._callers.sent(calls), strict=True):
                found[number] = answer
                self.wrote(controls[number], plan, answer)
        return found

    def plan(self, control: Control, headers: Mapping[str, str], *, owner: str = "") -> CallPlan:
        """A call of the operation of a control, on the same object. Raises NotMadeError."""
        user = owner or control.right.user
        return self._callers.plan(control.operation, headers, owner=user, values=control.values)

    def named(self, control: Control, answer: CallAnswer) -> str | None:
        """Id of the object that an answer names, of an operation below whose path there are objects; None: it names none."""
        param = self._written.param_below(control.operation.name.partition(" ")[2].rstrip("/"))
        return _id_in(answer, param) if param else None

    def read_of(self, control: Control, answer: CallAnswer) -> CallPlan | None:
        """The call that reads what an operation wrote: at its own path, below it, or above it; None: there is none."""
        path = control.operation.name.partition(" ")[2].rstrip("/")
        param = self._written.param_below(path)
        below = {param: made} if param and (made := _id_in(answer, param)) is not None else {}
        for place, values in ((f"{path}/{{{param}}}", below), (path, {}), (path.rpartition("/")[0], {})):
            one = self._by_name.get(f"GET {place}")
            if one is None or not one.inside or one.why or (place.endswith(f"/{{{param}}}") and not below):
                continue
            try:
                own = one.scopes <= control.right.scopes and control.right.kind in one.kinds
                by = control.right if own or one.access is OperationAccess.PUBLIC else self._callers.right(one)
                return self._callers.plan(
                    one, by.headers, owner=control.right.user, values={**control.values, **values}
                )
            except NotMadeError:
                continue
        return None

    def clean(self) -> FactReading | None:
        """Delete what was made, and say what is left; None: nothing was written."""
        return self._written.clean()

    def wrote(self, control: Control, plan: CallPlan, answer: CallAnswer, refused: str = "") -> None:
        """Remember what a call made, changed or deleted.

        Args:
            control: control of its operation.
            plan: the call.
            answer: its answer.
            refused: what the call carried that should have been refused; empty: it is the control.
        """
        one = control.operation
        words = f"{one.method} {plan.path.partition('?')[0]} {refused or f'by {control.right.words}'}"
        if one.reads or not let_in(answer):
            if not one.reads and not refused and may_have_acted(answer):
                self._written.leave(f"{words} ({told(answer)}: it may have been carried out)")
            return
        if one.method == "DELETE":
            gone = unquote(plan.path.partition("?")[0].rpartition("/")[2])
            if not self._written.gone(one.name.partition(" ")[2].rpartition("/{")[0], gone) and not control.values:
                self._written.leave(words)
        elif one.method == "POST" and (made := self._from(one, control.right, answer, control.values)) is not None:
            self._written.add(replace(made, refused=bool(refused)))
        elif not control.values:
            self._written.leave(words)

    def _object(self, one: GuardedOperation, param: str, right: Credential) -> tuple[Mapping[str, Any], str] | None:
        """Values of a new object for an operation, and the user who made it; None: none can be made."""
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
        made = self._from(maker, by, answer, {}, param) if let_in(answer) else None
        if made is None:
            self.wrote(Control(operation=maker, right=by), plan, answer)
            return None
        self._written.add(replace(made, owner=right.user))
        return {param: made.id}, by.user

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
        param = param or self._written.param_below(place)
        found = _id_in(answer, param) if param else None
        return None if found is None else MadeObject(by=one, place=place, id=found, right=right, values=values)


def refused_plan(callers: RightCallers, controls: Controls, control: Control, by: Credential) -> tuple[CallPlan, str]:
    """A call by a user who lacks a scope, and why it may be refused for its object instead; empty: it may not. Raises NotMadeError.

    It is on an object of this user where the file names one. A DELETE is always on that of the control.
    """
    one = control.operation
    if one.method == "DELETE" or by.user == control.right.user or on_objects(one, callers) is not True:
        return controls.plan(control, by.headers), ""
    if callers.owns(one, by.user):
        return callers.plan(one, by.headers, owner=by.user), ""
    why = f"its object is not of {by.words}, so it may be refused for that: name one in `identity.users.NAME.objects`"
    return controls.plan(control, by.headers), why


def of_right(callers: RightCallers, control: Control) -> bool:
    """Whether the object in the path of a control belongs to its user."""
    user = control.right.user
    return control.maker == user if control.values else callers.owns(control.operation, user)


def admitted(callers: RightCallers, control: Control, fact: FactReading, answer: CallAnswer) -> FactReading:
    """The fact of a call that must be let in.

    401 decides nothing where the token may have expired meanwhile, nor 403 where the object in its path may be another user's, or where
    the scope of the operation is not declared.
    """
    one = control.operation
    if fact.ok is False and answer.status == 401 and callers.expired(control.right.expires_s):
        return replace(fact, ok=None, observed=f"{fact.observed}, perhaps since its token had expired by then")
    if fact.ok is False and answer.status == 403 and not one.scopes and one.name not in callers.declared.protected:
        why = "perhaps since it needs a scope that neither the description nor `authorisation.scopes` names"
        return replace(fact, ok=None, observed=f"{fact.observed}, {why}")
    may_be = on_objects(one, callers) is not False and not of_right(callers, control)
    if fact.ok is False and answer.status == 403 and may_be:
        return replace(fact, ok=None, observed=f"{fact.observed}, perhaps since its object is not of this user")
    return fact


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
