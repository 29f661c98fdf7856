"""Binary operators: arithmetic, comparisons and sets, between scalars and vectors.

Source: prometheus/prometheus promql/engine.go, VectorBinop and VectorAnd, VectorOr, VectorUnless.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .functions import unique
from .values import NAME, Labels, QueryError, Sample, Vector, labels_of, text_of, unnamed


def _divided(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
    return left / right


def _modulo(left: float, right: float) -> float:
    return math.nan if right == 0 or math.isinf(left) else math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan if left else math.inf


ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _modulo,
    "^": _power,
}
COMPARISON: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
SETS: Final = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Matching:
    """How the elements of two vectors find each other.

    Attributes:
        on: by `labels` only; else by all but these.
        labels: named by `on` or `ignoring`.
        many: the side that may have several elements for one of the other: "left", "right" or "".
        included: labels that are taken from the side of one.
        as_bool: whether a comparison gives 0 or 1 instead of leaving elements out.
    """

    on: bool = False
    labels: frozenset[str] = frozenset()
    many: str = ""
    included: tuple[str, ...] = ()
    as_bool: bool = False

    def signature(self, labels: Labels) -> Labels:
        """What two elements must have in common."""
        if self.on:
            return tuple(pair for pair in labels if pair[0] in self.labels)
        return tuple(pair for pair in labels if pair[0] not in self.labels and pair[0] != NAME)


def scalars(op: str, left: float, right: float) -> float:
    """Of two scalars; comparisons of them give 0 or 1."""
    return ARITHMETIC[op](left, right) if op in ARITHMETIC else float(COMPARISON[op](left, right))


def with_scalar(op: str, vector: Vector, scalar: float, matching: Matching, *, scalar_first: bool) -> Vector:
    """Evaluate an operator for each element of a vector and a scalar.

    A comparison keeps the elements for which it is true, with their values.
    """
    result = []
    for labels, value in vector:
        left, right = (scalar, value) if scalar_first else (value, scalar)
        if op in ARITHMETIC:
            result.append(Sample(unnamed(labels), ARITHMETIC[op](left, right)))
        elif matching.as_bool:
            result.append(Sample(unnamed(labels), float(COMPARISON[op](left, right))))
        elif COMPARISON[op](left, right):
            result.append(Sample(labels, value))
    return unique(result)


def sets(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Evaluate `and`, `unless` and `or`.

    Elements of the left that are, or are not, on the right; for `or` also those of the right that the left lacks.
    """
    there = {matching.signature(labels) for labels, _ in right}
    if op == "and":
        return [sample for sample in left if matching.signature(sample.labels) in there]
    if op == "unless":
        return [sample for sample in left if matching.signature(sample.labels) not in there]
    here = {matching.signature(labels) for labels, _ in left}
    return unique(left + [sample for sample in right if matching.signature(sample.labels) not in here])


def vectors(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Of each pair of elements that match.

    Raises:
        QueryError: an element matches several where the expression allows one.
    """
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    ones: dict[Labels, Sample] = {}
    for sample in one:
        signature = matching.signature(sample.labels)
        if (other := ones.setdefault(signature, sample)) is not sample:
            side = "left" if swapped else "right"
            both = f"[{text_of(sample.labels)}, {text_of(other.labels)}]"
            raise QueryError(
                f"found duplicate series for the match group {text_of(signature)} on the {side} hand-side of the operation: {both}"
                ";many-to-many matching not allowed: matching labels must be unique on one side"
            )
    result: dict[Labels, Sample] = {}
    for sample in many:
        signature = matching.signature(sample.labels)
        if signature not in ones:
            continue
        other = ones[signature]
        a, b = (other.value, sample.value) if swapped else (sample.value, other.value)
        value = ARITHMETIC[op](a, b) if op in ARITHMETIC else a
        if op in COMPARISON:
            holds = COMPARISON[op](a, b)
            if not matching.as_bool and not holds:
                continue
            value = float(holds) if matching.as_bool else a
        labels = _joined(op, sample.labels, other.labels, matching)
        if labels in result:
            hint = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            grouped = "multiple matches for labels: grouping labels must ensure unique matches"
            raise QueryError(grouped if matching.many else hint)
        result[labels] = Sample(labels, value)
    return list(result.values())


def _joined(op: str, many: Labels, one: Labels, matching: Matching) -> Labels:
    """The labels of a pair: those of the side of many, with what is taken from the side of one."""
    kept = unnamed(many) if op in ARITHMETIC or matching.as_bool else many
    if not matching.many:
        return tuple(pair for pair in kept if (pair[0] in matching.labels) is matching.on)
    given = dict(one)
    return labels_of({**dict(kept), **{name: given.get(name, "") for name in matching.included}})
