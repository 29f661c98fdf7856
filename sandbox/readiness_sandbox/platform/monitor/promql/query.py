"""A PromQL expression: parsed by Prometheus' grammar, checked, evaluated at one moment.

What is not evaluated here is refused by name when the expression is read, not when a rule needs it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, cast

import promql_parser as grammar

from ..storage import LabelMatcher, Storage, StoredSeries
from . import binary, functions
from .functions import without_name
from .values import NAME, Labels, PromqlError, QueryError, Range, Sample, Value, Vector, is_stale, labels_of

LOOKBACK_S: Final = 300.0
"""An instant selector takes the newest sample that is younger."""
AGGREGATIONS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "sum": functions.total,
    "avg": lambda values: sum(values) / len(values),
    "min": lambda values: min((value for value in values if not math.isnan(value)), default=math.nan),
    "max": lambda values: max((value for value in values if not math.isnan(value)), default=math.nan),
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}
_KNOWN_LABELS: Final = 1 << 16
"""Of so many series it is remembered which labels an aggregation keeps: rules ask for the same ones each second."""
_ON_VECTORS: Final = frozenset({"absent", "scalar", "sort", "sort_desc", "timestamp"})
_OTHERS: Final = frozenset(
    {"absent_over_time", "histogram_quantile", "label_join", "label_replace", "quantile_over_time", "time", "vector"}
)
FUNCTIONS: Final = frozenset({*functions.OVER_RANGE, *functions.OF_EACH, *_ON_VECTORS, *_OTHERS})
_OPERATORS: Final = frozenset({*binary.ARITHMETIC, *binary.COMPARISON, *binary.SETS})


_MOST_KEPT: Final = 100
"""Elements of the largest aggregation that is kept."""
PastVectors = dict[tuple[str, float, float], Vector]
"""What aggregations were, by text, moment and lookback, both in seconds."""


class PromqlQuery:
    """One expression.

    Args:
        text: PromQL.
        lookback_s: how old a sample may be for an instant selector.

    Raises:
        PromqlError: the text is no PromQL, or has what is not evaluated here.
    """

    def __init__(self, text: str, *, lookback_s: float = LOOKBACK_S) -> None:
        self.text = text
        self._lookback_s = lookback_s
        try:
            self._root = grammar.parse(text)
        except ValueError as error:
            raise PromqlError(f"parse error: {error}") from None
        _check(self._root)

    @property
    def expression(self) -> grammar.Expr:
        """The syntax tree."""
        return self._root

    @property
    def is_range(self) -> bool:
        """Whether its value is a range vector, of no series too."""
        return isinstance(self._root, grammar.MatrixSelector)

    def at(self, storage: Storage, now_s: float, past: PastVectors | None = None) -> Value:
        """Its value at a moment.

        Args:
            storage: all series.
            now_s: the moment, in seconds since 1970.
            past: what aggregations were at moments to which no sample is added any more; None: nothing is looked up, nor kept.

        Raises:
            QueryError: the samples do not allow it, as elements that match several others, or numbers that Python cannot compute with.
        """
        try:
            return _Evaluation(storage, now_s, self._lookback_s, past).of(self._root)
        except (ArithmeticError, ValueError) as error:
            raise QueryError(f"{self.text}: {error}") from error

    def vector(self, storage: Storage, now_s: float) -> Vector:
        """Its value as a rule takes it: a scalar is a vector of one element.

        Raises:
            QueryError: as `at`, and where it is neither.
        """
        value = self.at(storage, now_s)
        if isinstance(value, float):
            return [Sample((), value)]
        if isinstance(value, str) or any(isinstance(each, Range) for each in value):
            raise QueryError("rule result is not a vector or scalar")
        return cast("Vector", value)


def _check(node: grammar.Expr) -> None:
    """Refuse by name what is not evaluated here."""
    if (why := _refusal(node)) is not None:
        raise PromqlError(f"{why} is not supported by this evaluator")
    if isinstance(node, grammar.VectorSelector):
        for matcher in matchers_of(node):
            matcher.test()
    for child in _children(node):
        _check(child)


def _children(node: grammar.Expr) -> list[grammar.Expr]:
    match node:
        case grammar.BinaryExpr():
            return [node.lhs, node.rhs]
        case grammar.AggregateExpr() | grammar.UnaryExpr() | grammar.ParenExpr():
            return [node.expr]
        case grammar.Call():
            return list(node.args)
        case grammar.MatrixSelector():
            return [node.vector_selector]
        case _:
            return []


def _refusal(node: grammar.Expr) -> str | None:
    why = None
    match node:
        case grammar.VectorSelector() if node.at is not None:
            why = "the modifier @"
        case grammar.VectorSelector() if node.matchers.or_matchers:
            why = "`or` between label matchers"
        case grammar.SubqueryExpr():
            why = "a subquery"
        case grammar.AggregateExpr() if str(node.op) not in AGGREGATIONS:
            why = f"the aggregation {node.op}"
        case grammar.BinaryExpr() if str(node.op) not in _OPERATORS:
            why = f"the operator {node.op}"
        case grammar.BinaryExpr() if node.modifier and _fills(node.modifier):
            why = "the modifier fill"
        case grammar.Call() if node.func.name not in FUNCTIONS:
            why = f"the function {node.func.name}"
    return why


def _fills(modifier: grammar.BinModifier) -> bool:
    return modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None


class _Evaluation:
    """One expression at one moment."""

    def __init__(self, storage: Storage, now_s: float, lookback_s: float, past: PastVectors | None) -> None:
        self._past = past
        self._storage = storage
        self._now_s = now_s
        self._lookback_s = lookback_s

    def of(self, node: grammar.Expr) -> Value:
        """The value of a node."""
        value: Value
        match node:
            case grammar.NumberLiteral() | grammar.StringLiteral():
                value = node.val
            case grammar.ParenExpr():
                value = self.of(node.expr)
            case grammar.UnaryExpr():
                value = self._negated(self.of(node.expr))
            case grammar.VectorSelector():
                value = [Sample(one.labels, number) for one, _, number in self._instant(node)]
            case grammar.MatrixSelector():
                value = self._ranges(node)
            case grammar.AggregateExpr():
                value = self._aggregated(node)
            case grammar.BinaryExpr():
                value = self._combined(node)
            case grammar.Call():
                value = self._called(node)
            case _:
                raise QueryError(f"unexpected expression {type(node).__name__}")
        return value

    def _vector(self, node: grammar.Expr) -> Vector:
        return cast("Vector", self.of(node))  # the grammar has checked the types

    def _negated(self, value: Value) -> Value:
        if isinstance(value, float):
            return -value
        return without_name([Sample(labels, -number) for labels, number in cast("Vector", value)])

    def _instant(self, node: grammar.VectorSelector) -> list[tuple[StoredSeries, float, float]]:
        """Series, time and value of each newest sample, unless too old or a stale marker."""
        at_s = self._now_s - _offset_s(node)
        found = []
        for one in self._storage.select(matchers_of(node)):
            if not one.times_s or one.times_s[-1] <= at_s - self._lookback_s:
                continue  # of a pod that is gone
            index = bisect_right(one.times_s, at_s) - 1
            if index < 0 or one.times_s[index] <= at_s - self._lookback_s or is_stale(one.values[index]):
                continue
            found.append((one, one.times_s[index], one.values[index]))
        return found

    def _ranges(self, node: grammar.MatrixSelector) -> list[Range]:
        end_s = self._now_s - _offset_s(node.vector_selector)
        start_s = end_s - node.range.total_seconds()
        found = []
        for one in self._storage.select(matchers_of(node.vector_selector)):
            times, values = one.within(start_s, end_s)
            if values:
                found.append(Range(one.labels, times, values, start_s, end_s))
        return found

    def _aggregated(self, node: grammar.AggregateExpr) -> Vector:
        """Kept for the past: the panels of a dashboard ask for several quantiles of one histogram."""
        if self._past is None:
            return self._groups(node)
        key = (str(node), self._now_s, self._lookback_s)
        found = self._past.get(key)
        if found is None:
            found = self._groups(node)
            if len(found) <= _MOST_KEPT:
                self._past[key] = found
        return found

    def _groups(self, node: grammar.AggregateExpr) -> Vector:
        groups: dict[Labels, list[float]] = {}
        modifier = node.modifier
        named = frozenset(modifier.labels) if modifier else frozenset[str]()
        keep = _all_but if modifier is not None and str(modifier.type).endswith("Without") else _only
        for labels, value in self._vector(node.expr):
            groups.setdefault(keep(labels, named), []).append(value)
        aggregate = AGGREGATIONS[str(node.op)]
        return [Sample(labels, aggregate(values)) for labels, values in groups.items()]

    def _combined(self, node: grammar.BinaryExpr) -> Value:
        op, left, right = str(node.op), self.of(node.lhs), self.of(node.rhs)
        if isinstance(left, float) and isinstance(right, float):
            return binary.scalars(op, left, right)
        matching = _matching(node.modifier)
        if isinstance(left, float):
            return binary.with_scalar(op, cast("Vector", right), left, matching, scalar_first=True)
        if isinstance(right, float):
            return binary.with_scalar(op, cast("Vector", left), right, matching, scalar_first=False)
        of_two = binary.sets if op in binary.SETS else binary.vectors
        return of_two(op, cast("Vector", left), cast("Vector", right), matching)

    def _called(self, node: grammar.Call) -> Value:
        name, args = node.func.name, list(node.args)
        if name in functions.OVER_RANGE:
            return self._over(name, args[0], functions.OVER_RANGE[name])
        if name in functions.OF_EACH:
            extra = [cast("float", self.of(each)) for each in args[1:]]
            function = functions.OF_EACH[name]
            return without_name([Sample(labels, function(value, *extra)) for labels, value in self._vector(args[0])])
        if name == "quantile_over_time":
            q = cast("float", self.of(args[0]))
            return self._over(name, args[1], lambda points: functions.quantile(q, points.values))
        return self._special(name, args)

    def _over(self, name: str, node: grammar.Expr, function: functions.Over) -> Vector:
        values = [(points.labels, function(points)) for points in cast("list[Range]", self.of(node))]
        vector = [Sample(labels, value) for labels, value in values if value is not None]
        return vector if name in functions.KEEPS_NAME else without_name(vector)

    def _special(self, name: str, args: Sequence[grammar.Expr]) -> Value:
        value: Value
        match name:
            case "time":
                value = self._now_s
            case "vector":
                value = [Sample((), cast("float", self.of(args[0])))]
            case "scalar":
                vector = self._vector(args[0])
                value = vector[0].value if len(vector) == 1 else math.nan
            case "sort" | "sort_desc":
                value = sorted(self._vector(args[0]), key=lambda one: one.value, reverse=name == "sort_desc")
            case "timestamp":
                value = self._timestamps(args[0])
            case "absent" | "absent_over_time":
                value = [] if self._vector(args[0]) else [Sample(_absent_labels(args[0]), 1.0)]
            case "histogram_quantile":
                value = functions.histogram_quantile(cast("float", self.of(args[0])), self._vector(args[1]))
            case _:
                first, *texts = map(self.of, args)
                relabel = functions.label_replace if name == "label_replace" else functions.label_join
                value = functions.unique(partial(relabel, cast("Vector", first))(*cast("list[str]", texts)))
        return value

    def _timestamps(self, node: grammar.Expr) -> Vector:
        """When the samples of a selector were taken; of anything else, now."""
        while isinstance(node, grammar.ParenExpr):
            node = node.expr
        if isinstance(node, grammar.VectorSelector):
            return without_name([Sample(one.labels, at_s) for one, at_s, _ in self._instant(node)])
        return without_name([Sample(labels, self._now_s) for labels, _ in self._vector(node)])


@lru_cache(maxsize=_KNOWN_LABELS)
def _only(labels: Labels, named: frozenset[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in named)


@lru_cache(maxsize=_KNOWN_LABELS)
def _all_but(labels: Labels, named: frozenset[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in named and pair[0] != NAME)


def matchers_of(node: grammar.VectorSelector) -> tuple[LabelMatcher, ...]:
    """The conditions of a selector, the name of the metric among them."""
    ops = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
    matchers = [LabelMatcher(one.name, ops[str(one.op).partition(".")[2]], one.value) for one in node.matchers.matchers]
    return (*([LabelMatcher(NAME, "=", node.name)] if node.name else []), *matchers)


def _offset_s(node: grammar.VectorSelector) -> float:
    return node.offset.total_seconds() if node.offset else 0.0


def _matching(modifier: grammar.BinModifier | None) -> binary.Matching:
    if modifier is None:
        return binary.Matching()
    labels, many = modifier.matching, str(modifier.card).partition(".")[2]
    return binary.Matching(
        on=labels is not None and str(labels.type).endswith("Include"),
        labels=frozenset(labels.labels) if labels else frozenset(),
        many={"ManyToOne": "left", "OneToMany": "right"}.get(many, ""),
        included=tuple(modifier.group_labels or ()),
        as_bool=modifier.return_bool,
    )


def _absent_labels(node: grammar.Expr) -> Labels:
    """The labels that a selector fixes with `=`, each named once; of other expressions none."""
    while isinstance(node, grammar.ParenExpr):
        node = node.expr
    if isinstance(node, grammar.MatrixSelector):
        node = node.vector_selector
    if not isinstance(node, grammar.VectorSelector):
        return ()
    matchers = [one for one in matchers_of(node) if one.name != NAME]
    names = [one.name for one in matchers]
    return labels_of({one.name: one.value for one in matchers if one.op == "=" and names.count(one.name) == 1})
