"""`refused-calls`: every operation of a class is called with credentials that must be refused, and with a right one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from harness import clock
from harness.drivers.check.calls.matrix.bench import Bench, CaseSetting, Forged
from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.cases import CASES
from harness.drivers.check.calls.matrix.classes import members_of
from harness.drivers.check.calls.matrix.controls import Control, Controls, admitted, of_right, refused_plan
from harness.drivers.check.calls.matrix.judging import admission, let_in, proves_nothing, refusal
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation, operations_of
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.check.claim import CheckFunction, claim
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.extras import TRUST, require
from harness.model.planned.need import RequiredKey
from harness.targets import Target

DESCRIBED: Final = RequiredKey(
    "api",
    "the operations are those of the API description",
    "API description",
    "write `api: {description: openapi.yaml}`",
)
IDENTIFIED: Final = RequiredKey(
    "identity", "calls with a right credential must be let in", "users with credentials", "write `identity: {users: …}`"
)
CALLS: Final = SentenceForm(
    "calls",
    "every call <case:noun>[ and the calls cover every <class:class>]",
    "Every operation of the class is called as the sentence says, and with a right credential, which must be let in.",
)
REFUSED: Final = " was refused with <status:status>"
"""End of the noun of calls that must be refused."""
PROTECTED: Final = "protected operation"


class CallsNoun(NamedTuple):
    """What calls carry, in words.

    Attributes:
        name: name of the sentence.
        words: words of the noun.
        cases: its cases, of `CASES`.
        of: class of the operations, where the sentence names none.
        status: status in the example.
    """

    name: str
    words: str
    cases: tuple[str, ...]
    of: str = PROTECTED
    status: str = "401"


_FORGED: Final = ("alg-none", "foreign-key", "altered")
_KEYS: Final = ("key-missing", "key-wrong", "key-revoked")
_TAKES_KEYS: Final = "operation that takes keys"
NOUNS: Final = (
    CallsNoun("calls-without-token", "without a token", ("missing",)),
    CallsNoun("calls-with-expired-token", "with an expired token", ("expired",)),
    CallsNoun("calls-with-alg-none", "with alg none", ("alg-none",)),
    CallsNoun("calls-by-foreign-key", "signed by a foreign key", ("foreign-key",)),
    CallsNoun("calls-with-altered-claim", "with an altered claim", ("altered",)),
    CallsNoun("calls-of-foreign-issuer", "of a foreign issuer", ("foreign-issuer",)),
    CallsNoun("calls-of-foreign-audience", "of a foreign audience", ("foreign-audience",)),
    CallsNoun("calls-with-revoked-token", "with a revoked token", ("revoked",)),
    CallsNoun(
        "calls-with-forged-token",
        "with alg none, past expiry, foreign key or altered claim",
        (*_FORGED, "expired"),
    ),
    CallsNoun(
        "calls-with-bad-token",
        "with a missing, expired, forged or revoked token",
        ("missing", *_FORGED, "expired", "revoked"),
    ),
    CallsNoun(
        "calls-with-refused-access-token",
        "with an expired, revoked or foreign-audience token",
        ("expired", "revoked", "foreign-audience"),
    ),
    CallsNoun("calls-without-scope", "without scope <scope:scope>", ("scope-without",), status="403"),
    CallsNoun("calls-with-scope-only", "with scope <scope:scope> only", ("scope-only",), status="403"),
    CallsNoun(
        "calls-to-others-object", "to another user's object", ("others-object",), "operation on objects", "403 or 404"
    ),
    CallsNoun("calls-without-key", "without an API key", ("key-missing",), _TAKES_KEYS),
    CallsNoun("calls-with-wrong-key", "with a wrong API key", ("key-wrong",), _TAKES_KEYS),
    CallsNoun("calls-with-revoked-key", "with a revoked API key", ("key-revoked",), _TAKES_KEYS),
    CallsNoun("calls-with-bad-key", "with a missing, wrong or revoked API key", _KEYS, _TAKES_KEYS),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixCall:
    """A call that must be refused: number of its control, what it carries, and why it may be refused for another reason."""

    control: int
    forged: Forged
    plan: CallPlan
    unsure: str = ""


def refused_calls(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation of the class is called with each credential of the case, and with a right one, which must be let in."""
    noun = next(one for one in NOUNS if one.name == params["noun"])
    expected = frozenset(int(word) for word in params["status"].split(" or "))

    def probe() -> Sequence[FactReading]:
        require(TRUST, "the call matrix", f"{target.file}: identity")
        callers, operations = RightCallers(target), operations_of(target)
        found = members_of(params.get("class", noun.of), operations, callers)
        bench = Bench(callers, operations, params)
        return [
            *(unknown_fact(one, why, expected) for one, why in found.unknown),
            *_CallMatrix(bench, noun.cases, expected).facts(found.chosen),
        ]

    return probe


def unknown_fact(one: GuardedOperation, why: str, expected: Collection[int]) -> FactReading:
    """The fact of an operation of which no call could be made."""
    words = f"refused with {' or '.join(map(str, sorted(expected)))}"
    return FactReading(subject=one.name, expected=words, observed=why, ok=None)


class _CallMatrix:
    """The calls of one sentence and their facts."""

    def __init__(self, bench: Bench, cases: Sequence[str], expected: frozenset[int]) -> None:
        self._bench = bench
        self._callers = bench.callers
        self._cases = cases
        self._expected = expected
        self._controls = Controls(bench.callers, bench.operations)

    def facts(self, operations: Sequence[GuardedOperation]) -> list[FactReading]:
        """A fact for each call, one for each operation whose calls cannot be made, and one on what was written."""
        facts, controls, calls = list[FactReading](), list[Control](), list[MatrixCall]()
        try:
            self._wait(operations)
            for one in operations:
                try:
                    control = self._control(one)
                except NotMadeError as error:
                    facts.append(unknown_fact(one, f"not called: {error}", self._expected))
                    continue
                controls.append(control)
                facts += self._add(control, len(controls) - 1, calls)
            answers = self._answered(calls, controls)
            expired = [self._callers.expired(call.forged.until_s) for call in calls]
            admitted_with = self._controls.answers(controls)
            refused = [call for call, answer in zip(calls, answers, strict=True) if not let_in(answer)]
            cached = self._cached(refused, controls, admitted_with)
        finally:
            written = self._controls.clean()
        for call, answer, late in zip(calls, answers, expired, strict=True):
            subject, label = controls[call.control].operation.name, call.forged.label
            fact = refusal(subject, label, answer, admitted_with[call.control], self._expected)
            why = "the token had expired by then" if late else call.unsure
            if why and (fact.ok or (fact.ok is False and late and answer.status == 401)):
                fact = replace(fact, ok=None, observed=f"{fact.observed}, but {why}")
            facts.append(fact)
        facts += cached
        facts += [
            admitted(
                self._callers,
                one,
                admission(one.operation.name, f"the right credential of {one.right.words}", answer),
                answer,
            )
            for one, answer in zip(controls, admitted_with, strict=True)
        ]
        return sorted(facts, key=lambda fact: fact.ok is not False) + ([written] if written is not None else [])

    def _cached(
        self, refused: Sequence[MatrixCall], controls: Sequence[Control], answers: Sequence[CallAnswer]
    ) -> list[FactReading]:
        """A fact for each read that is let in although it was refused before: a cache has the answer to the right credential."""
        reads = {call.control: call for call in reversed(refused) if controls[call.control].operation.reads}
        again = [call for call in reads.values() if let_in(answers[call.control])]
        facts = []
        for call, answer in zip(again, self._callers.sent([call.plan for call in again]), strict=True):
            if let_in(answer):
                label = f"{call.forged.label}, after the right credential"
                facts.append(
                    refusal(controls[call.control].operation.name, label, answer, answers[call.control], self._expected)
                )
        return facts

    def _wait(self, operations: Sequence[GuardedOperation]) -> None:
        """Make the tokens that take time before all others, which may expire meanwhile."""
        for case in ({"expired", "revoked"} & {*self._cases}) if operations else ():
            with suppress(NotMadeError):
                user = self._callers.any_user()
                of = CaseSetting(bench=self._bench, operation=operations[0], right=user, owned=False, base=user)
                list(CASES[case](of))

    def _control(self, one: GuardedOperation) -> Control:
        """The control of an operation; raises NotMadeError: it cannot be called with a right credential."""
        if one.why:
            raise NotMadeError(one.why)
        if why := self._callers.may_call(one):
            raise NotMadeError(why)
        kinds = (CredentialKind.KEY,) if self._cases[0].startswith("key-") else tuple(CredentialKind)
        return self._controls.prepared(one, self._callers.right(one, kinds=kinds))

    def _add(self, control: Control, number: int, calls: list[MatrixCall]) -> list[FactReading]:
        """Add the calls of an operation; returns a fact for each case that cannot be made."""
        one, facts = control.operation, list[FactReading]()
        for case in self._cases:
            try:
                base = self._base(control.right, case)
                owned = of_right(self._callers, control)
                of = CaseSetting(bench=self._bench, operation=one, right=control.right, owned=owned, base=base)
                for forged in CASES[case](of):
                    if forged.by is None:
                        plan, why = self._controls.plan(control, forged.headers, owner=forged.owner), ""
                    else:
                        plan, why = refused_plan(self._callers, self._controls, control, forged.by)
                    calls.append(MatrixCall(control=number, forged=forged, plan=plan, unsure=why))
            except NotMadeError as error:
                facts.append(unknown_fact(one, f"the case `{case}` could not be made: {error}", self._expected))
        return facts

    def _base(self, right: Credential, case: str) -> Credential:
        """The credential with the token that forged ones are made from: some user's, where the operation takes no tokens."""
        needs_none = case == "missing" or case.startswith("key-")
        return right if right.token is not None or needs_none else self._callers.any_user()

    def _answered(self, calls: Sequence[MatrixCall], controls: Sequence[Control]) -> list[CallAnswer]:
        """The answers; a call that was not refused as expected is sent again after its patience, and the second answer counts."""
        answers = self._sent(calls, controls)
        late = [
            number
            for number, (call, answer) in enumerate(zip(calls, answers, strict=True))
            if call.forged.patience_s and answer.status not in self._expected and not proves_nothing(answer)
        ]
        if late:
            clock.sleep(max(calls[number].forged.patience_s for number in late))
            again = self._sent([calls[number] for number in late], controls)
            for number, answer in zip(late, again, strict=True):
                answers[number] = answer
        return answers

    def _sent(self, calls: Sequence[MatrixCall], controls: Sequence[Control]) -> list[CallAnswer]:
        """The answers; what a call wrote that should have been refused is kept for the end."""
        found: dict[int, CallAnswer] = {}
        for door in dict.fromkeys(call.forged.door for call in calls):
            own = [number for number, call in enumerate(calls) if call.forged.door == door]
            found |= zip(own, self._callers.sent([calls[number].plan for number in own], door=door), strict=True)
        answers = [found[number] for number in range(len(calls))]
        for call, answer in zip(calls, answers, strict=True):
            self._controls.wrote(controls[call.control], call.plan, answer, call.forged.label)
        return answers


_PLANNED: Final[Mapping[str, Any]] = {
    "needs": (DESCRIBED, IDENTIFIED),
    "seconds": 6.0,
    "touches": ("entry",),
    "again": False,
}


def _claimed(read: CheckFunction) -> None:
    """Put the form with each noun on the function of the check."""
    claim(
        "a token of the one issuer is accepted by every service and one of another issuer by none",
        name="one-issuer",
        about="Every operation that takes tokens is called with a right token, and with a token that another issuer has signed.",
        fixed={"noun": "calls-of-foreign-issuer", "status": "401"},
    )(read)
    for number, noun in enumerate(NOUNS):
        scope = noun.words.replace("<scope:scope>", "READ")
        claim(
            CALLS,
            noun.words + REFUSED,
            name=noun.name,
            example=f"every call {scope} was refused with {noun.status} and the calls cover every {noun.of}",
            fixed={"noun": noun.name},
            **({} if number else _PLANNED),
        )(read)


_claimed(refused_calls)
