"""Environment variables through which a run passes settings to the child process of an experiment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

BY_HAND: Final = "by-hand"
"""Name of an experiment that was not started by a run."""
RUN_VARIABLE: Final = "READINESS_RUN"
HOLD_VARIABLE: Final = "READINESS_HOLD"
TARGET_VARIABLE: Final = "READINESS_TARGET"
_EXPERIMENT: Final = "READINESS_EXPERIMENT"
_ALLOW_TARGET: Final = "READINESS_ALLOW_TARGET"
_PARENT: Final = "READINESS_PARENT"
_MODULES: Final = "READINESS_MODULES"
_KUBECONFIG: Final = "READINESS_KUBECONFIG"
_API_SERVER: Final = "READINESS_API_SERVER"
_OBSERVE: Final = "READINESS_OBSERVE_S"
_LOGIN_PROXIES: Final = "READINESS_LOGIN_PROXIES"
_FOR_THE_FILE: Final = "READINESS_FOR_THE_FILE"
CONTEXT_VARIABLE: Final = "KUBERNETES_CONTEXT"
"""Chaos Toolkit's own variables."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildSettings:
    """The settings of a chaos child; empty settings are not passed on.

    Without a run, a person sets the target and may allow it.

    Attributes:
        target: path of the target file.
        allow_target: name of the target as typed by the user; required if the target is not disposable.
        run: run directory, in which `harness.evidence.run_history` records; empty: nothing is recorded.
        experiment: name of the experiment.
        hold: file that ends the action `hold`; empty: `hold` takes its minimum time.
        parent: id of the process with which the child ends; 0: none.
        modules: directories of the project's own modules.
        kubeconfig: kubeconfig files of the run, as in `KUBECONFIG`.
        context: the target's context in these files.
        api_server: address of the target's API server; any other server is refused.
        observe_s: how long the fault is observed if the service does not recover, in seconds.
        login_proxies: proxies of the caller by variable, for the program that logs in to the API server.
        for_the_file: variables that a locustfile may read, and Locust must not: settings of Locust that a size file replaces.
    """

    target: str = ""
    allow_target: str = ""
    run: str = ""
    experiment: str = ""
    hold: str = ""
    parent: int = 0
    modules: tuple[str, ...] = ()
    kubeconfig: str = ""
    context: str = ""
    api_server: str = ""
    observe_s: float = 0.0
    login_proxies: Mapping[str, str] = field(default_factory=dict)
    for_the_file: Mapping[str, str] = field(default_factory=dict)

    def as_env(self) -> dict[str, str]:
        """The environment variables of all settings that are not empty."""
        every = {
            TARGET_VARIABLE: self.target,
            _ALLOW_TARGET: self.allow_target,
            RUN_VARIABLE: self.run,
            _EXPERIMENT: self.experiment,
            HOLD_VARIABLE: self.hold,
            _PARENT: str(self.parent or ""),
            _MODULES: os.pathsep.join(self.modules),
            _KUBECONFIG: self.kubeconfig,
            CONTEXT_VARIABLE: self.context,
            _API_SERVER: self.api_server,
            _OBSERVE: str(self.observe_s or ""),
            _LOGIN_PROXIES: json.dumps(dict(self.login_proxies)) if self.login_proxies else "",
            _FOR_THE_FILE: json.dumps(dict(self.for_the_file)) if self.for_the_file else "",
        }
        return {name: value for name, value in every.items() if value}

    @classmethod
    def from_env(cls) -> Self:
        """The settings of this process; an invalid number counts as not set."""
        env = os.environ
        observe = env.get(_OBSERVE, "")
        parent = env.get(_PARENT, "")
        return cls(
            target=env.get(TARGET_VARIABLE, ""),
            allow_target=env.get(_ALLOW_TARGET, ""),
            run=env.get(RUN_VARIABLE, ""),
            experiment=env.get(_EXPERIMENT, "") or BY_HAND,
            hold=env.get(HOLD_VARIABLE, ""),
            parent=int(parent) if parent.isdecimal() else 0,
            modules=tuple(name for name in env.get(_MODULES, "").split(os.pathsep) if name),
            kubeconfig=env.get(_KUBECONFIG, ""),
            context=env.get(CONTEXT_VARIABLE, ""),
            api_server=env.get(_API_SERVER, ""),
            observe_s=float(observe) if observe.replace(".", "", 1).isdecimal() else 0.0,
            login_proxies=json.loads(env.get(_LOGIN_PROXIES) or "{}"),
            for_the_file=json.loads(env.get(_FOR_THE_FILE) or "{}"),
        )
