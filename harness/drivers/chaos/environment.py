"""The environment variables of a chaos child; they lead to the run's target only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.drivers.chaos.experiments import ExperimentFile, read_experiment
from harness.drivers.chaos.validity import missing_variable
from harness.drivers.packages import module_directories
from harness.errors import ConfigurationError
from harness.model import ExperimentPlan
from harness.model.planned.domain import UNKNOWN
from harness.targets import Target
from harness.targets.child import CONTEXT_VARIABLE, HOLD_VARIABLE, RUN_VARIABLE, ChildSettings
from harness.targets.cluster.kubeconfig import api_server_url
from harness.targets.cluster.one_context import kubeconfig_files
from harness.targets.cluster.service_account import CONTEXT as IN_POD
from harness.targets.http import NO_PROXY, tls_variables
from harness.targets.kubernetes import REGION_LABEL
from harness.targets.state import STATE_VARIABLE, state_directory
from harness.yamlfile import YamlDocument, read_document

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_PREFIX: Final = "READINESS_"
"""Prefix of the caller's variables that are not passed on: such a variable could select another target."""
_REGIONS: Final = ("PRIMARY", "SECONDARY", "TERTIARY")
"""The ranks of regions in the names of variables."""
_CLUSTER: Final = ("KUBECONFIG", CONTEXT_VARIABLE)


def child_environment(
    file: ExperimentFile, target: Target, run: Path, *, hold: Path, allow_target: str
) -> dict[str, str]:
    """The environment of `chaos run` for one experiment.

    Args:
        file: experiment file that is run.
        target: target of the experiment.
        run: the run directory.
        hold: file whose existence ends `hold`.
        allow_target: name of the target as typed by the user; required if the target is not disposable.
    """
    settings = ChildSettings(
        run=str(run.absolute()),
        experiment=file.plan.name,
        hold=str(hold.absolute()),
        target=str(target.file),
        allow_target=allow_target,
        parent=os.getpid(),
        modules=tuple(map(str, module_directories(Path(file.plan.file)))),
    )
    return target_environment(target) | _chosen_by(target) | settings.as_env()


def target_environment(target: Target) -> dict[str, str]:
    """The variables with equal values for every experiment on a target."""
    env = _callers() | _proxies(target) | tls_variables(target)
    env |= {STATE_VARIABLE: str(state_directory()), "PYTHONUNBUFFERED": "1"}
    if target.kubernetes is None:
        env["KUBECONFIG"] = os.devnull  # else `kubectl` and the clients find the caller's own cluster
    else:
        # the child takes the target's context alone from these files: `harness.chaos.child.kubeconfig`
        files = kubeconfig_files(target) if target.kubernetes.context else ""
        env |= {
            "KUBECONFIG": files or os.devnull,
            "KUBECACHEDIR": str(state_directory() / "kubecache"),
            **ChildSettings(
                kubeconfig=files,
                context=target.kubernetes.context or IN_POD,
                api_server=api_server_url(target),
                login_proxies={name: os.environ[name] for name in _PROXIES if name in os.environ},
            ).as_env(),
        }
    return {name: value for name, value in env.items() if value}


def rollback_environment(path: Path, target: Target, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the rollbacks of an experiment are run again, with the values of the run.

    Args:
        path: the experiment file.
        target: target of the run.
        variables: values of the file's `configuration` in the run, by variable.
    """
    unread = ExperimentPlan(
        name=path.stem, file=str(path), domain=UNKNOWN.name, within_s=0.0, hold_s=0.0, observe_s=0.0, seconds=0.0
    )
    file = ExperimentFile(plan=unread, block=None)  # the file itself may be gone, or changed meanwhile
    env = child_environment(file, target, Path.cwd(), hold=Path(os.devnull), allow_target=target.name)
    without = {RUN_VARIABLE, HOLD_VARIABLE}  # nothing is recorded, and nothing is held
    return {name: value for name, value in {**env, **variables}.items() if name not in without}


def resolved_configuration(path: Path, target: Target) -> dict[str, str]:
    """The values of an experiment's block `configuration` in a run, by variable name, else by key.

    Raises:
        ConfigurationError: the file is invalid, or names an environment variable that is not set.
    """
    file, document = read_experiment(path), read_document(path)
    env = {**_callers(), **_chosen_by(target)}
    _refuse_missing(document, file, target, env)
    block = document.data.get("configuration")
    found = {}
    for name, value in block.items() if isinstance(block, dict) else ():
        if isinstance(value, dict) and value.get("type") == "env":
            key = str(value["key"])
            found[key] = str(env.get(key) or value.get("default", ""))
        else:
            found[str(name)] = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return found


def _refuse_missing(document: YamlDocument, file: ExperimentFile, target: Target, env: Mapping[str, str]) -> None:
    """Refuse a file that Chaos Toolkit would not run because a variable of its `configuration` or `secrets` is not set."""
    if missing_variable(document.data, env) is None:
        return
    here = Path.cwd()
    every = {**child_environment(file, target, here, hold=here, allow_target=target.name), "TMPDIR": str(here)}
    if (missing := missing_variable(document.data, every)) is not None:
        at, name = missing
        default = ", or give it a `default`" if at[0] == "configuration" else ""
        state = "is empty" if os.environ.get(name) == "" else "is not set"
        raise ConfigurationError(
            f"the variable `{name}` {state}",
            where=document.where(at),
            hint=f"set it before you call `readiness`{default}; empty variables and variables {_PREFIX}… are not passed on",
        )


def _callers() -> dict[str, str]:
    """The caller's environment without empty variables and without those that name a target, a proxy, or what to break."""
    left_out = {*_PROXIES, *_CLUSTER}
    named = {name: value for name, value in os.environ.items() if name not in left_out and value}
    return {name: value for name, value in named.items() if not name.startswith(_PREFIX)}


def _chosen_by(target: Target) -> dict[str, str]:
    """The variables by which the target chooses what to break."""
    names = dict(zip(_REGIONS, (target.primary_region, *_other_regions(target)), strict=False))
    env = {f"READINESS_{rank}_REGION": name for rank, name in names.items()}
    if target.database is not None and target.database.leader is not None:
        env["READINESS_DATABASE_NAMESPACE"] = target.database.leader.namespace
    if target.primary_region:
        env["READINESS_NODES"] = f"{REGION_LABEL}={target.primary_region}"
    if target.kubernetes is not None:
        env["READINESS_NAMESPACE"] = target.kubernetes.namespace
    return {name: value for name, value in env.items() if value}


def _other_regions(target: Target) -> list[str]:
    """The regions beside the primary; the one with the largest share of answers is the secondary, if equal the first named."""
    others = [name for name in target.regions if name != target.primary_region]
    return sorted(others, key=lambda name: -target.shares.get(name, 0.0))


def _proxies(target: Target) -> dict[str, str]:
    """The target's proxy rule as the variables that requests, urllib3 and chaosk8s read; loopback is never proxied."""
    if target.proxy == "none":
        proxies = {}
    elif target.proxy == "env":
        proxies = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    else:
        proxies = {"HTTP_PROXY": target.proxy, "HTTPS_PROXY": target.proxy}
    kept = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    no_proxy = f"{NO_PROXY},{kept}".rstrip(",")
    return {**proxies, "NO_PROXY": no_proxy, "no_proxy": no_proxy}
