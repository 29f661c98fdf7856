"""Whether what an activity returned is what its file expects: by Chaos Toolkit's own `tolerance`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from chaoslib import substitute
from chaoslib.exceptions import ActivityFailed, InvalidActivity
from chaoslib.hypothesis import within_tolerance

Activity = Mapping[str, Any]

_MISFITS: Final = (ActivityFailed, InvalidActivity, TypeError, ValueError, AttributeError, LookupError)
"""What a tolerance raises that does not fit what was returned, as a range does for a text."""
_HTTP_ERROR: Final = 400


def holds(activity: Activity, output: Any, configuration: Activity, secrets: Activity) -> bool:
    """Whether what a probe returned says yes: within its `tolerance`, or `true` where it has none.

    Args:
        activity: the probe.
        output: what it returned.
        configuration: of the experiment.
        secrets: of the experiment.

    Raises:
        ActivityFailed: the tolerance does not fit what was returned.
    """
    if "tolerance" not in activity:
        return output is True
    tolerance = copy.deepcopy(activity["tolerance"])  # a probe as tolerance is given the value in its arguments
    if isinstance(tolerance, str):
        tolerance = substitute(tolerance, dict(configuration), dict(secrets))
    try:
        return bool(within_tolerance(tolerance, output, configuration=dict(configuration), secrets=dict(secrets)))
    except _MISFITS as error:
        raise ActivityFailed(f"its tolerance does not fit what it returned: {error}") from error


def complaint(activity: Activity, run: Mapping[str, Any], configuration: Activity, secrets: Activity) -> str:
    """What an action that did not fail says against itself: an exit code, an HTTP status of 400 or more, or a `tolerance` that is not met.

    Chaos Toolkit only warns of the first two. Empty where it says nothing.
    """
    output = run.get("output")
    if "tolerance" in activity:
        try:
            return "" if holds(activity, output, configuration, secrets) else "not within its tolerance"
        except ActivityFailed as error:
            return str(error)
    if not isinstance(output, dict):
        return ""
    provider, status = activity.get("provider", {}).get("type"), output.get("status")
    if provider == "process" and status:
        last = str(output.get("stderr") or output.get("stdout") or "").strip().rpartition("\n")[2]
        return f"exit code {status}{f': {last}' if last else ''}"
    if provider == "http" and isinstance(status, int) and status >= _HTTP_ERROR:
        return f"HTTP status {status}"
    return ""
