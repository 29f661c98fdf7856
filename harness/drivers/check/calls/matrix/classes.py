"""The classes of operations that a sentence is about; an operation of which it is not declared whether it belongs to one is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from harness.drivers.check.calls.matrix.callers import RightCallers
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation, OperationAccess
from harness.errors import ConfigurationError, DriverError
from harness.targets.files.identity import OperationClass

OPEN: Final = "neither public nor protected: write `security` in the description, or name it in `authorisation`"
NO_SCOPE: Final = (
    "the description names no scope for it, and neither `authorisation.scopes` nor `authorisation.protected` names it"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationsOfClass:
    """The operations of a class.

    Attributes:
        chosen: those that belong to it.
        unknown: those of which it is not declared whether they do, each with the reason.
    """

    chosen: Sequence[GuardedOperation]
    unknown: Sequence[tuple[GuardedOperation, str]]


_Belongs = Callable[[GuardedOperation, RightCallers], bool | str]
"""Whether an operation that is not public belongs to a class; a text says why that is unknown."""


def _protected(_one: GuardedOperation, _callers: RightCallers) -> bool | str:
    return True


def _changing(one: GuardedOperation, _callers: RightCallers) -> bool | str:
    return not one.reads


def _of_scope(name: OperationClass) -> _Belongs:
    def belongs(one: GuardedOperation, callers: RightCallers) -> bool | str:
        if (
            not one.scopes
            and one.kinds & {CredentialKind.TOKEN, CredentialKind.SESSION}
            and one.name not in callers.declared.protected
        ):
            return NO_SCOPE
        return callers.declared.operations[name] in one.scopes

    return belongs


def on_objects(one: GuardedOperation, callers: RightCallers) -> bool | str:
    """An operation whose path names an object of a user; operations of administrators are for the objects of all."""
    if not one.inside or one.name in callers.declared.shared:
        return False
    if callers.administers(one):
        return False
    if any(callers.owns(one, user) for user in callers.tokens.identity.users):
        return True
    return (
        f"its path has the parameter `{one.inside[-1]}`, which is not an object of a user (`identity.users.NAME.objects`), "
        "and `authorisation.shared` does not name it"
    )


def _taking_keys(one: GuardedOperation, _callers: RightCallers) -> bool | str:
    return CredentialKind.KEY in one.kinds


CLASSES: Final[Mapping[str, _Belongs]] = MappingProxyType(
    {
        "protected operation": _protected,
        "state-changing operation": _changing,
        "read operation": _of_scope("read"),
        "write operation": _of_scope("write"),
        "admin operation": _of_scope("admin"),
        "operation on objects": on_objects,
        "operation that takes keys": _taking_keys,
    }
)
"""Every class by its name in sentences."""


def members_of(name: str, operations: Sequence[GuardedOperation], callers: RightCallers) -> OperationsOfClass:
    """The operations of a class.

    Raises:
        ConfigurationError: no operation belongs to it, or the target file does not give it a scope.
    """
    word = name.partition(" ")[0]
    where = f"{callers.target.file}: authorisation"
    if word in {"read", "write", "admin"} and word not in callers.declared.operations:
        hint = f"write `authorisation: {{operations: {{{word}: {word.upper()}}}}}`"
        raise ConfigurationError(f"it is not declared which scope a {name} needs", where=where, hint=hint)
    chosen, unknown = list[GuardedOperation](), list[tuple[GuardedOperation, str]]()
    for one in operations:
        if one.access is OperationAccess.PUBLIC:
            continue
        belongs = CLASSES[name](one, callers)
        if one.access is OperationAccess.UNKNOWN and belongs is not False:
            unknown.append((one, one.why or OPEN))
        elif isinstance(belongs, str):
            unknown.append((one, belongs))
        elif belongs:
            chosen.append(one)
    if not chosen and not unknown:
        hint = "check `security` in the API description, and `authorisation` in the target file"
        raise DriverError(f"the API description has no {name}", where=where, hint=hint)
    return OperationsOfClass(chosen=chosen, unknown=unknown)
