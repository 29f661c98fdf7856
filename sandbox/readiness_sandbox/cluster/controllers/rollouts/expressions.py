"""Conditions of analysis metrics, in the part of expr-lang that they use.

    condition = ResultCondition.parse("len(result) > 0 && all(result, # < 0.05)")
    condition.holds([0.01])  ─▶ True

Served: numbers, strings, booleans, nil, lists, `result`, an index, `not and or && || !`, comparisons, `in`, `+ - * / %`, `a ? b : c`,
predicates of `all any none filter count` with `#`, and Argo's helpers. Nothing is passed to `eval`. Anything else is refused by name
when it is parsed, so that a condition which could not be evaluated stops a rollout before it begins.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Value = float | int | str | bool | None | list["Value"]
Scope = dict[str, Value]
Term = Callable[[Scope], Value]

_PIECE: Final = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)
        |(?P<text>"[^"\\]*"|'[^'\\]*')|(?P<name>[A-Za-z_][A-Za-z0-9_]*)
        |(?P<sign>&&|\|\||==|!=|<=|>=|\?\?|\*\*|\.\.|\?\.|[-+*/%<>!()\[\]{},#?:.|^=;]))""",
    re.VERBOSE,
)
_LONGEST: Final = 2000
_DEEPEST: Final = 50
_WORDS: Final = {"true": True, "false": False, "nil": None}
_PREDICATES: Final = frozenset({"all", "any", "none", "filter", "count"})
_RESERVED: Final = frozenset({"and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith", "let"})


class ConditionError(ValueError):
    """A condition that cannot be parsed, or that cannot be evaluated on this result."""


@dataclass(frozen=True, slots=True)
class ResultCondition:
    """A parsed condition."""

    text: str
    _term: Term

    @classmethod
    @lru_cache(maxsize=512)  # a controller reads all conditions of its Rollouts each time that one of them has changed
    def parse(cls, text: str) -> ResultCondition:
        """Parse it whole. Raises ConditionError, which names what is not served."""
        return cls(text, _Parser(text).parsed())

    def holds(self, result: Value) -> bool:
        """Whether the condition is true of a result: a number, or the list of a vector or a range.

        Raises:
            ConditionError: an index out of range, a comparison of unlike types, or a value that is not true or false.
        """
        value = self._term({"result": result})
        if not isinstance(value, bool):
            raise ConditionError(f"{self.text!r} gives {value!r}; hint: a condition must be true or false")
        return value


class _Parser:
    """Recursive descent; each rule returns a function of the scope."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise ConditionError(f"the condition has {len(text)} characters, at most {_LONGEST} are allowed")
        self._text = text
        self._pieces = _pieces(text)
        self._at = 0
        self._depth = 0

    def parsed(self) -> Term:
        term = self._ternary()
        if self._peek() is not None:
            raise self._unexpected()
        return term

    def _peek(self) -> str | None:
        return self._pieces[self._at] if self._at < len(self._pieces) else None

    def _accept(self, *signs: str) -> str | None:
        if (piece := self._peek()) not in signs:
            return None
        self._at += 1
        return piece

    def _expect(self, sign: str) -> None:
        if self._accept(sign) is None:
            raise self._unexpected(f"; hint: {sign!r} is expected there")

    def _unexpected(self, hint: str = "") -> ConditionError:
        piece = self._peek()
        what = "it ends too early" if piece is None else f"{piece!r} is not supported here"
        return ConditionError(f"condition {self._text!r}: {what}{hint}")

    def _ternary(self) -> Term:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ConditionError(f"condition {self._text!r}: nested deeper than {_DEEPEST} levels")
        test = self._either()
        if self._accept("?"):
            yes = self._ternary()
            self._expect(":")
            no = self._ternary()
            test = _chosen(test, yes, no)
        self._depth -= 1
        return test

    def _either(self) -> Term:
        term = self._both()
        while self._accept("||", "or"):
            term = _short(term, self._both(), stops_at=True)
        return term

    def _both(self) -> Term:
        term = self._negated()
        while self._accept("&&", "and"):
            term = _short(term, self._negated(), stops_at=False)
        return term

    def _negated(self) -> Term:
        turns = 0
        while self._accept("!", "not"):
            turns += 1
        term = self._compared()
        for _ in range(turns):
            term = _not(term)
        return term

    def _compared(self) -> Term:
        left = self._sum()
        sign = self._accept("==", "!=", "<", "<=", ">", ">=", "in")
        return left if sign is None else _compared(sign, left, self._sum())

    def _sum(self) -> Term:
        term = self._product()
        while sign := self._accept("+", "-"):
            term = _calculated(sign, term, self._product())
        return term

    def _product(self) -> Term:
        term = self._signed()
        while sign := self._accept("*", "/", "%"):
            term = _calculated(sign, term, self._signed())
        return term

    def _signed(self) -> Term:
        turns = 0
        while self._accept("-"):
            turns += 1
        term = self._indexed()
        return _calculated("-", _constant(0), term) if turns % 2 else term

    def _indexed(self) -> Term:
        term = self._single()
        while self._accept("["):
            index = self._ternary()
            self._expect("]")
            term = _item(term, index)
        return term

    def _single(self) -> Term:
        piece = self._peek()
        if piece is None or piece in _RESERVED:
            raise self._unexpected()
        self._at += 1
        if piece == "(":
            term = self._ternary()
            self._expect(")")
            return term
        if piece == "[":
            items = self._arguments("]")
            return lambda scope: [each(scope) for each in items]
        if piece[0].isalpha() or piece[0] == "_":
            return self._word(piece)
        return self._literal(piece)

    def _literal(self, piece: str) -> Term:
        if piece == "#":
            return lambda scope: _looked_up(scope, "#")
        if piece[0].isdigit() or (piece[0] == "." and len(piece) > 1 and piece[1].isdigit()):
            return _constant(float(piece) if re.search(r"[.eE]", piece) else int(piece))
        if piece[0] in "\"'":
            return _constant(piece[1:-1])
        self._at -= 1
        raise self._unexpected()

    def _word(self, name: str) -> Term:
        if name in _WORDS:
            return _constant(_WORDS[name])
        return self._called(name) if self._accept("(") else self._named(name)

    def _named(self, name: str) -> Term:
        if name != "result":
            raise ConditionError(f"condition {self._text!r}: {name!r} is unknown; hint: the measured value is `result`")
        return lambda scope: scope["result"]

    def _called(self, name: str) -> Term:
        if name in _PREDICATES:
            items = self._ternary()
            self._expect(",")
            braced = self._accept("{")
            test = self._ternary()
            if braced:
                self._expect("}")
            self._expect(")")
            return _predicate(name, items, test)
        if name not in _FUNCTIONS:
            known = ", ".join(sorted({*_FUNCTIONS, *_PREDICATES}))
            raise ConditionError(f"condition {self._text!r}: function {name!r} is not supported; hint: {known} are")
        function, arity = _FUNCTIONS[name]
        arguments = self._arguments(")")
        if len(arguments) != arity:
            raise ConditionError(f"condition {self._text!r}: {name} takes {arity} arguments, not {len(arguments)}")
        return lambda scope: function([each(scope) for each in arguments])

    def _arguments(self, end: str) -> list[Term]:
        found: list[Term] = []
        while not self._accept(end):
            if found:
                self._expect(",")
            found.append(self._ternary())
        return found


def _pieces(text: str) -> list[str]:
    found, at = [], 0
    stripped = text.rstrip()
    while at < len(stripped):
        match = _PIECE.match(stripped, at)
        if match is None:
            raise ConditionError(f"condition {text!r}: {stripped[at:].strip()[:1]!r} is not supported here")
        found.append(match[0].strip())
        at = match.end()
    return found


def _constant(value: Value) -> Term:
    return lambda _: value


def _looked_up(scope: Scope, name: str) -> Value:
    if name not in scope:
        raise ConditionError("# is used outside of a predicate; hint: all(result, # < 1)")
    return scope[name]


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(f"{value!r} is neither true nor false")
    return value


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConditionError(f"{value!r} is not a number")
    return value


def _items(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise ConditionError(f"{value!r} is not a list")
    return value


def _short(left: Term, right: Term, *, stops_at: bool) -> Term:
    def term(scope: Scope) -> Value:
        return stops_at if _truth(left(scope)) is stops_at else _truth(right(scope))

    return term


def _not(inner: Term) -> Term:
    return lambda scope: not _truth(inner(scope))


def _chosen(test: Term, yes: Term, no: Term) -> Term:
    return lambda scope: yes(scope) if _truth(test(scope)) else no(scope)


_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compared(sign: str, left: Term, right: Term) -> Term:
    """NaN compares false, but for `!=`, as in Go."""

    def term(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        if sign == "in":
            return any(_equal(one, each) for each in _items(other))
        if sign in _ORDER:
            return _ORDER[sign](_number(one), _number(other))
        return _equal(one, other) is (sign == "==")

    return term


def _equal(one: Value, other: Value) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def _calculated(sign: str, left: Term, right: Term) -> Term:
    def term(scope: Scope) -> Value:
        one, other = _number(left(scope)), _number(right(scope))
        try:
            return _ARITHMETIC[sign](one, other)
        except OverflowError:
            raise ConditionError(f"{sign} of numbers that are too large") from None

    return term


def _remainder(one: float, other: float) -> float:
    if not other or not (isinstance(one, int) and isinstance(other, int)):
        raise ConditionError(f"{one!r} % {other!r} is undefined; hint: % is for integers, not by 0")
    return int(math.fmod(one, other))


def _divided(one: float, other: float) -> float:
    one, other = float(one), float(other)
    if other:
        return one / other
    return math.nan if not one or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _remainder,
}


def _item(items: Term, index: Term) -> Term:
    def term(scope: Scope) -> Value:
        found, number = _items(items(scope)), index(scope)
        if isinstance(number, bool) or not isinstance(number, int):
            raise ConditionError(f"{number!r} is not an index")
        if not -len(found) <= number < len(found):
            raise ConditionError(f"index out of range: {number} (the list has {len(found)} items)")
        return found[number]

    return term


def _predicate(name: str, items: Term, test: Term) -> Term:
    def term(scope: Scope) -> Value:
        every = _items(items(scope))
        met = [each for each in every if _truth(test({**scope, "#": each}))]
        if name == "filter":
            return met
        if name == "count":
            return len(met)
        return {"all": len(met) == len(every), "any": bool(met), "none": not met}[name]

    return term


def _as_number(values: Sequence[Value]) -> float:
    value = values[0]
    try:
        return float(value) if isinstance(value, str) else float(_number(value))
    except ValueError:
        raise ConditionError(f"{value!r} is not a number") from None


def _as_integer(values: Sequence[Value]) -> int:
    number = _as_number(values)
    if not math.isfinite(number):
        raise ConditionError(f"{number!r} is not an integer")
    return int(number)


def _length(values: Sequence[Value]) -> int:
    value = values[0]
    return len(value) if isinstance(value, str) else len(_items(value))


_FUNCTIONS: Final[dict[str, tuple[Callable[[Sequence[Value]], Value], int]]] = {
    "len": (_length, 1),
    "isNaN": (lambda values: math.isnan(_number(values[0])), 1),
    "isInf": (lambda values: math.isinf(_number(values[0])), 1),
    "isNil": (lambda values: values[0] is None, 1),
    "asInt": (_as_integer, 1),
    "asFloat": (_as_number, 1),
    "default": (lambda values: values[1] if values[0] is None else values[0], 2),
    "abs": (lambda values: abs(_number(values[0])), 1),
}
