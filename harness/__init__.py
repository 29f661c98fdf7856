"""Readiness Harness: decides, from evidence, whether a release of an integrated platform may ship.

Public: `judge(plan, evidence)`, `open_run(path)`, `discover()` for Chaos Toolkit, and the modules `model`, `steps`, `chaos` (for experiment files) and `locust` (for
locustfiles). The modules are loaded at their first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from harness import chaos, locust, model, steps
    from harness.model import Evidence, Judgement, Plan

__version__ = "0.3.0"
__all__ = ["__version__", "chaos", "discover", "judge", "locust", "model", "open_run", "steps"]


def judge(plan: Plan, evidence: Evidence) -> Judgement:
    """Judge a recorded run by its plan and its evidence, with the figures of this installation and project.

    Raises:
        UsageError: a figure of the plan is defined by a package or project that cannot be loaded.
    """
    figures = importlib.import_module("harness.figures").figures_of(plan)  # by name: each room imports this file
    judged: Judgement = importlib.import_module("harness.judgement").judge(plan, evidence, figures)
    return judged


def open_run(path: Path) -> tuple[Plan, Evidence]:
    """The plan and the evidence of a recorded run, for `judge`.

    Args:
        path: run directory, such as `reports/runs/20261112T100000Z`.

    Raises:
        UsageError: the run does not exist.
        RunInProgress: the run is still being written.
        MissingEvidence: the run has no plan, or a plan of another format.
    """
    from harness.evidence import RunDirectory
    from harness.evidence.reading import load_evidence

    directory = RunDirectory.open(path)
    return directory.read_plan(), load_evidence(directory)


def discover(discover_system: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - as Chaos Toolkit calls it
    """The actions and probes for experiment files, for `chaos discover --no-install readiness-harness`.

    Args:
        discover_system: part of Chaos Toolkit's contract; nothing of a system is discovered.
    """
    del discover_system
    found: dict[str, Any] = importlib.import_module("harness.chaos.discovery").discovered()
    return found


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"harness.{name}")
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
