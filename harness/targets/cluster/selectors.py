"""Evaluates label selectors of controllers and converts selectors to text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.targets.kubernetes import Object, labels_of


def selects(controller: Object, pod: Object) -> bool:
    """Whether a controller's selector, which is not empty, selects a pod of its namespace.

    Source: Kubernetes API reference, LabelSelector: `matchLabels` and all `matchExpressions`.
    """
    selector, labels = controller["spec"].get("selector") or {}, labels_of(pod)
    expected, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    return (
        bool(expected or expressions)
        and expected.items() <= labels.items()
        and all(_is_met(one, labels) for one in expressions)
    )


def selector_text(labels: Mapping[str, str]) -> str:
    """A selector as text for the API, with its labels sorted: `app=cart,version=1.0.0`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _is_met(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy one of `matchExpressions`; never for an unknown operator."""
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
