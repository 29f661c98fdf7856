"""The options of one session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.provided import SANDBOX

if TYPE_CHECKING:
    from harness.run.project import Project


RELEASE: Final = "1.0.0"
"""The release if none is named."""
LEAST_SCALE: Final = 0.05
"""Smallest traffic scale: with less traffic almost no sentence can be decided within an hour."""
MOST_SCALE: Final = 4.0
"""Largest traffic scale: a higher rate belongs into the traffic file, which also sets the number of workers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The options of `readiness run` and `readiness plan`, and of the pytest plugin.

    Attributes:
        project: the project in which names are resolved.
        target: target file, as `choice.choose` returns it; None: the provided target is started for the run.
        provided: name of the target that is started if `target` is None.
        profiles: names of catalogue profiles.
        stands_for: environment that a provided target represents.
        release: release of a provided target, by name or directory; for another target a label.
        names_release: whether the release was named; False: `release` is the default.
        out: directory of the runs.
        seed: seed of every schedule.
        traffic_scale: factor for the rate of every traffic, or for its users in a closed model.
        allow_target: name typed in full for a production-like target.
        baseline: run directory for sentences that compare with a baseline; None: these sentences are not assessed.
        keep: leave a provided target running afterwards.
        no_decision: exit with the worst selected verdict when filtered.
        only: patterns of requirement ids.
        pytest_arguments: further arguments for pytest, such as `-k`.
        evidence: stored run to replay; None: the run is live.
        planning: show the plan and stop.
        as_json: show the plan as JSON.
        upload: address of the bucket that gets the evidence; empty: that of the target file, if any.
        as_roles: show only the Kubernetes permissions of the plan.
    """

    project: Project
    target: Path | None = None
    provided: str = SANDBOX
    profiles: tuple[str, ...] = ("core",)
    release: str = RELEASE
    names_release: bool = False
    stands_for: str = "sandbox"
    out: Path = Path("reports/runs")
    seed: int = 1
    traffic_scale: float = 1.0
    allow_target: str = ""
    baseline: Path | None = None
    keep: bool = False
    no_decision: bool = False
    only: tuple[str, ...] = ()
    pytest_arguments: tuple[str, ...] = ()
    evidence: Path | None = None
    planning: bool = False
    as_json: bool = False
    upload: str = ""
    as_roles: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError if the traffic scale is out of bounds or not a number."""
        if not LEAST_SCALE <= self.traffic_scale <= MOST_SCALE:
            what = f"the traffic scale is {self.traffic_scale:g}, expected {LEAST_SCALE:g} to {MOST_SCALE:g}"
            hint = "`--traffic-scale 0.5` sends half of the requests of every traffic"
            raise UsageError(what, where="--traffic-scale", hint=hint)

    def again(self, release: str) -> tuple[str, ...]:
        """The options that repeat the run, without `--only` and `--allow-target`.

        Args:
            release: release that was judged; a target file may name another release than the setting, which applies to provided targets.
        """
        options = {
            "--target": [self.provided if self.target is None else str(self.target)],
            "--profile": self.profiles,
            "--release": [self.release if self.target is None else release],
            "--as": [] if self.stands_for == "sandbox" else [self.stands_for],
            "--out": [str(self.out)],
            "--baseline": [] if self.baseline is None else [str(self.baseline)],
            "--seed": [str(self.seed)],
            "--traffic-scale": [] if self.traffic_scale == 1 else [f"{self.traffic_scale:g}"],
        }
        return tuple(word for option, values in options.items() for value in values for word in (option, value))
