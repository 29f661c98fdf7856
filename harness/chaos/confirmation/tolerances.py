"""Checks the result of an activity against its `tolerance`, with Chaos Toolkit's own functions."""

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
_EXEC: Final = "exec_in_pods"
_SELECTING: Final = frozenset({"delete_pods", "terminate_pods", "drain_nodes", "cordon_node", "delete_nodes", _EXEC})
"""Functions of chaosk8s that hit what they select, and succeed when that is nothing."""


def holds(activity: Activity, output: Any, configuration: Activity, secrets: Activity) -> bool:
    """Whether a probe succeeded: its result is within its `tolerance`, or `true` if it has none.

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
        raise ActivityFailed(f"its tolerance cannot be applied to its result: {error}") from error


def selected_nothing(activity: Activity, run: Mapping[str, Any]) -> bool:
    """Whether an action of chaosk8s succeeded although it selected no object."""
    return _of_chaosk8s(activity) in _SELECTING and run.get("status") == "succeeded" and not run.get("output")


def _of_chaosk8s(activity: Activity) -> str:
    """The function of chaosk8s that an activity calls; empty where it calls none."""
    provider = activity.get("provider", {})
    return str(provider.get("func", "")) if str(provider.get("module", "")).startswith("chaosk8s") else ""


def complaint(activity: Activity, run: Mapping[str, Any], configuration: Activity, secrets: Activity) -> str:
    """Why an action that did not raise an error still failed: exit code, HTTP status of 400 or more, or `tolerance` not met.

    Chaos Toolkit only warns of the first two, and knows nothing of the exit codes that `exec_in_pods` returns. Empty where it says nothing.
    """
    output = run.get("output")
    if "tolerance" in activity:
        try:
            return "" if holds(activity, output, configuration, secrets) else "not within its tolerance"
        except ActivityFailed as error:
            return str(error)
    if _of_chaosk8s(activity) == _EXEC:
        return _exit_code(output)
    return _status(str(activity.get("provider", {}).get("type")), output)


def _status(provider: str, output: Any) -> str:
    """The exit code of a process, or the status of an HTTP answer, that is no success."""
    status = output.get("status") if isinstance(output, dict) else None
    if provider == "process" and status:
        last = str(output.get("stderr") or output.get("stdout") or "").strip().rpartition("\n")[2]
        return f"exit code {status}{f': {last}' if last else ''}"
    if provider == "http" and isinstance(status, int) and status >= _HTTP_ERROR:
        return f"HTTP status {status}"
    return ""


def _exit_code(output: Any) -> str:
    """The first exit code of `exec_in_pods` that is not 0, with its message; 1 without one where no code was read."""
    ended = output if isinstance(output, list) else []
    failed = (one for one in ended if isinstance(one, dict) and str(one.get("exit_code", 0)) != "0")
    one = next(failed, None)
    if one is None:
        return ""
    code, said = one["exit_code"], str(one.get("stderr") or "").strip()
    if code == 1 and not said:
        return f"no exit code came from {one.get('pod_name')} within its `request_timeout`"
    return f"exit code {code} in {one.get('pod_name')}{f': {said}' if said else ''}"
