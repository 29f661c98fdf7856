"""Finds the actions of a method that end the fault; a recovery after them is not a recovery by itself."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from harness.targets.undo import is_undo

Activity = Mapping[str, Any]

_OWN: Final = "harness.chaos."
ORDER: Final = "order-promotion"
"""The activity by which people order a promotion: a part of the way out of the fault that is measured."""


def is_own_undo(activity: Activity) -> bool:
    """Whether an action is one of the harness's that undo something."""
    provider = activity.get("provider", {})
    module = str(provider.get("module", ""))
    return module.startswith(_OWN) and is_undo(getattr(import_module(module), str(provider.get("func", "")), None))


def is_of_harness(activity: Activity) -> bool:
    """Whether an activity is a function of the harness."""
    provider = activity.get("provider", {})
    return provider.get("type") == "python" and str(provider.get("module", "")).startswith(_OWN)


def may_undo(activity: Activity) -> bool:
    """Whether an action is foreign, so that it may restore what the fault took away."""
    return not is_of_harness(activity) and activity.get("name") != ORDER
