"""Checks the result of an activity against its `tolerance`, with functions of Chaos Toolkit."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any, Final

from chaoslib import substitute
from chaoslib.exceptions import ActivityFailed, InvalidActivity
from chaoslib.hypothesis import within_tolerance

Activity = Mapping[str, Any]

_MISFITS: Final = (ActivityFailed, InvalidActivity, TypeError, ValueError, AttributeError, LookupError)
"""Errors of a tolerance that does not fit the result, such as a range for a text."""
_HTTP_ERROR: Final = 400
_EXEC: Final = "exec_in_pods"
_SELECTING: Final = frozenset({"delete_pods", "terminate_pods", "drain_nodes", "cordon_node", "delete_nodes", _EXEC})
"""Functions of chaosk8s that hit the selected objects, and succeed if none is selected."""


def holds(activity: Activity, output: Any, configuration: Activity, secrets: Activity) -> bool:
    """Whether a probe succeeded: its result is within its `tolerance`, or `true` if it has none.

    Args:
        activity: probe of the experiment.
        output: result of the probe.
        configuration: resolved configuration of the experiment.
        secrets: resolved secrets of the experiment.

    Raises:
        ActivityFailed: the tolerance cannot be applied to the result.
    """
    if "tolerance" not in activity:
        return output is True
    tolerance = copy.deepcopy(activity["tolerance"])  # a probe as tolerance is given the value in its arguments
    if isinstance(tolerance, str):
        tolerance = substitute(tolerance, dict(configuration), dict(secrets))
    try:
        return bool(within_tolerance(tolerance, output, configuration=dict(configuration), secrets=dict(secrets)))
    except _MISFITS as error:
        raise ActivityFailed(f"the tolerance cannot be applied to the result: {error}") from error


def selected_nothing(activity: Activity, run: Mapping[str, Any]) -> bool:
    """Whether an action of chaosk8s succeeded although it selected no object."""
    return _of_chaosk8s(activity) in _SELECTING and run.get("status") == "succeeded" and not run.get("output")


def failure(activity: Activity, run: dict[str, Any], if_there: Collection[str] = ()) -> str:
    """Why an activity failed; marks an action that selected nothing as failed, in the journal too, unless its name is in `if_there`."""
    if run.get("status") == "failed":
        lines = "".join(run.get("exception") or ["failed"]).strip().splitlines()
        return lines[-1].removeprefix("chaoslib.exceptions.ActivityFailed: ")
    if activity.get("name") not in if_there and selected_nothing(activity, run):
        run["status"] = "failed"
        run["exception"] = ["FaultNotInjected: the action selected no object\n"]
        return "the action selected no object"
    return ""


def _of_chaosk8s(activity: Activity) -> str:
    """The function of chaosk8s that an activity calls; empty where it calls none."""
    provider = activity.get("provider", {})
    return str(provider.get("func", "")) if str(provider.get("module", "")).startswith("chaosk8s") else ""


def complaint(activity: Activity, run: Mapping[str, Any], configuration: Activity, secrets: Activity) -> str:
    """The failure of an action that raised no error; empty if there is none.

    It is an exit code, an HTTP status of 400 or more, or a `tolerance` that is not met. Chaos Toolkit only warns of the
    first two, and ignores the exit codes that `exec_in_pods` returns.
    """
    output = run.get("output")
    if "tolerance" in activity:
        try:
            return "" if holds(activity, output, configuration, secrets) else "the result is not within the tolerance"
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
        return f"{one.get('pod_name')} returned no exit code within `request_timeout`"
    return f"exit code {code} in {one.get('pod_name')}{f': {said}' if said else ''}"
