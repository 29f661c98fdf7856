"""Runs the probes that confirm a fault and its end; a probe that was true before the fault confirms nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chaoslib.activity import run_activity
from chaoslib.caching import lookup_activity
from chaoslib.exceptions import ActivityFailed

from harness.chaos.confirmation.tolerances import holds
from harness.chaos.confirmation.undoing import is_of_harness
from harness.clock import Deadline

Activity = Mapping[str, Any]

_PATIENCE: Final = "within_s"
"""The argument of the harness's probes with their maximum waiting time."""
_AGAIN_S: Final = 0.1
_IN_A_ROW: Final = 3
_STEADY_LEAST_S: Final = 30.0
"""Minimum time in s for which the hypothesis is checked every half second, equal to the minimum wait for a restore."""
_STEADY_AGAIN_S: Final = 0.5
_PYTHON_AGAIN_S: Final = 0.5
"""Pause in s between runs of a `python` probe, since a cloud's API often limits the request rate."""


def was_true(probe: Activity, configuration: Activity, secrets: Activity) -> bool:
    """Whether the probe is true now; it runs once without waiting, and a failed probe counts as not true."""
    provider = dict(probe["provider"])
    arguments = provider.get("arguments")
    if isinstance(arguments, Mapping) and _PATIENCE in arguments:
        provider["arguments"] = {**arguments, _PATIENCE: 0}
    return _asked({**probe, "provider": provider}, configuration, secrets)


def still_true(probe: Activity, configuration: Activity, secrets: Activity) -> bool:
    """Whether the probe is still true.

    It runs in the same way as when it confirmed the fault; a probe that counts failures waits as its file says.
    """
    return _asked(probe, configuration, secrets)


def comes_true(
    probe: Activity, configuration: Activity, secrets: Activity, within_s: float, asked_s: float = 0.0
) -> bool:
    """Whether a probe of another package becomes true within `within_s`; the harness's own probes wait themselves.

    A probe that runs a hundred times would find an event that occurs once in a hundred times without a fault. So it
    must be true three times in a row.

    Args:
        probe: probe that has run once.
        configuration: resolved configuration of the experiment.
        secrets: resolved secrets of the experiment.
        within_s: maximum time in s.
        asked_s: time in s of the first run; it is part of `within_s`, since a function may wait itself.
    """
    if is_of_harness(probe):
        return False
    if probe.get("provider", {}).get("type") == "python":
        ticks = Deadline.after(within_s - asked_s).ticks(_PYTHON_AGAIN_S)
    else:
        ticks = Deadline.after(within_s).ticks(_AGAIN_S)
    next(ticks, None)  # it was asked at this moment
    return any(all(_asked(probe, configuration, secrets) for _ in range(_IN_A_ROW)) for _ in ticks)


def comes_to_be_met(experiment: Activity, configuration: Activity, secrets: Activity, within_s: float) -> bool:
    """Whether the steady-state hypothesis is met at some time within `within_s` (at least 30) seconds."""
    found = (experiment.get("steady-state-hypothesis") or {}).get("probes") or []
    probes = [{**(lookup_activity(one["ref"]) or {}), **one} if "ref" in one else one for one in found]
    ticks = Deadline.after(max(within_s, _STEADY_LEAST_S)).ticks(_STEADY_AGAIN_S)
    return any(all(_asked(probe, configuration, secrets) for probe in probes) for _ in ticks)


def _asked(probe: Activity, configuration: Activity, secrets: Activity) -> bool:
    now = {key: value for key, value in probe.items() if key != "pauses"}
    try:
        return holds(probe, run_activity(now, dict(configuration), dict(secrets)), configuration, secrets)
    except ActivityFailed:
        return False
