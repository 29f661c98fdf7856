"""Matchers of labels as `filter` of Alertmanager's API has them: `severity="critical"`, `alertname=~Slow.*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

LabelTest = Callable[[Mapping[str, str]], bool]
_MATCHER: Final = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*')
_ESCAPED: Final = re.compile(r"\\(.)")


def matchers_of(texts: Iterable[str]) -> list[LabelTest]:
    """A test of labels for each text; all have to hold. A label that is not there counts as empty.

    Raises:
        ValueError: a text is no matcher.
    """
    return [_matcher(text) for text in texts]


def _matcher(text: str) -> LabelTest:
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f"bad matcher format: {text}")
    name, operator, value = found.groups()
    if value.startswith('"'):
        value = _ESCAPED.sub(lambda one: {"n": "\n"}.get(one[1], one[1]), value[1:-1])
    expected = not operator.startswith("!")
    if operator in ("=", "!="):
        return lambda labels: (labels.get(name, "") == value) is expected
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise ValueError(f"bad matcher format: {text}: {error}") from None
    return lambda labels: (pattern.fullmatch(labels.get(name, "")) is not None) is expected
