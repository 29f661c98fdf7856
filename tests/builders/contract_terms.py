"""What a criterion says, taken apart: the contract's table has the same columns as these terms, so that a difference has a name."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_QUANTIFIER: Final = re.compile(
    r"every|each|all|any|no|none|both|never|only|nothing|neither|nor|without|once|alone|same"
)
_OPERATORS: Final = (
    r"at least|at most|is below|below|above|within|younger than|older than|later than|sooner than|more than|fewer than|longer than|"
    r"equal to|not over|under|over|between|apart|minimum of|maximum of"
)
_NUMBER: Final = r"(?<![\w.-])\d+(?:[.,]\d+)*(?: ?(?:%|ms|s|min|h|d|days?|months?|times|\u00d7|points?|Mi|Gi|requests/s)(?![\w-]))?(?![\w-])"
_UNITS: Final = {"\u00d7": "times", "days": "d", "day": "d"}
_DOMAIN: Final = re.compile(
    r"annotated|api-gateway|boundary|cache|cdn|cluster|component|container|database|deployment|device|disaster|domain|entry|environment|"
    r"experiment|fault|feature|frontend|gateway|image|log|manifest|member|namespace|network|node|operation|page|partition|platform|pod|"
    r"primary|reads|region|replica|role|route|rule|run|service|soak|spike|steady|store|table|target|topic|user|volume|window|workload|"
    r"write|zone"
)
"""What a sentence may be of; a name in quotes, and one with a hyphen and a digit such as `us-east-1`, are of the domain as well."""
_QUOTED: Final = r'"([^"]+)"'
_WORD: Final = r"[\w/.:#*'-]*\w"
_FILLING: Final = re.compile(
    r"a|an|and|are|as|at|by|for|from|has|have|in|is|it|its|of|on|or|that|the|their|then|they|to|was|were|with"
)


class Terms(NamedTuple):
    """The terms of one sentence, in its order; what it is of is sorted."""

    quantifier: str
    figure: str
    operator: str
    value: str
    domain: str


def terms(sentence: str) -> Terms:
    """Take a criterion apart; `(interpretation)` and the word that says how it is shown are no part of it."""
    text = re.sub(r"\s*\(interpretation[^()]*\)\s*$", "", sentence).removeprefix("ingested: ").lower()
    quoted = [name for names in re.findall(_QUOTED, text) for name in re.split(r",\s*", names)]
    text = re.sub(_QUOTED, " ", text)
    values, text = _taken(_NUMBER, text)
    operators, text = _taken(rf"\b(?:{_OPERATORS})\b", text)
    words = [word for word in re.findall(_WORD, text) if not _FILLING.fullmatch(word)]
    named = [word for word in words if _of_the_domain(word) or re.search(r"-\d", word)]
    quantifiers = [word for word in words if _QUANTIFIER.fullmatch(word)]
    figure = [word for word in words if word not in {*named, *quantifiers}]
    return Terms(
        quantifier=" ".join(quantifiers),
        figure=" ".join(figure),
        operator="; ".join(one.removeprefix("is ") for one in operators),
        value="; ".join(map(_unit, values)),
        domain="; ".join(sorted({_singular(one) for one in (*named, *quoted)})),
    )


def _taken(pattern: str, text: str) -> tuple[list[str], str]:
    """What the pattern finds, and the text without it."""
    return re.findall(pattern, text), re.sub(pattern, " ", text)


def _unit(value: str) -> str:
    """`7 d` for `7 days`, and `2 times` for the sign of a product."""
    number, _, unit = value.replace("%", " %").partition(" ")
    unit = unit.strip()
    return f"{number} {_UNITS.get(unit, unit)}".strip()


def _of_the_domain(word: str) -> bool:
    return bool(_DOMAIN.fullmatch(word) or _DOMAIN.fullmatch(word.removesuffix("s")))


def _singular(word: str) -> str:
    return word if _DOMAIN.fullmatch(word) else word.removesuffix("s") if _of_the_domain(word) else word
