"""`role-matrix` and `role-scopes`: what each role may do, by its calls and by its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.controls import Control, Controls, admitted, refused_plan
from harness.drivers.check.calls.matrix.declared import RolePair, pairs_of, users_by_role
from harness.drivers.check.calls.matrix.judging import admission, let_in, proves_nothing, refusal
from harness.drivers.check.calls.matrix.operations import STANDARD, operations_of
from harness.drivers.check.calls.matrix.refused import DESCRIBED, IDENTIFIED
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target

_ROLES = within("authorisation.roles", "the scopes of each role are declared")
_NOT_CALLED = CallAnswer(status=0, seconds=0.0, why="not called")


@claim(
    "every pair of role and operation was answered as the declared matrix says",
    needs=(DESCRIBED, IDENTIFIED, _ROLES),
    seconds=5.0,
    touches=("entry",),
    again=False,
)
def role_matrix(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation is called by a user of every role; roles with the scopes that it needs are let in, others get 403."""
    del params

    def probe() -> Sequence[FactReading]:
        callers, operations = RightCallers(target), operations_of(target)
        return _RoleMatrix(callers, Controls(callers, operations)).facts(pairs_of(operations, callers))

    return probe


@dataclass(frozen=True, kw_only=True, slots=True)
class _RefusedPair:
    """A call that must be refused.

    Attributes:
        pair, control, plan: the call, and the control of its operation.
        until_s: time on the wall clock at which its token expires.
        unsure: why it may be refused for another reason; empty: it may not.
    """

    pair: RolePair
    control: Control
    plan: CallPlan
    until_s: float
    unsure: str


class _RoleMatrix:
    """The calls of all pairs, and their facts."""

    def __init__(self, callers: RightCallers, controls: Controls) -> None:
        self._callers = callers
        self._controls = controls
        self._users = users_by_role(callers)

    def facts(self, pairs: Sequence[RolePair]) -> list[FactReading]:
        """A fact for each pair, and one on what was written. The refused calls come first: the others may delete."""
        facts = [_not_decided(one, one.why) for one in pairs if one.allowed is None]
        try:
            allowed, named = self._prepared([one for one in pairs if one.allowed])
            facts += named
            refused, named = self._refusals([one for one in pairs if one.allowed is False], allowed)
            facts += named
            answers = self._callers.sent([one.plan for one in refused])
            for one, answer in zip(refused, answers, strict=True):
                self._controls.wrote(one.control, one.plan, answer, f"as {one.pair.role}")
            late = [self._callers.expired(one.until_s) for one in refused]
            right = self._controls.answers([control for _, control in allowed])
        finally:
            written = self._controls.clean()
        alive = {pair.role for (pair, _), answer in zip(allowed, right, strict=True) if let_in(answer)}
        controls: dict[str, CallAnswer] = {}
        for (pair, own), answer in zip(allowed, right, strict=True):
            fact = admission(pair.operation.name, f"as {pair.role}", answer, pair.statuses)
            facts.append(_plain(admitted(self._callers, own, fact, answer), answer))
            if let_in(answer) or pair.operation.name not in controls:
                controls[pair.operation.name] = answer
        for one, answer, expired in zip(refused, answers, late, strict=True):
            pair, control = one.pair, controls.get(one.pair.operation.name, _NOT_CALLED)
            fact = refusal(pair.operation.name, f"as {pair.role}", answer, control, pair.statuses)
            why = "" if pair.role in alive else "its token was let in by no operation, so it proves nothing"
            why = "its token had expired by then" if expired else why or one.unsure
            if why and (fact.ok or (fact.ok is False and expired and answer.status == 401)):
                fact = replace(fact, ok=None, observed=f"{fact.observed}, but {why}")
            facts.append(fact)
        return sorted(facts, key=lambda fact: fact.ok is not False) + ([written] if written is not None else [])

    def _prepared(self, pairs: Sequence[RolePair]) -> tuple[list[tuple[RolePair, Control]], list[FactReading]]:
        """The calls that must be let in, and a fact for each that cannot be made."""
        found, facts = list[tuple[RolePair, Control]](), list[FactReading]()
        for pair in pairs:
            try:
                credential = self._credential(pair)
                found.append((pair, self._controls.prepared(pair.operation, credential)))
            except NotMadeError as error:
                facts.append(_not_decided(pair, f"not called: {error}"))
        return found, facts

    def _refusals(
        self, pairs: Sequence[RolePair], allowed: Sequence[tuple[RolePair, Control]]
    ) -> tuple[list[_RefusedPair], list[FactReading]]:
        """The calls that must be refused: on an object of their user, else on the object of those that must be let in."""
        on = {pair.operation.name: control for pair, control in reversed(allowed)}
        found, facts = list[_RefusedPair](), list[FactReading]()
        for pair in pairs:
            try:
                right = self._credential(pair)
                control = on.get(pair.operation.name, Control(operation=pair.operation, right=right))
                plan, unsure = refused_plan(self._callers, self._controls, control, right)
            except NotMadeError as error:
                facts.append(_not_decided(pair, f"not called: {error}"))
                continue
            found.append(_RefusedPair(pair=pair, control=control, plan=plan, until_s=right.expires_s, unsure=unsure))
        return found, facts

    def _credential(self, pair: RolePair) -> Credential:
        """The credential of a user of the role who owns an object of the operation, if one does; raises NotMadeError."""
        one, users = pair.operation, self._users[pair.role]
        if one.why:
            raise NotMadeError(one.why)
        if why := self._callers.may_call(one):
            raise NotMadeError(why)
        if not users:
            raise NotMadeError(f"`identity.users` has no user of the role `{pair.role}`")
        return self._callers.user(next((name for name in users if self._callers.owns(one, name)), users[0]))


def _plain(fact: FactReading, answer: CallAnswer) -> FactReading:
    """A call that must be let in and that got another status than 2xx, 401 and 403 decides nothing; its fact says so."""
    if fact.ok is None and not proves_nothing(answer):
        return replace(fact, observed=f"{fact.observed}, which says nothing about the role")
    return fact


def _not_decided(pair: RolePair, why: str) -> FactReading:
    words = {True: "let in", False: "refused", None: "a declared answer"}[pair.allowed]
    return FactReading(subject=pair.operation.name, expected=words, observed=f"as {pair.role}: {why}", ok=None)


@claim(
    "every role has exactly the scopes declared for it",
    needs=(IDENTIFIED, _ROLES),
    seconds=3.0,
)
def role_scopes(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The scopes of a token of every user, who asks for every scope that the file or the provider names, against those of the role."""
    del params

    def probe() -> Sequence[FactReading]:
        callers = RightCallers(target)
        declared = callers.declared.roles
        if not declared:
            raise ConfigurationError(
                "no role is declared", where=f"{target.file}: authorisation.roles", hint=_ROLES.hint
            )
        facts = list[FactReading]()
        for role, users in users_by_role(callers).items():
            words = " ".join(sorted({*declared.get(role, ())} - STANDARD))
            facts += [_scopes_fact(callers, user, role, words) for user in users]
            if not users:
                why = f"`identity.users` has no user of the role `{role}`"
                facts.append(FactReading(subject=f"role {role}", expected=words, observed=why, ok=None))
        return facts

    return probe


def _scopes_fact(callers: RightCallers, user: str, role: str, words: str) -> FactReading:
    subject = f"role {role}" if user == role else f"role {role} ({user})"
    try:
        found = _granted(callers, user)
    except (DriverError, ConfigurationError) as error:
        return FactReading(subject=subject, expected=words, observed=f"no token: {error.what}", ok=None)
    if found is None:
        why = "neither its token nor the answer with it names its scopes"
        return FactReading(subject=subject, expected=words, observed=why, ok=None)
    observed = " ".join(sorted(found - STANDARD)) or "none"
    return FactReading(subject=subject, expected=words, observed=observed, ok=observed == (words or "none"))


def _granted(callers: RightCallers, user: str) -> frozenset[str] | None:
    """The scopes that a user gets who asks for every known scope, at once or, where that is refused, one by one."""
    tokens, roles = callers.tokens, callers.declared.roles
    if tokens.identity.grant == "sign_in":
        return tokens.sign_in(user).scopes
    supported = tokens.provider.document.get("scopes_supported")
    every = {each for several in roles.values() for each in several} | {*callers.declared.operations.values()}
    every |= {*map(str, supported)} - STANDARD if isinstance(supported, list) else set()
    try:
        return tokens.sign_in(user, scopes=every).scopes
    except DriverError:
        found = set[str]()
        for scope in sorted(every):
            try:
                found |= tokens.sign_in(user, scopes=[scope]).scopes or set()
            except DriverError:
                continue
        if not found:
            raise
        return frozenset(found)
