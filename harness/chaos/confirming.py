"""The probes that confirm a fault and see it end, and what they say before the fault: what was true already confirms nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chaoslib.activity import run_activity
from chaoslib.caching import lookup_activity
from chaoslib.exceptions import ActivityFailed

from harness.chaos.tolerances import holds
from harness.chaos.undoing import is_of_harness
from harness.clock import Deadline

Activity = Mapping[str, Any]

_PATIENCE: Final = "within_s"
"""The argument of our own probes that says how long they wait."""
_AGAIN_S: Final = 0.1
_IN_A_ROW: Final = 3
_STEADY_LEAST_S: Final = 30.0
"""The hypothesis is asked again for so long at least, each half second: as long as the harness waits for a restore at least."""
_STEADY_AGAIN_S: Final = 0.5
_PYTHON_AGAIN_S: Final = 0.5
"""A probe of a `python` provider often asks the API of a cloud, which refuses too many requests."""


def was_true(probe: Activity, configuration: Activity, secrets: Activity) -> bool:
    """Whether the probe is true now, asked once and without its waiting. A probe that fails is not."""
    provider = dict(probe["provider"])
    arguments = provider.get("arguments")
    if isinstance(arguments, Mapping) and _PATIENCE in arguments:
        provider["arguments"] = {**arguments, _PATIENCE: 0}
    return _asked({**probe, "provider": provider}, configuration, secrets)


def still_true(probe: Activity, configuration: Activity, secrets: Activity) -> bool:
    """Whether the probe is true now as well, asked as it was when it confirmed: one that counts failures waits for as long as its file says."""
    return _asked(probe, configuration, secrets)


def comes_true(
    probe: Activity, configuration: Activity, secrets: Activity, within_s: float, asked_s: float = 0.0
) -> bool:
    """Whether a probe that is not of the harness is true within so many seconds; the harness's own have waited themselves.

    Asked a hundred times a probe finds what comes once in a hundred times without any fault, and before the fault it was asked once: so it
    must be true three times in a row.

    Args:
        probe: that was asked once.
        configuration: of the experiment.
        secrets: of the experiment.
        within_s: how long it may take.
        asked_s: how long it took to answer; a function may wait itself, so that this is a part of the time.
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
    """Whether every probe of the steady-state hypothesis is within its tolerance at some time within so many seconds, 30 at least."""
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
