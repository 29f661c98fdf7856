"""How severe a finding of SARIF is: by its score, else by its level, and as severe as another word of its tool says at the most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.drivers.ingest.formats.plain import number
from harness.errors import DriverError

LEVELS: Final[Mapping[str, float]] = {"critical": 9.0, "high": 7.0, "moderate": 4.0, "medium": 4.0, "low": 0.1}
"""The least severity (0 to 10, as of CVSS) that each word stands for."""
_MOST: Final = 10.0
OF_LEVEL: Final[Mapping[str, tuple[float, float]]] = {
    "error": (7.0, _MOST),
    "warning": (4.0, 6.9),
    "note": (0.1, 3.9),
    "none": (0.0, 0.0),
}
"""From and to which severity a level may mean where there is no `security-severity`: scanners write high and critical as `error`."""
_UNSAID: Final = (0.0, _MOST)
"""Neither a severity nor a level is written: the tool says nothing of how severe it is."""
_AT_MOST: Final[Mapping[str, float]] = {"critical": _MOST, "high": 8.9, "moderate": 6.9, "medium": 6.9, "low": 3.9}
_AS_LEVEL: Final = frozenset(
    {"", "error", "warning", "note", "none", "info", "information", "informational", "recommendation", "style"}
)
"""Words for a severity that say no more than the level beside them."""
_SCORE: Final = "security-severity"


def severity(
    of_result: Mapping[str, Any], of_rule: Mapping[str, Any], level: str | None, where: str
) -> tuple[float, float]:
    """The least and the most that a finding may be: its score, else its rule's; without one what its level means, or any word beside it.

    Args:
        of_result: properties of the finding.
        of_rule: properties of its rule.
        level: of the finding, of its invocation or of its rule; None where none is written.
        where: of the finding.

    Raises:
        DriverError: the score is not a number from 0 to 10.
    """
    for properties in (of_result, of_rule):
        found = properties.get(_SCORE)
        if found is not None:
            value = number(str(found), f"{where}: {_SCORE}")
            if not 0 <= value <= _MOST:
                raise DriverError(f"the severity {value:g} is not from 0 to 10", where=where, hint="see the scanner")
            if not value:
                break  # it was not scored
            return value, value
    least, most = OF_LEVEL[level] if level else _UNSAID
    return least, max([most, *_said(of_result), *_said(of_rule)])


def _said(properties: Mapping[str, Any]) -> Iterator[float]:
    """The most that each property with a severity or a score of CVSS, and each tag, may mean; a word that is not known may mean anything."""
    tags = properties.get("tags")
    for tag in tags if isinstance(tags, list) else []:
        word = str(tag).lower()
        if word in _AT_MOST or word == "unknown":
            yield _AT_MOST.get(word, _MOST)
    for key, value in properties.items():
        name, word = key.lower(), str(value).strip().lower()
        if name == _SCORE or isinstance(value, bool) or not any(part in name for part in ("severity", "cvss", "risk")):
            continue
        if isinstance(value, str) and (word in _AT_MOST or ("severity" in name and not _is_score(word))):
            yield 0.0 if word in _AS_LEVEL else _AT_MOST.get(word, _MOST)
        elif _is_score(word):
            yield min(float(word), _MOST)


def _is_score(word: str) -> bool:
    return word.replace(".", "", 1).isdecimal() and word.isascii()
