"""Runs only the rollbacks of an experiment, for a target whose fault was not removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from chaoslib.activity import execute_activity
from chaoslib.caching import cache_activities, clear_cache
from chaoslib.configuration import load_configuration, load_dynamic_configuration
from chaoslib.loader import load_experiment
from chaoslib.secret import load_secrets

from harness.chaos.child.remembered import read_by_probes
from harness.chaos.confirmation.tolerances import complaint, selected_nothing


def roll_back(file: Path, values: Mapping[str, Any] | None = None) -> int:
    """Run every rollback of an experiment file in order, also after a rollback that failed.

    Args:
        file: path of the experiment file.
        values: values that probes of the configuration read before the fault; None: there was no fault.

    Returns:
        Exit code: 0 if every rollback ended without a failure.
    """
    experiment: dict[str, Any] = load_experiment(str(file))
    configuration = load_configuration(experiment.get("configuration", {}))
    secrets = load_secrets(experiment.get("secrets", {}), configuration)
    if values is None:
        configuration = load_dynamic_configuration(configuration, secrets)
    else:
        probed = read_by_probes(experiment)
        configuration = {name: one for name, one in configuration.items() if name not in probed} | dict(values)
    cache_activities(experiment)
    failed = 0
    for activity in experiment.get("rollbacks", []):
        run = execute_activity(
            experiment=experiment, activity=activity, configuration=configuration, secrets=secrets, dry=None
        )
        if why := _failure(run, configuration, secrets):
            failed += 1
            click.echo(f"{run['activity']['name']}: {why.splitlines()[-1]}")
    clear_cache()
    return 1 if failed else 0


def _failure(run: dict[str, Any], configuration: dict[str, Any], secrets: dict[str, Any]) -> str:
    """Why a rollback failed, as in a run; empty where it did not."""
    if error := "".join(run.get("exception") or ()).strip():
        return error
    activity = run["activity"]
    return (
        "the action selected no object"
        if selected_nothing(activity, run)
        else complaint(activity, run, configuration, secrets)
    )
