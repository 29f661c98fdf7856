"""`calls-sent-twice`: a write that is sent again with its key must have no second effect.

Each operation is called twice with one key, then with keys of their own: only what other keys do shows that the answers tell one effect from
two. Source: draft-ietf-httpapi-idempotency-key-header-07, section 2.6 (the second answer is the result of the first); RFC 9110, section 9.2.2.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness import clock
from harness.drivers.check.calls.matrix.callers import NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.classes import members_of
from harness.drivers.check.calls.matrix.controls import Control, Controls
from harness.drivers.check.calls.matrix.judging import UNAUTHENTICATED, let_in, proves_nothing, told
from harness.drivers.check.calls.matrix.operations import GuardedOperation, operations_of
from harness.drivers.check.calls.matrix.refused import CALLS, DESCRIBED, IDENTIFIED
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.extras import TRUST, require
from harness.targets import Target

_EXPECTED: Final = "one effect of two calls with one key"
_WRITE: Final = "write operation"
_FIRST, _AGAIN, _OTHER, _THIRD = range(4)
"""The calls of an operation: twice with the first key, then with a second one and a third."""
_AFTER, _STILL, _THEN = range(3)
"""What is read of its object: twice after the first call, and after the second one."""
_Told = tuple[bool | None, str]
"""Whether there was one effect, None for not known, and what shows it."""
_GONE: Final = frozenset({404, 410})
SETTLED_S: Final = 1.0
"""Time after a call before its object is read: a copy may lag behind."""


@claim(
    CALLS,
    "sent twice with one key had one effect",
    example="every call sent twice with one key had one effect and the calls cover every write operation",
    needs=(DESCRIBED, IDENTIFIED, within("authorisation.operations", "the scope of a write operation is declared")),
    seconds=4.0,
    touches=("entry",),
    again=False,
)
def calls_sent_twice(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation of the class is called twice with one Idempotency-Key and then with other keys: the second call must change nothing."""

    def probe() -> Sequence[FactReading]:
        require(TRUST, "the call matrix", f"{target.file}: identity")
        callers, operations = RightCallers(target), operations_of(target)
        found = members_of(params.get("class", _WRITE), operations, callers)
        return [
            *(_undecided(one, why) for one, why in found.unknown),
            *_CallsTwice(callers, Controls(callers, operations)).facts([one for one in found.chosen if not one.reads]),
        ]

    return probe


def _undecided(one: GuardedOperation, why: str) -> FactReading:
    return FactReading(subject=one.name, expected=_EXPECTED, observed=why, ok=None)


@dataclass(frozen=True, slots=True)
class _RepeatedCall:
    """The call of an operation with the answers to it, the objects that they name, and what was read of these; see `_FIRST` and `_AFTER`."""

    control: Control
    plan: CallPlan
    answers: list[CallAnswer] = field(default_factory=list)
    named: list[str | None] = field(default_factory=list)
    states: list[CallAnswer] = field(default_factory=list)

    @property
    def deletes(self) -> bool:
        """Whether it deletes its object: it is called twice and no more."""
        return self.plan.method == "DELETE"

    @property
    def own(self) -> bool:
        """Whether its object was made for it, or by it, so that no other client writes to it."""
        return bool(self.control.values) or self.named[_FIRST] is not None


class _CallsTwice:
    """The calls of one sentence, and their facts."""

    def __init__(self, callers: RightCallers, controls: Controls) -> None:
        self._callers = callers
        self._controls = controls

    def facts(self, operations: Sequence[GuardedOperation]) -> list[FactReading]:
        """A fact for each operation, and one on what was written."""
        facts, calls = list[FactReading](), list[_RepeatedCall]()
        try:
            for one in operations:
                try:
                    calls.append(self._call(one))
                except NotMadeError as error:
                    facts.append(_undecided(one, f"not called: {error}"))
            self._sent(calls)
        finally:
            written = self._controls.clean()
        facts += [self._fact(one) for one in calls]
        return sorted(facts, key=lambda fact: fact.ok is not False) + ([written] if written is not None else [])

    def _call(self, one: GuardedOperation) -> _RepeatedCall:
        """The call of an operation, by a user whom it lets in. Raises NotMadeError."""
        if why := one.why or self._callers.may_call(one):
            raise NotMadeError(why)
        control = self._controls.prepared(one, self._callers.right(one))
        if control.why:
            raise NotMadeError(control.why)
        return _RepeatedCall(control, self._controls.plan(control, control.right.headers))

    def _sent(self, calls: Sequence[_RepeatedCall]) -> None:
        """Send the calls, all of them with one key before the next, and read their objects in between; those that delete come last."""
        more, deletes = [one for one in calls if not one.deletes], [one for one in calls if one.deletes]
        first, second, third = (f"readiness-{uuid.uuid4().hex}" for _ in range(3))
        self._send(more, first)
        self._read(more)
        self._read(more)
        self._send(more, first)
        self._read(more)
        self._send(more, second)
        self._send(more, third)
        self._send(deletes, first)
        self._send(deletes, first)

    def _send(self, calls: Sequence[_RepeatedCall], key: str) -> None:
        """Send each call with a key."""
        for one, answer in zip(calls, self._callers.sent([_with(one, key) for one in calls]), strict=True):
            made = self._controls.named(one.control, answer)
            if made is None or made not in one.named:
                self._controls.wrote(one.control, one.plan, answer)
            one.answers.append(answer)
            one.named.append(made)

    def _read(self, calls: Sequence[_RepeatedCall]) -> None:
        """Read the object of each call, where the description says how."""
        reads = [(one, self._controls.read_of(one.control, one.answers[_FIRST])) for one in calls]
        chosen = [(one, plan) for one, plan in reads if plan is not None]
        if chosen:
            clock.sleep(SETTLED_S)
        for (one, _), state in zip(chosen, self._callers.sent([plan for _, plan in chosen]), strict=True):
            one.states.append(state)

    def _fact(self, call: _RepeatedCall) -> FactReading:
        one, (first, again) = call.control.operation, call.answers[: _AGAIN + 1]
        if not let_in(first):
            return _undecided(one, f"the first call got {told(first)}, so the second one proves nothing")
        seen = f"{told(first)}, then {told(again)}"
        if proves_nothing(again) or again.status == UNAUTHENTICATED:
            return _undecided(one, f"{seen}, which proves nothing")
        if call.deletes:
            return FactReading(
                subject=one.name, expected=_EXPECTED, observed=seen, ok=let_in(again) or again.status in _GONE or None
            )
        if not let_in(again):
            return FactReading(
                subject=one.name, expected=_EXPECTED, observed=f"{seen}: the second call was refused", ok=True
            )
        ok, why = _compared(call)
        return FactReading(subject=one.name, expected=_EXPECTED, observed=f"{seen}: {why}", ok=ok)


def _compared(call: _RepeatedCall) -> _Told:
    """Whether two calls that were both carried out had one effect, and what shows it."""
    return _by_names(call) or _by_effect(call) or _by_answers(call)


def _by_names(call: _RepeatedCall) -> _Told | None:
    """By the objects that the answers name, if they are other ones."""
    first, again, other, _ = call.named
    if first and again and first != again:
        return False, f"the first call made {first}, the second one with the same key {again}"
    if first and other and first == again and other != first:
        return True, f"both made {first}, a call with another key {other}"
    return None


def _by_effect(call: _RepeatedCall) -> _Told | None:
    """By a counter that has grown, or an object that has changed; of an object that others may write to that proves nothing."""
    shown = _grown(call) or _changed(call)
    if not shown:
        return None
    if call.own:
        return False, shown
    return None, f"{shown}; others may have written to it: describe a POST that makes such an object"


def _by_answers(call: _RepeatedCall) -> _Told:
    """By the answers: those to one key are alike, and something shows that those to two effects would not be."""
    first, again, other = (_value(answer) for answer in call.answers[:_THIRD])
    if first != again:
        return None, "the second answer with the same key is another one, expected the first one again"
    refused = call.answers[_OTHER]
    if proves_nothing(refused) or refused.status == UNAUTHENTICATED:
        return None, f"a call with another key got {told(refused)}, so nothing shows that a second effect would be seen"
    if not let_in(refused):
        return True, f"both answers are alike, and a call with another key got {told(refused)}"
    if other != first:
        return True, "both answers are alike, and that to another key is not"
    if _is_read(call):
        return True, "both answers are alike, and so is what was read after each"
    return None, "the answers are alike whatever the key, and the description has no GET of what was written"


def _with(call: _RepeatedCall, key: str) -> CallPlan:
    return replace(call.plan, headers={**call.plan.headers, call.control.operation.key_header: key})


def _value(answer: CallAnswer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer.body


def _counts(answer: CallAnswer) -> Mapping[str, int]:
    """The whole numbers of the JSON object of an answer, by key."""
    body = _value(answer) if let_in(answer) else None
    found = body.items() if isinstance(body, dict) else ()
    return {key: value for key, value in found if isinstance(value, int) and not isinstance(value, bool)}


def _grown(call: _RepeatedCall) -> str:
    """How a counter in the answers shows a second effect; empty: none does.

    It grew with the second call by as much as with each other key; or it grew twice as much up to the second key, with the second call
    between them, as up to the third.
    """
    answers = [_counts(answer) for answer in call.answers]
    for key in sorted(set[str](answers[_FIRST]).intersection(*answers)):
        first, again, other, third = (answer[key] for answer in answers)
        step = third - other
        if step and again - first == other - again == step:
            return f"`{key}` was {first}, and {again} after the second call with the same key"
        if step and first == again and other - first == 2 * step:
            return f"`{key}` grew by {other - first} from the first key to the second, and by {step} from that to the third"
    return ""


def _is_read(call: _RepeatedCall) -> bool:
    """Whether the object was read after the first call, and did not change by itself."""
    if len(call.states) <= _THEN or not all(let_in(one) for one in call.states):
        return False
    return bool(_value(call.states[_AFTER]) == _value(call.states[_STILL]))


def _changed(call: _RepeatedCall) -> str:
    """How what is read back shows a second effect; empty: it does not."""
    if not _is_read(call):
        return ""
    before, after = _value(call.states[_STILL]), _value(call.states[_THEN])
    if before == after:
        return ""
    both = isinstance(before, dict) and isinstance(after, dict)
    names = [f"`{name}`" for name in sorted({*before, *after}) if before.get(name) != after.get(name)] if both else []
    return f"{', '.join(names) or 'what is read back'} changed with the second call with the same key"
