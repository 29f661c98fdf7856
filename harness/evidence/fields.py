"""What the judge reckons with in the lines of a history, by their kind; looked at once, when they are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.model import Observation

_MOST: Final = 2**63
Expected = tuple[str, Callable[[Any], bool]]
"""What a value is to be, in words and as a test."""


def is_whole(value: object) -> bool:
    """Whether it is a whole number that fits a column."""
    return type(value) is int and -_MOST <= value < _MOST


def _is_size(value: object) -> bool:
    return is_whole(value) or (type(value) is float and math.isfinite(value))


_WHOLE: Final[Expected] = ("a whole number", is_whole)
_COUNT: Final[Expected] = ("a count", lambda value: is_whole(value) and value >= 0)
_SIZE: Final[Expected] = ("a number from 0 up", lambda value: _is_size(value) and value >= 0)
_YES_OR_NO: Final[Expected] = ("true or false", lambda value: type(value) is bool)
_SEEN_OR_NOT: Final[Expected] = ("true, false or null", lambda value: value is None or type(value) is bool)
_WORD: Final[Expected] = ("a word", lambda value: isinstance(value, str))
_NUMERAL: Final[Expected] = ("a number of a round", lambda value: str(value).isdecimal())
_OBJECT: Final[Expected] = ("an object", lambda value: isinstance(value, dict))
_OBJECTS: Final[Expected] = (
    "a list of objects",
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
)

_NEEDED: Final[Mapping[str, Mapping[str, Expected]]] = {
    "check.done": {"facts": _COUNT},
    "check.fact": {
        "demand": _WORD,
        "wanted": _WORD,
        "seen": _WORD,
        "ok": _SEEN_OR_NOT,
        "attempts": _COUNT,
        "at_ns": _WHOLE,
    },
    "check.failed": {"why": _WORD},
    "clock.aligned": {"worker": _WHOLE, "at_ns": _WHOLE, "offset_ns": _WHOLE, "residual_ns": _COUNT},
    "experiment.ended": {"observed_until_ns": _WHOLE},
    "final-read": {"subject": _NUMERAL, "after": _WORD, "complete": _YES_OR_NO, "at_ns": _WHOLE, "rows": _COUNT},
    "load.begun": {"begin_ns": _WHOLE},
    "load.health": {"worker": _WHOLE, "at_ns": _WHOLE, "cpu": _SIZE, "gc_ms": _SIZE, "loop_ms": _SIZE},
    "load.stopping": {"at_ns": _WHOLE},
    "load.users": {"at_ns": _WHOLE, "users": _COUNT},
    "rows.sealed": {"rows": _COUNT, "closed": _YES_OR_NO, "truncated_bytes": _COUNT},
    "run.ended": {"ok": _YES_OR_NO},
    "watch.blind": {"from_ns": _WHOLE, "until_ns": _WHOLE},
    "watch.started": {"spacing_ms": _SIZE},
    "window.closed": {"end_ns": _WHOLE},
    "window.opened": {"traffic": _WORD, "start_ns": _WHOLE, "journeys_per_s": _SIZE, "requests_per_journey": _COUNT},
    "worker.started": {"worker": _WHOLE},
}
"""Without these an observation of the kind tells nothing."""
_WHERE_GIVEN: Final[Mapping[str, Expected]] = {
    "at_ns": _WHOLE,
    "attempt": _COUNT,
    "broken": _COUNT,
    "hit": _OBJECTS,
    "journal": _OBJECT,
    "observed_from_ns": _WHOLE,
    "users": _COUNT,
}
"""What may be left out, or null."""


def unusable(o: Observation) -> str:
    """What keeps an observation from being reckoned with: the key, its value, what was expected; empty when nothing does."""
    said = {"subject": o.subject, **o.fields}
    given = {key: expected for key, expected in _WHERE_GIVEN.items() if said.get(key) is not None}
    for key, (words, fits) in {**given, **_NEEDED.get(o.kind, {})}.items():
        if key not in said:
            return f"`{o.kind}` lacks `{key}`"
        if not fits(said[key]):
            return f"`{o.kind}` has {said[key]!r:.40} in `{key}`, {words} was expected"
    return ""
