"""The declared matrix: which role is allowed to call which operation, from a file, else from roles and scopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from harness.drivers.check.calls.matrix.callers import RightCallers
from harness.drivers.check.calls.matrix.classes import NO_SCOPE, OPEN
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation, OperationAccess
from harness.errors import ConfigurationError
from harness.nearest import hint_with_nearest
from harness.targets.files.values import Name, OperationName, TargetSection
from harness.validation import validated

_FORBIDDEN: Final = frozenset({403})
"""Status of a refusal where the matrix names none."""
_Cell = Literal["allowed", "refused"] | Annotated[int, Field(ge=200, le=499)]


class MatrixFile(TargetSection):
    """The file of `authorisation.matrix`.

    Attributes:
        operations: answer to each role by operation: `allowed`, `refused`, or a status.
    """

    operations: Annotated[Mapping[OperationName, Mapping[Name, _Cell]], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class RolePair:
    """A role and an operation.

    Attributes:
        role: role.
        operation: operation.
        allowed: whether the role may call it; None: that is not declared.
        statuses: declared statuses; empty: any of 2xx.
        why: why it is not declared.
    """

    role: str
    operation: GuardedOperation
    allowed: bool | None
    statuses: frozenset[int] = frozenset()
    why: str = ""


def pairs_of(operations: Sequence[GuardedOperation], callers: RightCallers) -> list[RolePair]:
    """Every pair of a declared role and an operation that takes tokens, and every pair that the file names.

    Raises:
        ConfigurationError: no role is declared, or the file is invalid or names an unknown operation or role.
    """
    declared, where = callers.declared, f"{callers.target.file}: authorisation"
    if not declared.roles:
        hint = "write `authorisation: {roles: {viewer: [READ]}}`"
        raise ConfigurationError("no role is declared", where=f"{where}.roles", hint=hint)
    cells = _read(operations, callers) if declared.matrix else None
    found = [
        _of_file(one, role, cells) if cells is not None else _of_scopes(one, role, callers)
        for one in operations
        for role in declared.roles
        if _of_matrix(one) or (cells is not None and one.name in cells)
    ]
    if not found:
        hint = "write `security` in the API description"
        raise ConfigurationError("no operation of the API description takes tokens", where=where, hint=hint)
    return found


def _of_matrix(one: GuardedOperation) -> bool:
    return one.access is OperationAccess.UNKNOWN or (
        one.access is OperationAccess.PROTECTED and (CredentialKind.TOKEN in one.kinds or bool(one.why))
    )


_Cells = Mapping[str, Mapping[str, _Cell]]


def _read(operations: Sequence[GuardedOperation], callers: RightCallers) -> _Cells:
    path = callers.target.beside(callers.declared.matrix)
    ((document, file),) = validated([path], MatrixFile)
    names = [one.name for one in operations]
    for name, roles in file.operations.items():
        if name not in names:
            raise ConfigurationError(
                f"the API description has no operation `{name}`",
                where=document.where(("operations", name)),
                hint=hint_with_nearest(name, names),
            )
        for role in roles:
            if role not in callers.declared.roles:
                raise ConfigurationError(
                    f"the role `{role}` is not in `authorisation.roles`",
                    where=document.where(("operations", name, role)),
                    hint=hint_with_nearest(role, callers.declared.roles),
                )
    return file.operations


def _of_file(one: GuardedOperation, role: str, cells: _Cells) -> RolePair:
    cell = cells.get(one.name, {}).get(role)
    if cell is None:
        return RolePair(role=role, operation=one, allowed=None, why="the matrix does not say how it is answered")
    if isinstance(cell, int):
        return RolePair(role=role, operation=one, allowed=cell < 400, statuses=frozenset({cell}))
    return _pair(one, role, allowed=cell == "allowed")


def _of_scopes(one: GuardedOperation, role: str, callers: RightCallers) -> RolePair:
    if one.access is OperationAccess.UNKNOWN:
        return RolePair(role=role, operation=one, allowed=None, why=one.why or OPEN)
    if not one.scopes and one.name not in callers.declared.protected:
        return RolePair(role=role, operation=one, allowed=None, why=NO_SCOPE)
    return _pair(one, role, allowed=one.scopes <= {*callers.declared.roles[role]})


def _pair(one: GuardedOperation, role: str, *, allowed: bool) -> RolePair:
    statuses = frozenset[int]() if allowed else _FORBIDDEN
    return RolePair(role=role, operation=one, allowed=allowed, statuses=statuses)


def users_by_role(callers: RightCallers) -> Mapping[str, Sequence[str]]:
    """The users of the file by their roles; a declared role without a user has none."""
    found: dict[str, list[str]] = {role: [] for role in callers.declared.roles}
    for user in callers.tokens.identity.users:
        found.setdefault(callers.tokens.identity.role_of(user), []).append(user)
    return found
