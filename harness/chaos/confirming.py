"""The probe that confirms a fault, asked before the fault: what was true already confirms nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed

Activity = Mapping[str, Any]

_PATIENCE: Final = "within_s"
"""The argument of our own probes that says how long they wait."""


def confirming_probe(experiment: Activity, name: str) -> Activity | None:
    """The probe of the method that has this name."""
    for activity in experiment.get("method") or []:
        if isinstance(activity, Mapping) and activity.get("type") == "probe" and activity.get("name") == name:
            return activity
    return None


def was_true(probe: Activity, configuration: Mapping[str, Any], secrets: Mapping[str, Any]) -> bool:
    """Whether the probe is true now, asked once and without its waiting. A probe that fails is not."""
    provider = dict(probe["provider"])
    arguments = provider.get("arguments")
    if isinstance(arguments, Mapping) and _PATIENCE in arguments:
        provider["arguments"] = {**arguments, _PATIENCE: 0}
    now = {key: value for key, value in probe.items() if key != "pauses"} | {"provider": provider}
    try:
        return run_activity(now, dict(configuration), dict(secrets)) is True
    except ActivityFailed:
        return False
