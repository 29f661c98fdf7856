"""Stores what the rollbacks of an experiment need in a later process: the values that probes of its configuration read.

Of a file that is run by hand it stores the rollbacks themselves, as a run does before it starts the process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.chaos.confirmation.undoing import is_of_harness
from harness.chaos.session import session
from harness.errors import DriverError, Refused
from harness.model import Intent
from harness.targets.safety.intents import amend_intent, pending_intents, write_intent
from harness.targets.undo import ROLL_BACK

_MODULE: Final = "harness.drivers.chaos.attempt"
"""The module of the undo that runs the rollbacks of a file."""


def keep_rollbacks(experiment: Mapping[str, Any]) -> Intent | None:
    """Record the rollbacks of a file that is run by hand in the undo log.

    None if it has only rollbacks of the harness, whose actions have their own entries, or if no target file is given.

    Raises:
        HarnessError: the target file cannot be read, or the undo log cannot be written.
    """
    rollbacks = [one for one in experiment.get("rollbacks") or () if not is_of_harness(one)]
    if not rollbacks:
        return None
    try:
        here = session()
    except Refused:
        return None
    block = (experiment.get("configuration") or {}).values()
    named = [str(one.get("key")) for one in block if isinstance(one, dict) and one.get("type") == "env"]
    undo = {
        "do": ROLL_BACK,
        "file": str(Path.cwd() / "experiment.json"),
        "text": json.dumps(experiment, default=str),
        "variables": {name: os.environ[name] for name in named if os.environ.get(name)},
    }
    names = ", ".join(str(one.get("name") or one.get("ref")) for one in rollbacks)
    return write_intent(here.platform, here.experiment, f"rollbacks: {names}", undo, module=_MODULE)


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
