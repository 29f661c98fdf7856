"""Computes results that several figures need only once per run, such as the ledger account or the recovery from a fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from harness.model import Evidence, Plan

_Args = ParamSpec("_Args")
_Found = TypeVar("_Found")


def once_a_run(
    ask: Callable[Concatenate[Plan, Evidence, _Args], _Found],
) -> Callable[Concatenate[Plan, Evidence, _Args], _Found]:
    """Compute a result only once for the same plan, evidence and arguments; plan and evidence do not change.

    Texts, numbers and tuples of texts are compared by value, other arguments by identity; they are kept, so that no other object can get the same
    address in memory.
    """

    @wraps(ask)
    def known(plan: Plan, evidence: Evidence, /, *args: _Args.args, **named: _Args.kwargs) -> _Found:
        given = (plan, *args, *named.values())
        key = (ask, *map(_identity, given), *named)
        return evidence.once(key, lambda: (given, ask(plan, evidence, *args, **named)))[1]

    return known


def _identity(value: object) -> object:
    """The identity of an argument: the value of a text, a number or a tuple of texts, the address of any other object."""
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return value
    return value if isinstance(value, str | int | float | None) else id(value)
