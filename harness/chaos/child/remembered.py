"""Stores the values that probes of a configuration read before the fault, for rollbacks in a later process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.chaos.session import session
from harness.errors import DriverError
from harness.targets.safety.intents import amend_intent, pending_intents
from harness.targets.undo import ROLL_BACK


def read_by_probes(experiment: Mapping[str, Any]) -> list[str]:
    """The names in `configuration` whose values a probe reads at the begin of the experiment."""
    block = experiment.get("configuration") or {}
    return [name for name, one in block.items() if isinstance(one, dict) and one.get("type") == "probe"]


def remember(experiment: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    """Store the values that the probes of the configuration read, with the rollbacks in the undo log.

    Args:
        experiment: contents of the experiment file.
        configuration: resolved configuration, with the results of the probes.

    Raises:
        HarnessError: an activity needs a value that no probe returned or that is not JSON, or the undo log cannot be
            written.
    """
    names = read_by_probes(experiment)
    if not names:
        return
    values = {name: configuration[name] for name in names if name in configuration and _is_json(configuration[name])}
    activities = json.dumps([experiment.get("method"), experiment.get("rollbacks")], default=str)
    for name in names:
        if name not in values and f"${{{name}}}" in activities:
            state = (
                "cannot be stored, since it is not JSON"
                if name in configuration
                else "was not read, since its probe failed"
            )
            raise DriverError(f"`configuration.{name}` {state}")
    entries = [one for one in pending_intents(session().platform) if one.undo.get("do") == ROLL_BACK]
    for entry in [one for one in entries if one.experiment == session().experiment][:1]:  # the newest is this attempt's
        amend_intent(entry, values=values)


def _is_json(value: object) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False
