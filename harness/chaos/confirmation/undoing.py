"""Finds the actions of a method that prepare the fault, and those that end it: then the recovery is not automatic."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from harness.targets.cluster.chaosk8s import CORDONED, function_of
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


def prepares(activity: Activity, experiment: Activity) -> bool:
    """Whether an action only cordons nodes, for an action that follows before any probe of the method.

    Nothing that runs ends by it, so the fault is sent by the later action.
    """
    method = [one for one in experiment.get("method") or () if isinstance(one, Mapping)]
    at = next((index for index, one in enumerate(method) if one is activity), None)
    if at is None or not _cordons(activity):
        return False
    following = method[at + 1 :]
    probe = next((index for index, one in enumerate(following) if one.get("type") != "action"), len(following))
    return any(not _cordons(one) for one in following[:probe])


def _cordons(activity: Activity) -> bool:
    function = function_of(activity.get("provider") or {})
    change = function.change if function is not None and function.pods is None else None
    return change is not None and change.fields == CORDONED
