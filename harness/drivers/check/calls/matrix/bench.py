"""What the cases of one sentence share: operations, callers, and tokens that are got once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.operations import GuardedOperation
from harness.errors import HarnessError
from harness.targets.files.identity import Special
from harness.targets.trust.grants import IssuedToken, unverified

_PROBES: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Forged:
    """A call's credential that must be refused.

    Attributes:
        label: what is wrong with it.
        headers: headers that carry it; they are not printed.
        owner: user whose objects are in the path.
        until_s: time on the wall clock at which the token that it is made from expires: a later refusal may be for that.
        patience_s: time after which a call that was let in is sent again, and the second answer counts.
        door: entry to which the call is sent; empty: that of the target.
        by: user who lacks a scope, and may call the operation on an object of its own; None: the object is that of `owner`.
    """

    label: str
    headers: Mapping[str, str] = field(repr=False)
    owner: str = ""
    until_s: float = math.inf
    patience_s: float = 0.0
    door: str = ""
    by: Credential | None = None


class Bench:
    """What the cases of one sentence share: the callers, the operations, and tokens that are got once.

    Args:
        callers: users with their credentials.
        operations: every operation of the target.
        params: parameters of the sentence.
    """

    def __init__(
        self, callers: RightCallers, operations: Sequence[GuardedOperation], params: Mapping[str, str]
    ) -> None:
        self.callers = callers
        self.operations = operations
        self.params = params
        self._once: dict[str, IssuedToken | str] = {}

    def once(self, name: str, make: Callable[[], IssuedToken]) -> IssuedToken:
        """A token that is made once. Raises NotMadeError each time, if it cannot be made."""
        if name not in self._once:
            try:
                self._once[name] = make()
            except NotMadeError as error:
                self._once[name] = str(error)
            except HarnessError as error:
                self._once[name] = error.what
        found = self._once[name]
        if isinstance(found, str):
            raise NotMadeError(found)
        return found

    def require_alive(self, credential: Credential) -> None:
        """Check that a credential is let in by some operation that its scopes allow, so that a refusal is no accident.

        Raises:
            NotMadeError: it is not.
        """
        if (refused := self.refusals_of(credential)) is not None:
            seen = "; ".join(refused) or "no read operation needs only its scopes"
            raise NotMadeError(f"{credential.words} was let in by no operation, so its refusals prove nothing: {seen}")

    def refusals_of(self, credential: Credential) -> Sequence[str] | None:
        """How reads that a credential's scopes allow refused it; None: one let it in; empty: there is no such read."""
        answers = list[str]()
        allowed = [
            one
            for one in self.operations
            if one.reads and credential.kind in one.kinds and one.scopes <= credential.scopes
        ]
        for one in sorted(allowed, key=lambda each: bool(each.inside))[:_PROBES]:
            try:
                plan = self.callers.plan(one, credential.headers, owner=credential.user)
            except NotMadeError:
                continue
            (answer,) = self.callers.sent([plan])
            if 200 <= answer.status < 300:
                return None
            answers.append(f"{one.name} got {answer.status or answer.why}")
        return answers

    def special(self, name: Special) -> IssuedToken:
        """A token that the target file declares. Raises NotMadeError: it declares none. Raises HarnessError: it cannot be got."""
        declared = self.callers.tokens.identity.tokens.get(name)
        if declared is None:
            raise NotMadeError(f"the target file has no `identity.tokens.{name}`")
        if declared.client is not None and declared.user is not None:
            return self.callers.tokens.sign_in(declared.user, through=declared.client)
        if declared.client is not None:
            return self.callers.tokens.of_client(declared.client)
        place = declared.place
        assert place is not None  # noqa: S101 - for the type checker: the file has one of the two
        access = place.resolve()
        header, claims = unverified(access)
        return IssuedToken(of=f"identity.tokens.{name}", access=access, header=header, claims=claims)


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseSetting:
    """What a case is made for.

    Attributes:
        bench: what is shared.
        operation: operation.
        right: a credential that the operation lets in.
        owned: whether the object in its path belongs to the user of this credential.
        base: credential with the token that forged ones are made from; that of the operation, if it takes tokens.
    """

    bench: Bench
    operation: GuardedOperation
    right: Credential
    owned: bool
    base: Credential
