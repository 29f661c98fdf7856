"""Fields of a Rollout and of an analysis, read by their path: what is not served, or of the wrong kind, is refused before anything is changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster.durations import seconds

if TYPE_CHECKING:
    from readiness_sandbox.cluster.store import Object


class SpecError(ValueError):
    """A spec that cannot be followed; the message begins with its path."""


def known(spec: Any, fields: frozenset[str], path: str) -> None:
    """Refuse a value that is not an object, and a field that the sandbox does not support; a null counts as absent."""
    if not isinstance(spec, dict):
        raise SpecError(f"{path}: must be an object")
    for name, value in spec.items():
        if name not in fields and value is not None:
            raise SpecError(f"{path}.{name}: not supported; hint: supported are {', '.join(sorted(fields))}")


def text(spec: Object, field: str, path: str) -> str:
    """A text that is required. Raises SpecError: it is missing or empty."""
    value = spec.get(field)
    if not isinstance(value, str) or not value.strip():
        raise SpecError(f"{path}.{field}: a text is required")
    return value


def integer(spec: Object, field: str, path: str, default: int, *, least: int = 0) -> int:
    """An integer; Kubernetes' IntOrString accepts digits in quotes as well. Raises SpecError: it is another thing, or too small."""
    value = spec.get(field)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f"{path}.{field}: {value!r} is not an integer of at least {least}")
    return value


def length_s(spec: Object, field: str, path: str) -> float | None:
    """Seconds of a number or a duration; None when there is none. Raises SpecError: it is neither."""
    if spec.get(field) is None:
        return None
    try:
        return seconds(spec[field])
    except ValueError as error:
        raise SpecError(f"{path}.{field}: {error}") from None


def duration_s(spec: Object, field: str, path: str) -> float | None:
    """Seconds of a duration as Go reads it, which has a unit unless it is 0; None when there is none or it is empty. Raises SpecError."""
    value = spec.get(field)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or (value.isdecimal() and value.strip("0")):
        raise SpecError(f"{path}.{field}: {value!r} has no unit; hint: write {value}s")
    return length_s(spec, field, path)
