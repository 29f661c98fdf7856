"""One readiness session: what was asked for, what was compiled, what was decided."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from harness.catalogue import Catalogue, hint_with_nearest, load_catalogue
from harness.drivers.chaos import find_experiments
from harness.errors import UsageError
from harness.evidence import RunDirectory
from harness.model import Claim, Demand, ExperimentPlan, Outcome, Requirement
from harness.pytest_plugin.inventory import left_out
from harness.run.deciding import Decided, decide
from harness.run.exits import Exit, exit_of
from harness.run.planning import Compiled
from harness.run.project import feature_files
from harness.steps import compile_scenario, lint_features
from harness.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from harness.pytest_plugin.features import Written
    from harness.run.settings import Settings


class Session:
    """The state behind the hooks.

    Attributes:
        settings: the options. evidence: a stored run to replay; None: a live run. planning: show the plan and stop.
        deselected: locations of scenarios that a filter left out.
        decided: once there is a decision.
    """

    def __init__(self, settings: Settings, *, evidence: Path | None = None, planning: bool = False) -> None:
        self.settings = settings
        self.evidence = evidence
        self.planning = planning
        self.deselected: list[str] = []
        self.decided: Decided | None = None
        self._compiled = Compiled(claims=(), demands=())

    @property
    def replay(self) -> bool:
        """Whether a stored run is judged instead of a live one."""
        return self.evidence is not None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The bundled requirements and the project's own."""
        return load_catalogue(self.settings.project.catalogue)

    @cached_property
    def _ids(self) -> frozenset[str]:
        """Of the requirements of the chosen profiles."""
        return frozenset(requirement.id for requirement in self._rows())

    @cached_property
    def experiments(self) -> dict[str, ExperimentPlan]:
        """Every experiment there is, by name."""
        return find_experiments(self.settings.project.search("experiments"))

    def check(self) -> None:
        """Read what the options name, before anything is collected; raises HarnessError for the first that is wrong."""
        rows = [requirement.id for requirement in self.catalogue.profile(self.settings.profiles)]
        if self.evidence is not None:
            RunDirectory.open(self.evidence)
        elif self.settings.target is not None:
            load_target(self.settings.target)
        if self.settings.baseline is not None:
            self._check_baseline(self.settings.baseline)
        for pattern in self.settings.only:
            if not any(fnmatchcase(requirement, pattern) for requirement in rows):
                what = f"no requirement of {'+'.join(self.settings.profiles)} is like {pattern!r}"
                raise UsageError(what, where="--only", hint=hint_with_nearest(pattern, rows))

    def _check_baseline(self, baseline: Path) -> None:
        if self.replay:
            what = "a stored run is judged by the baseline that it was made with"
            raise UsageError(what, where="--baseline", hint="leave --baseline or --evidence out")
        RunDirectory.open(baseline)

    def owns(self, feature: Path) -> bool:
        """Whether a file is one of the project's or the package's features; others are somebody else's to collect."""
        return any(feature.is_relative_to(base) for base in self.settings.project.search("features"))

    def lint(self, features: Iterable[Path]) -> list[str]:
        """What is wrong with feature files, above all what would pass without proving anything."""
        domains = {name: plan.domain for name, plan in self.experiments.items()}
        root = self.settings.project.root
        return [str(problem) for problem in lint_features(features, self.catalogue, domains, root)]

    def selected(self, scenario: Written) -> bool:
        """Whether `--only` lets the scenario through."""
        if not self.settings.only:
            return True
        requirement = self._requirement(scenario)
        return any(fnmatchcase(requirement, pattern) for pattern in self.settings.only)

    def reconcile(self, collected: Iterable[Written]) -> None:
        """Note what a path on the command line, or anything else, kept from being collected."""
        if not self.replay:
            project = self.settings.project
            self.deselected += [
                f"{at}: {scenario.name}"
                for at, scenario in left_out(collected, feature_files(project), project.root)
                if not self._ids.isdisjoint(scenario.requirements(self.catalogue))
            ]

    def chosen(self, scenario: Written) -> bool:
        """Whether its requirement is in the chosen profiles. What another profile owns is not this run's, and was not left out by a filter."""
        return self.replay or self._requirement(scenario) in self._ids

    def compile(self, scenarios: Sequence[Written]) -> None:
        """Read every sentence; raises UsageError with file and line for the first that cannot be read."""
        claims: list[Claim] = []
        demands: list[Demand] = []
        domains = {name: plan.domain for name, plan in self.experiments.items()}
        for scenario in scenarios:
            claim, wanted = compile_scenario(
                scenario.location,
                self._requirement(scenario),
                scenario.steps,
                self.catalogue,
                domains,
            )
            lines = tuple(f"{keyword.title()} {text}" for keyword, text, _ in scenario.steps)
            claims.append(replace(claim, steps=lines))
            demands += wanted
        self._compiled = Compiled(claims=tuple(claims), demands=tuple(demands), deselected=tuple(self.deselected))
        if self.planning:
            from harness.run.table import show_plan

            show_plan(self.settings, self._compiled, requirements=self._rows(), experiments=self.experiments)

    def decide(self) -> Decided:
        """Gather the evidence or read it, and judge it."""
        if self.evidence is not None:
            self.decided = decide(RunDirectory.open(self.evidence))
        else:
            from harness.run.live import run_live  # with all that drives, which a replay can do without

            self.decided = run_live(
                self.settings, self._compiled, requirements=self._rows(), experiments=self.experiments
            )
        return self.decided

    def why_not(self, location: str) -> str:
        """Why a scenario has no verdict."""
        plan = self.decided.plan if self.decided else None
        requirement = next((claim.requirement for claim in self._compiled.claims if claim.scenario == location), "")
        lacks = {item.requirement: f"{item.why}; {item.hint}" for item in plan.not_assessable} if plan else {}
        return lacks.get(requirement, "the recorded run has no such scenario: it may have been written or moved since")

    def exit_code(self, outcomes: Sequence[Outcome]) -> Exit:
        """The decision's code; of a replay, which never decides, that of the worst of its outcomes."""
        if self.decided is not None and not self.replay:
            return exit_of(self.decided.judgement, no_decision=self.settings.no_decision)
        if Outcome.FAIL in outcomes:
            return Exit.NO_GO
        return Exit.GO if {*outcomes} == {Outcome.PASS} else Exit.INCONCLUSIVE

    def closing_lines(self, outcomes: Sequence[Outcome]) -> Iterable[str]:
        """The last words of the session."""
        if self.replay and outcomes:
            name = self.decided.plan.run if self.decided else self.evidence
            yield f"replay of {name} · {len(outcomes)} scenarios · no decision"
        if self.replay or self.decided is None:
            return
        yield self.decided.judgement.decision.headline
        yield from (f"  {reason}" for reason in self.decided.judgement.decision.reasons)
        yield f"  the page: {self.decided.directory.path / 'readiness.html'}"

    def _rows(self) -> tuple[Requirement, ...]:
        return self.catalogue.profile(self.settings.profiles)

    def _requirement(self, scenario: Written) -> str:
        if "requirement" in scenario.example:
            return scenario.example["requirement"]
        ids = sorted(tag for tag in scenario.tags if tag in self.catalogue.requirements)
        if len(ids) != 1:
            raise UsageError(
                f"the scenario names {len(ids)} requirements: {', '.join(ids) or 'none'}",
                where=scenario.location,
                hint="one scenario, one requirement id: a tag, or a column `requirement` in Examples",
            )
        return ids[0]
