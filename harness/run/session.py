"""A session of verification, from options to decision, for the command and the pytest plugin."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.catalogue import Catalogue, circles
from harness.drivers.chaos import Experiments, find_experiments
from harness.errors import ConfigurationError, Exit, HarnessError, UsageError
from harness.evidence import RunDirectory
from harness.model import IN_ORDER, Claim, ClaimVerdict, Demand, DemandKind, Outcome
from harness.model.planned.domain import UNKNOWN
from harness.nearest import hint_with_nearest
from harness.plugins import plugins
from harness.provided import provided
from harness.run.github import run_annotations
from harness.run.plan.choice import Choice, choose
from harness.run.plan.planning import Compiled
from harness.run.plan.selection import ScenarioSelection
from harness.run.project import catalogue_of
from harness.run.settings import RELEASE, Settings
from harness.run.which import newer_runs, run_path
from harness.steps import compile_scenario, lint_features, requirement_of, speaks_of_a_domain
from harness.targets import load_target
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from harness.model import Scenario, Verdict
    from harness.run.deciding import Decided
    from harness.run.project import Project
    from harness.run.start.provision import PlannedTarget
    from harness.targets import Target


def open_session(
    project: Project,
    *,
    target: Path | None,
    profile: Sequence[str] | None,
    release: str | None,
    out: Path | None = None,
    baseline: Path | None = None,
    evidence: Path | None = None,
    **options: Any,
) -> VerificationSession:
    """Open a session with the options of a command line, after everything that they name was found and checked.

    Args:
        project: project whose features are judged.
        target: target file, or the name of a provided target; None: the target of the project.
        profile: profiles that decide; empty: the profiles of the project.
        release: release under test; None if it is not named.
        out: directory of the runs; None: `reports/runs` of the project.
        baseline: earlier run to compare with, by its directory or name.
        evidence: stored run to replay, by its directory or name.
        options: other fields of `Settings`.

    Raises:
        HarnessError: an option is invalid, or names a file or an object that is missing or invalid.
    """
    runs = out or project.root / "reports" / "runs"
    if evidence is None:
        chosen = choose(project, target, profile or ())
    else:  # it judges what was recorded: nothing is chosen
        chosen = Choice(None, tuple(profile or project.profiles))
    if chosen.target is not None and (played := options.get("stands_for", "sandbox")) != "sandbox":
        hint = "leave `--as` out: the target file names the environment"
        raise UsageError(
            f"`--as {played}` is for the sandbox only, and this target is not the sandbox",
            where=str(chosen.target),
            hint=hint,
        )
    settings = Settings(
        project=project,
        target=chosen.target,
        provided=chosen.provided,
        profiles=chosen.profiles,
        release=RELEASE if release is None else release,
        names_release=release is not None,
        out=runs.absolute(),
        baseline=None if baseline is None else run_path(baseline, runs),
        evidence=None if evidence is None else run_path(evidence, runs),
        **options,
    )
    session = VerificationSession(settings)
    session.check()
    return session


class WhyNot(NamedTuple):
    """Why a scenario has no verdict.

    Attributes:
        text: the reason.
        of_run: whether the run itself gave none, because it lacked a means or had a filter; False: the scenario is not that of the run.
    """

    text: str
    of_run: bool = False


class VerificationSession:
    """The options of a session, its compiled scenarios, and its decision.

    Attributes:
        settings: options of the session.
        replay: whether a stored run is judged instead of a live run.
        deselected: locations of scenarios that a filter left out.
        experiments: all experiments of the project.
        decided: the decision; None until the run is decided.
        remarks: problems that do not stop the session.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.replay = settings.evidence is not None
        self.experiments: Experiments = find_experiments(settings.project.search("experiments"))
        self.deselected: list[str] = []
        self.decided: Decided | None = None
        self.remarks: list[str] = []
        self._compiled = Compiled(claims=(), demands=())
        self._problems: dict[Path, list[str]] = {}
        self._planned: PlannedTarget | None = None
        if settings.planning and settings.target is None:
            from harness.run.start.provision import PlannedTarget  # a replay needs none

            self._planned = PlannedTarget(settings)

    @cached_property
    def selection(self) -> ScenarioSelection:
        """The selection of the scenarios that are judged."""
        recorded = None
        if self.settings.evidence is not None:
            with suppress(HarnessError):  # of a plan that cannot be read: `decide` says so
                recorded = RunDirectory.open(self.settings.evidence).read_plan()
        return ScenarioSelection(self.settings, self.catalogue, replay=self.replay, recorded=recorded)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The bundled requirements and the project's own."""
        return catalogue_of(self.settings.project)

    def check(self) -> None:
        """Read everything that the options name, before scenarios are collected; raises HarnessError for the first problem."""
        profiles = self.settings.profiles or tuple(self.catalogue.profiles)  # a replay may name none
        catalogue = self.catalogue  # what is wrong with its files is not the profile's fault
        try:
            rows = [requirement.id for requirement in catalogue.profile(profiles)]
        except UsageError as error:
            project = self.settings.project
            named = f"{project.root / 'pyproject.toml'}: tool.harness.profiles"
            where = named if profiles == project.profiles else "--profile"
            raise UsageError(error.what, where=where, hint=error.hint) from error
        if self.settings.evidence is not None:
            RunDirectory.open(self.settings.evidence)
        else:
            self._refuse_circles()
            if self.settings.target is None:
                provided(self.settings.provided)  # refuses one that is missing, or of another version
            else:
                self._refuse_other_release(self.settings.target)
            self._refuse_unknown_statements()
            self._load_figures_and_formats()
        if self.settings.baseline is not None:
            self._check_baseline(self.settings.baseline)
        for pattern in self.settings.only:
            if not any(fnmatchcase(requirement, pattern) for requirement in rows):
                what = f"no requirement of {'+'.join(self.settings.profiles) or 'the catalogue'} matches {pattern!r}"
                hint = self._profile_hint(pattern) or hint_with_nearest(pattern, rows)
                raise UsageError(what, where="--only", hint=hint)

    def _profile_hint(self, pattern: str) -> str:
        """The profiles that have such a requirement; empty if none has."""
        having = [
            f"`--profile {name}`"
            for name in self.catalogue.profiles
            if any(fnmatchcase(requirement.id, pattern) for requirement in self.catalogue.profile((name,)))
        ]
        return f"add {' or '.join(having)}, which has such a requirement" if having else ""

    def _refuse_circles(self) -> None:
        """Refuse requirements that are derived from themselves: they could never be decided."""
        for problem in circles(self.catalogue):
            raise ConfigurationError(
                problem.what, where=problem.at, hint="write a criterion that names other requirements"
            )

    def _refuse_unknown_statements(self) -> None:
        """Refuse an attestation or a waiver for a requirement that no catalogue file defines: it would silently have no effect."""
        from harness.run.statements import refuse_unknown  # a replay reads none

        target = None if self.settings.target is None else load_target(self.settings.target)
        refuse_unknown(self.settings.project, target, self.catalogue.requirements)

    def _load_figures_and_formats(self) -> None:
        """Refuse a figure or report format of the project that cannot be loaded, which would otherwise be found at the end of the run only."""
        from harness.figures import installed  # a replay can do without

        installed()
        if plugins("readiness.reports"):
            from harness.report.reports import formats  # a tenth of a second, and most projects add none

            formats()

    def _refuse_other_release(self, file: Path) -> None:
        """Refuse a release on the command line that differs from that of the target file, which would silently be judged."""
        named, release = load_target(file).release.version, self.settings.release
        if self.settings.names_release and named and named != release:
            what = f"the target file names the release {named}, and the command names {release}"
            raise UsageError(what, where=f"{file}: release", hint="leave out `--release`, or the version in the file")

    def _check_baseline(self, baseline: Path) -> None:
        if self.replay:
            what = "a stored run has its own baseline, so `--evidence` cannot be combined with `--baseline`"
            raise UsageError(what, where="--baseline", hint="leave out --baseline or --evidence")
        RunDirectory.open(baseline)

    def owns(self, feature: Path) -> bool:
        """Whether a file is a feature of the project or the package; other features are not collected."""
        return any(feature.is_relative_to(base) for base in self._features)

    @cached_property
    def _features(self) -> tuple[Path, ...]:
        """The directories of features."""
        return self.settings.project.search("features")

    def lint(self, features: Iterable[Path]) -> list[str]:
        """The problems of feature files, such as scenarios that would pass without proving anything."""
        return [problem for feature in features for problem in self._linted(feature)]

    def _linted(self, feature: Path) -> list[str]:
        """The problems of one file, cached: pytest collects the files of a folder again for each file that it was given."""
        if feature not in self._problems:
            found = lint_features([feature], self.catalogue, self.experiments.domains, self.settings.project.root)
            self._problems[feature] = [str(problem) for problem in found]
        return self._problems[feature]

    def compile(self, scenarios: Sequence[Scenario]) -> None:
        """Compile every scenario.

        Raises:
            UsageError: a sentence cannot be read, or something that it needs is missing; the message has file and line.
        """
        claims: list[Claim] = []
        demands: list[Demand] = []
        used: dict[str, list[str]] = {}
        domains, in_part = self.experiments.domains, {row.id: row.in_part for row in self.selection.rows}
        for scenario in scenarios:
            kinds = in_part.get(requirement_of(scenario, self.catalogue), ())  # a replay has rows of any profile
            claim, expected = compile_scenario(scenario, self.catalogue, domains, kinds)
            claims.append(claim)
            demands += expected
            for name in dict.fromkeys(self._experiments_of(scenario, expected)):
                used.setdefault(name, []).append(scenario.location)
        self._report_broken(used)
        self._compiled = Compiled(
            claims=tuple(claims),
            demands=tuple(demands),
            deselected=tuple(self.deselected),
            tables=self.catalogue.tables_of([row.id for row in self.selection.rows]),
        )
        if self.settings.planning:
            from harness.run.plan.table import show_plan

            with self._planned_target() as target:
                show_plan(
                    self.settings,
                    self._compiled,
                    target=target,
                    requirements=self.selection.rows,
                    experiments=self.experiments.plans,
                )

    def _planned_target(self) -> AbstractContextManager[Target]:
        """The target of the plan; no request is sent to it."""
        if self.settings.target is not None:
            return nullcontext(load_target(self.settings.target))
        assert self._planned is not None  # noqa: S101 - a plan without a target file is for a provided target, see __init__
        return self._planned.target(self.selection.rows, self._compiled.claims)

    def _report_broken(self, used: Mapping[str, Sequence[str]]) -> None:
        """Stop a run whose scenarios use an invalid experiment file; otherwise only report the file."""
        for name, error in self.experiments.broken.items():
            by = used.get(name, ())
            if by and not self.replay:
                using = f"{len(by)} chosen scenarios use this file, the first is {by[0]}"
                using = f"the chosen scenario {by[0]} uses this file" if len(by) == 1 else using
                raise ConfigurationError(f"{error.what}; {using}", where=error.where, hint=error.hint)
            why = "not needed, since a stored run is judged" if by else "no chosen scenario uses this file"
            self.remarks.append(str(ConfigurationError(f"{error.what} ({why})", where=error.where, hint=error.hint)))

    def _experiments_of(self, scenario: Scenario, expected: Iterable[Demand]) -> Iterator[str]:
        """The experiments that a scenario runs; experiments of unknown domain are included if the scenario names all of a kind."""
        yield from (demand.name for demand in expected if demand.kind == DemandKind.EXPERIMENT)
        domains = self.experiments.domains
        unknown = [name for name in self.experiments.broken if domains[name] == UNKNOWN.name]
        if unknown and speaks_of_a_domain(scenario.steps, domains):
            yield from unknown

    def decide(self) -> Decided:
        """Gather the evidence, or read it from a stored run, and judge it."""
        if self.settings.evidence is not None:
            from harness.run.deciding import decide  # reads evidence, which a plan has none of

            self.decided = decide(RunDirectory.open(self.settings.evidence))
        else:
            from harness.run.live import run_live  # with all that drives, which a replay can do without

            self.decided = run_live(
                self.settings, self._compiled, requirements=self.selection.rows, experiments=self.experiments.plans
            )
        return self.decided

    def claim_of(self, scenario: Scenario) -> ClaimVerdict | None:
        """The verdict of a scenario; None if the run has no verdict for it, or judged other sentences of it.

        A waiver of a requirement applies to each of its scenarios, as in the reports.
        """
        if self.decided is None or scenario.id not in self._judged:
            return None
        verdict, claim = self._judged[scenario.id]
        if not claim.scenario.says(scenario):
            return None
        waived = verdict.outcome is Outcome.WAIVED
        return replace(claim, outcome=verdict.outcome, because=verdict.because) if waived else claim

    @cached_property
    def _judged(self) -> Mapping[str, tuple[Verdict, ClaimVerdict]]:
        """The verdicts of the decided run, by scenario."""
        verdicts = self.decided.judgement.verdicts if self.decided else ()
        return {claim.scenario.id: (verdict, claim) for verdict in verdicts for claim in verdict.claims}

    def why_not(self, scenario: Scenario) -> WhyNot:
        """The reason why a scenario has no verdict."""
        if self.decided is not None:
            plan, requirement = self.decided.plan, requirement_of(scenario, self.catalogue)
            if (lack := plan.lack_of(requirement)) is not None:
                hint = f"\n  hint: {lack.because.hint}" if lack.because.hint else ""
                return WhyNot(lack.because.text + hint, of_run=True)
            if any(claim.scenario.id == scenario.id for claim in plan.claims):
                return WhyNot("the recorded run judged other sentences: this scenario was edited after the run")
            if any(_same(left_out, scenario) for left_out in plan.deselected):
                given = f"the filter `{plan.filter}`" if plan.filter else "a filter"
                command = plan.command(unfiltered=True)
                what = f"{given} of the recorded run left out this scenario\n  hint: run without the filter: {command}"
                return WhyNot(what, of_run=True)
        return WhyNot("the recorded run does not have this scenario: it was written or renamed after the run")

    def exit_code(self, outcomes: Sequence[Outcome]) -> Exit:
        """The exit code of the decision; a replay, which never decides, has the exit code of its worst outcome."""
        if self.decided is not None and not self.replay:
            from harness.run.deciding import exit_of  # as above

            return exit_of(self.decided.judgement, no_decision=self.settings.no_decision)
        if Outcome.FAIL in outcomes:
            return Exit.NO_GO
        return Exit.GO if outcomes and IN_ORDER.issuperset(outcomes) else Exit.INCONCLUSIVE

    def closing_lines(self, outcomes: Sequence[Outcome]) -> Iterable[str]:
        """The last lines that the session prints."""
        if self.replay and outcomes:
            name = self.decided.plan.run if self.decided else self.settings.evidence
            newer = newer_runs(self.decided.directory.path) if self.decided else 0
            beside = f" · {counted(newer, 'newer run')} exist{'' if newer > 1 else 's'}" if newer else ""
            yield f"replay of {name}{beside} · {len(outcomes)} scenarios · no decision"
        if self.replay or self.decided is None:
            return
        from harness.report import closing_lines  # a replay has none, and starts quicker without

        yield from closing_lines(self.decided.plan, self.decided.judgement)
        yield f"  report: {self.decided.directory.path / 'readiness.html'}"
        yield from run_annotations(self.decided.plan, self.decided.judgement, self.settings.project.root)


def _same(location: str, scenario: Scenario) -> bool:
    """Whether `file:line: title` is this scenario, which may have moved to another line."""
    file, _, rest = location.partition(":")
    return f"{file}: {rest.partition(': ')[2]}" == scenario.id
