"""Finds the actions of a method that end the fault; after such an action the recovery is not automatic."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from harness.targets.undo import is_undo

Activity = Mapping[str, Any]

_OWN: Final = "harness.chaos."
ORDER: Final = "order-promotion"
"""The activity by which people order a promotion, which is part of the measured recovery."""


def is_own_undo(activity: Activity) -> bool:
    """Whether an action is a function of the harness that undoes a fault."""
    provider = activity.get("provider", {})
    module = str(provider.get("module", ""))
    return module.startswith(_OWN) and is_undo(getattr(import_module(module), str(provider.get("func", "")), None))


def is_of_harness(activity: Activity) -> bool:
    """Whether an activity is a function of the harness."""
    provider = activity.get("provider", {})
    return provider.get("type") == "python" and str(provider.get("module", "")).startswith(_OWN)


def may_undo(activity: Activity) -> bool:
    """Whether an action is foreign, so that it may undo the fault."""
    return not is_of_harness(activity) and activity.get("name") != ORDER
