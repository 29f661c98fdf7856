"""How severe a finding of SARIF may be: all that its score, its level where that is a severity, and other words of its tool say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.drivers.ingest.formats.plain import number, words
from harness.errors import DriverError

LEVELS: Final[Mapping[str, float]] = {"critical": 9.0, "high": 7.0, "moderate": 4.0, "medium": 4.0, "low": 0.1}
"""The least severity (0 to 10, as of CVSS) that each word stands for."""
_MOST: Final = 10.0
_Span = tuple[float, float]
UNSAID: Final[_Span] = (0.0, _MOST)
"""Nothing that is known says how severe it is."""
OF_LEVEL: Final[Mapping[str, _Span]] = {
    "error": (7.0, _MOST),
    "warning": (4.0, 6.9),
    "note": (0.1, 3.9),
    "none": (0.0, 0.0),
}
"""From and to which severity a level may mean, where it is made from one: scanners write high and critical as `error`."""
_OF_TOOL: Final[Mapping[str, Mapping[str, _Span]]] = {
    "trivy": OF_LEVEL,  # `toSarifErrorLevel`
    "semgrep": OF_LEVEL,  # `_rule_to_sarif_severity`
    "devskim": OF_LEVEL,  # `DevSkimLevelToSarifLevel`
    "grype": {**OF_LEVEL, "note": UNSAID},  # `levelValue`: a severity that it does not know is a note, too
    "snyk": {**OF_LEVEL, "warning": (0.1, 6.9)},  # `getLevel`, and `getIssueLevel`, which writes low as a warning
    "osv-scanner": {},  # `warning` for all
    "checkov": {},  # `error` for all that failed, where the platform gives no severity
    "clair": {},  # `error` for all
    "brakeman": {},  # how sure it is
    "govulncheck": {},  # what is reached
    "codeql": OF_LEVEL,
    "gosec": {},  # `getSarifLevel`: medium is an error, too
}
"""How the names of tools begin, and what each level of them means, as their sources show; empty: it is no severity."""
_APART: Final = ("codeql",)
"""Tools whose level is another thing where they write a score: CodeQL has `problem.severity`, and a score for what is of security."""
_OF_OTHERS: Final[Mapping[str, _Span]] = {"error": OF_LEVEL["error"]}
"""Of other tools an error is serious, as the standard has it; that a lesser level is of a lesser severity is not known."""
_OF_WORD: Final[Mapping[str, _Span]] = {
    "critical": (9.0, _MOST),
    "high": (7.0, 8.9),
    "moderate": (4.0, 6.9),
    "medium": (4.0, 6.9),
    "low": (0.1, 3.9),
}
_AS_LEVEL: Final = frozenset(
    {"", "error", "warning", "note", "none", "info", "information", "informational", "recommendation", "style"}
)
"""Words for a severity that say no more than the level beside them."""
_SCORE: Final = "security-severity"
_TAGS: Final = ".tags"
_SPEAKS: Final = ("severity", "criticality", "priority")
"""Parts of the names of properties that say how severe something is: a word there that is not known may mean anything."""
_NAMED: Final = (*_SPEAKS, "risk", "cvss")
_SHORT: Final = 3
"""Words of a text that still is a grade, as `P0 - Critical`."""
_ANY: Final[_Span] = (math.inf, _MOST)
"""A word that is not known, or a number on a scale of its own, raises the most that a finding may be, and says nothing of the least."""


def severity(
    of_result: Mapping[str, Any], of_rule: Mapping[str, Any], level: str | None, tool: str, where: str
) -> tuple[float, float]:
    """The least and the most that a finding may be. What contradicts its score counts beside it.

    Args:
        of_result: properties of the finding.
        of_rule: properties of its rule.
        level: of the finding, of its invocation or of its rule; None where none is written.
        tool: its name.
        where: of the finding.

    Raises:
        DriverError: the score is not a number from 0 to 10.
    """
    score = _score((of_result, of_rule), where)
    said = [
        span
        for properties in (of_result, of_rule)
        for name, value in _named("", properties)
        for span in _said(name, value)
    ]
    known = [span for span in said if span[0] != math.inf]
    levels = next((levels for name, levels in _OF_TOOL.items() if tool.lower().startswith(name)), _OF_OTHERS)
    told = levels.get(level or "", UNSAID)
    if score is not None:
        apart = levels is _OF_OTHERS or tool.lower().startswith(_APART) or _ANY in said
        spans = known if apart else [*known, told]
        other = [span for span in spans if not span[0] <= score <= span[1]]
        return min([score, *(least for least, _ in other)]), max([score, *(most for _, most in other)])
    if known and level and level not in levels:
        told = OF_LEVEL[level]  # beside a word it is not passed over
    return min(least for least, _ in (*said, told)), max(most for _, most in (*said, told))


def _score(all_properties: tuple[Mapping[str, Any], ...], where: str) -> float | None:
    """What a finding says, else its rule; None where neither does, or where it is 0: then it was not scored."""
    for properties in all_properties:
        if (found := properties.get(_SCORE)) is not None:
            value = number(str(found), f"{where}: {_SCORE}")
            if not 0 <= value <= _MOST:
                raise DriverError(f"the severity {value:g} is not from 0 to 10", where=where, hint="see the scanner")
            return value or None
    return None


def _named(name: str, value: object) -> Iterator[tuple[str, object]]:
    """Each value within a property with the names of what it is in; a tag `severity/high` is a property `severity` of the value `high`."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _named(f"{name}.{key}".lower(), one)
    elif isinstance(value, list):
        for one in value:
            yield from _named(name, one)
    elif name == _TAGS and len(parts := re.split("[:/=]", str(value), maxsplit=1)) > 1:
        yield parts[0].lower(), parts[1]
    else:
        yield name, value


def _said(name: str, value: object) -> Iterator[_Span]:
    """What a value says of the severity, by its name."""
    if name == f".{_SCORE}" or value is None or isinstance(value, bool):
        return
    text = str(value).strip().lower()
    if _is_score(text):
        if any(part in name for part in ("severity", "cvss", "risk")):
            yield math.inf, min(float(text), _MOST)
        return
    found, speaks = words(text), any(part in name for part in _SPEAKS)
    known = [_OF_WORD[word] for word in found if word in _OF_WORD] if len(found) <= _SHORT else []
    if name == _TAGS:
        known = known if len(found) == 1 or "severity" in found else []
        speaks = text == "unknown"
    elif not any(part in name for part in _NAMED):
        return
    if known and "priority" in name:
        yield from ((math.inf, most) for _, most in known)
    elif known:
        yield from known
    elif speaks and text not in _AS_LEVEL:
        yield _ANY


def _is_score(word: str) -> bool:
    return word.replace(".", "", 1).isdecimal() and word.isascii()
