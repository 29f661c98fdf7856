"""Stores the values that an experiment's dynamic configuration read before the fault, for rollbacks in a later process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.chaos.session import session
from harness.errors import DriverError
from harness.targets.safety.intents import amend_intent, pending_intents
from harness.targets.undo import ROLL_BACK


def read_by_probes(experiment: Mapping[str, Any]) -> list[str]:
    """The names in `configuration` whose values a probe reads when the experiment begins."""
    block = experiment.get("configuration") or {}
    return [name for name, one in block.items() if isinstance(one, dict) and one.get("type") == "probe"]


def remember(experiment: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    """Put on disk, with the rollbacks that are in the undo log, what the probes of the configuration read.

    Args:
        experiment: as its file has it.
        configuration: with what the probes returned.

    Raises:
        HarnessError: an activity needs a value that no probe returned or that cannot be kept, or the log cannot be written.
    """
    names = read_by_probes(experiment)
    if not names:
        return
    values = {name: configuration[name] for name in names if name in configuration and _is_json(configuration[name])}
    activities = json.dumps([experiment.get("method"), experiment.get("rollbacks")], default=str)
    for name in names:
        if name not in values and f"${{{name}}}" in activities:
            state = "cannot be kept (it is not JSON)" if name in configuration else "was not read: its probe failed"
            raise DriverError(f"`configuration.{name}` {state}")
    entries = [one for one in pending_intents(session().platform) if one.undo.get("do") == ROLL_BACK]
    for entry in [one for one in entries if one.experiment == session().experiment][:1]:  # the newest is this attempt's
        amend_intent(entry, values=values)


def _is_json(value: object) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False
