"""What several figures ask of a run alike, found once: an account of the ledger, a recovery of one fault."""

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
    """Answer the same question about the same plan and evidence from memory: neither changes.

    Arguments are compared as objects, and kept, so that no other object can have their place in memory.
    """

    @wraps(ask)
    def known(plan: Plan, evidence: Evidence, /, *args: _Args.args, **named: _Args.kwargs) -> _Found:
        given = (plan, *args, *named.values())
        key = (ask, *map(_identity, given), *named)
        return evidence.once(key, lambda: (given, ask(plan, evidence, *args, **named)))[1]

    return known


def _identity(value: object) -> object:
    """What tells an argument apart: a word or a number by what it is, any other thing as an object."""
    return value if isinstance(value, str | int | float | None) else id(value)
