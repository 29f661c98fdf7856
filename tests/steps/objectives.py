"""What a sentence means, in few words: limits are texts, and what is not named is as an objective has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from harness.model import Figure, Objective, Op, Phase, Quantity, Scope

STEADY, FAULT, RUN = Scope(), Scope(phase=Phase.FAULT), Scope(phase=Phase.RUN)
STEP, SWITCHED = Scope(phase=Phase.STEP), Scope(phase=Phase.SWITCHED)
BOTH: Final = ("reads", "writes")
REPORTED: Final[Mapping[str, Any]] = {"check": "load-report", "demand": "ingest"}
"""Of the load report that the scenario has read."""
_TIME: Final = re.compile(r"[\d.]+ (ms|s|min|h|d)")


def scaled(text: str) -> Quantity:
    """A length of time that the time scale divides."""
    return Quantity.parse(text, scaled=True)


def _quantity(value: Any) -> Any:
    return Quantity.parse(value) if isinstance(value, str) else value


def _objective(figure: Figure, op: Op, limit: str | Quantity, scope: Scope, fields: dict[str, Any]) -> Objective:
    lengths = {name: _quantity(fields.pop(name, None)) for name in ("tolerance", "window", "older_than")}
    times = {name: _quantity(one) for name, one in fields.pop("times", {}).items()}
    return Objective(
        figure=figure, op=op, limit=_quantity(limit), scope=scope, times=times, sentence="", **lengths, **fields
    )


def below(figure: Figure, limit: str | Quantity, scope: Scope = STEADY, **fields: Any) -> Objective:
    """A figure below its limit."""
    return _objective(figure, Op.BELOW, limit, scope, fields)


def at_most(figure: Figure, limit: str | Quantity, scope: Scope = STEADY, **fields: Any) -> Objective:
    """A figure of at most its limit."""
    return _objective(figure, Op.AT_MOST, limit, scope, fields)


def at_least(figure: Figure, limit: str | Quantity, scope: Scope = STEADY, **fields: Any) -> Objective:
    """A figure of at least its limit."""
    return _objective(figure, Op.AT_LEAST, limit, scope, fields)


def within(figure: Figure, limit: str, tolerance: str | None = None, scope: Scope = STEADY, **fields: Any) -> Objective:
    """A figure that is its limit, give or take."""
    return _objective(figure, Op.WITHIN, limit, scope, {**fields, "tolerance": tolerance})


def holds(figure: Figure, scope: Scope = STEADY, limit: str = "0", **fields: Any) -> Objective:
    """What is true or not."""
    return _objective(figure, Op.HOLDS, limit, scope, fields)


def fact(check: str, /, **params: str) -> Objective:
    """A check of the live target; lengths of time among its parameters are times, too."""
    times = {name: value for name, value in params.items() if _TIME.fullmatch(value)}
    return holds(Figure.CHECK, limit="1", check=check, params=params, times=times)


def static(check: str, /, **params: str) -> Objective:
    """A fact of the platform's files."""
    times = {name: value for name, value in params.items() if _TIME.fullmatch(value)}
    return holds(Figure.CHECK, limit="1", check=check, params=params, times=times, demand="static")


def lost(domains: str, *experiments: str, missing: str = "", operations: tuple[str, ...] = ()) -> Scope:
    """During the faults of these domains, by these experiments; one that the scenario does not run is missing."""
    return Scope(
        phase=Phase.FAULT,
        experiments=experiments,
        missing_experiments=(missing,) if missing else (),
        domains=tuple(domains.split()),
        operations=operations,
    )
