"""`readiness catalogue`: requirements, their scenarios, and contradictions of the documents."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completing import profiles, requirements
from harness.errors import ConfigurationError, UsageError
from harness.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from harness.catalogue import Catalogue, FormTally, Problem, RequirementTrace
    from harness.model import Claim, Demand, Requirement, Scenario

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def catalogue() -> None:
    """Show and check the requirements and their scenarios."""


@catalogue.command("list")
@click.option(
    "--profile",
    multiple=True,
    metavar="NAME",
    shell_complete=profiles,
    help="Show only this profile; may be repeated.",
)
@_JSON
def list_requirements(profile: tuple[str, ...], *, as_json: bool) -> int:
    """List the requirements, and the intended differences between platform and documents."""
    known = _load()
    rows = known.profile(profile) if profile else tuple(known.requirements.values())
    if as_json:
        files = _own_files(known, rows)
        click.echo(_json([_plain(row, files) for row in rows]))
        return 0
    for row in rows:
        click.echo(f"{row.id:24} {row.gate.value:8} {row.title}")
    click.echo(f"{len(rows)} requirements")
    if not profile:
        for deviation in known.deviations:
            click.echo(f"{deviation.id:4} {deviation.name}: {deviation.document_says} → {deviation.shipped}")
    return 0


@catalogue.command()
@click.argument("requirement", metavar="ID", shell_complete=requirements)
@_JSON
def show(requirement: str, *, as_json: bool) -> int:
    """Show one requirement."""
    known = _load()
    row = known.requirement(requirement)
    plain = _plain(row, _own_files(known, [row]))
    if as_json:
        click.echo(_json(plain))
        return 0
    for key, value in plain.items():
        if value:
            click.echo(f"{key:13} {', '.join(value) if isinstance(value, list) else value}")
    for deviation in known.deviations_of(requirement):
        click.echo(f"{'deviation':13} {deviation.id} {deviation.name}: {deviation.shipped}")
    click.echo(f"{'defined in':13} {known.where(requirement)}")
    return 0


@catalogue.command("lint")
@click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="Also show each contradiction with both statements; in a project also the notes of the package.",
)
@_JSON
def lint_catalogue(*, verbose: bool, as_json: bool) -> int:
    """Check the catalogue and all features.

    Every requirement must have a scenario, or name the missing components under `needs`. In a project with its own requirements, notes
    and counts cover only these.
    """
    from harness.catalogue import claiming_files, lint, load_catalogue, tallies, unaccounted
    from harness.run.github import problem_annotations

    known = _load()
    read = _read_features()
    problems = [*lint(known), *read.problems(known), *_of_project(known, read.demands(known), read.scenarios)]
    claimed = {requirement for scenario in read.scenarios for requirement in scenario.requirements}
    problems += unaccounted(known, claimed, claiming_files(known, read.scenarios))
    if as_json:
        click.echo(_json(_lint_record(known, problems, tallies(known, claimed))))
        return 1 if problems else 0
    for problem in problems:
        click.echo(str(problem))
    for line in problem_annotations(*map(str, problems), root=read.root):
        click.echo(line)
    shipped = load_catalogue()
    own = _without(known, shipped)
    if own.requirements and verbose:
        for line in [*_notes(shipped, read, verbose=True), *_counts(shipped, tallies(shipped, claimed))]:
            click.echo(f"(package) {line}")
    shown = own if own.requirements else known
    forms = tallies(shown, claimed)
    for line in [*_notes(shown, read, verbose=verbose), *_counts(shown, forms), *_forms(forms)]:
        click.echo(line)
    click.echo(counted(len(problems), "problem"))
    return 1 if problems else 0


def _without(known: Catalogue, shipped: Catalogue) -> Catalogue:
    """The requirements and contradictions of the project, without the package's."""
    contradictions = tuple(one for one in known.contradictions if one not in shipped.contradictions)
    own = {id_: row for id_, row in known.requirements.items() if id_ not in shipped.requirements}
    return replace(known, requirements=own, contradictions=contradictions)


def _notes(known: Catalogue, read: _Features, *, verbose: bool) -> Iterator[str]:
    """The contradictions, if `verbose`, and the requirements that several scenarios claim."""
    for entry in known.contradictions if verbose else ():
        if entry.stands:
            yield f"contradiction {entry.id}: {entry.finding}"
            yield from (f"  {line}" for line in (entry.comparison, entry.left, entry.right))
    for requirement, at in read.claimed_twice().items():
        if requirement in known.requirements:
            yield f"{requirement} has {len(at)} scenarios, and the worst verdict decides: {', '.join(at)}"


def _counts(known: Catalogue, forms: Iterable[FormTally]) -> Iterator[str]:
    standing, every = sum(entry.stands for entry in known.contradictions), len(known.contradictions)
    if every:
        yield f"{standing} of {every} contradictions of the documents are unresolved{', as expected' if standing == every else ''}"
    accounted = sum(form.accounted for form in forms)
    yield f"{accounted} of {len(known.requirements)} requirements have a scenario or name a missing component"


def _forms(forms: Iterable[FormTally]) -> Iterator[str]:
    yield f"{'form':10} {'requirements':>12} {'scenario':>9} {'waiting':>8} {'without':>8}"
    for form in forms:
        yield f"{form.form:10} {form.rows:12} {form.claimed:9} {form.waiting:8} {len(form.without):8}"


@catalogue.command()
@_JSON
def trace(*, as_json: bool) -> int:
    """Trace each requirement to its scenarios, sentences and kinds of evidence, or say why it has none."""
    from harness.catalogue import trace as traced

    known = _load()
    read = _read_features()
    claims, errors = read.claims(known)
    lines = traced(known, claims, errors)
    if as_json:
        click.echo(_json([_trace_record(line) for line in lines]))
        return 0
    for line in lines:
        if not line.scenarios:
            click.echo(f"{line.requirement.id:24} not traced: {line.why}")
        for scenario in line.scenarios:
            click.echo(f"{line.requirement.id:24} {scenario.at}: {scenario.title}")
            for step in scenario.sentences:
                click.echo(f"{'':24}   {step.line} [{', '.join(scenario.evidence)}]")
    traces = sum(bool(line.scenarios) for line in lines)
    click.echo(f"{traces} of {len(lines)} requirements traced to a scenario")
    return 0


def _load() -> Catalogue:
    from harness.run.project import catalogue_of, find_project

    return catalogue_of(find_project(Path.cwd()))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Features:
    """The features of the project and of the package; `broken` are files that cannot be read, `domains` of the experiments by name."""

    root: Path
    files: tuple[Path, ...]
    scenarios: tuple[Scenario, ...]
    broken: tuple[Problem, ...]
    domains: Mapping[str, str]

    def problems(self, known: Catalogue) -> list[Problem]:
        """Problems of the features, and of experiments that cannot be read."""
        from harness.steps import lint_features

        return [*self.broken, *lint_features(self.files, known, self.domains, self.root)]

    def demands(self, known: Catalogue) -> list[Demand]:
        """The demands of all scenarios that compile, each once."""
        from harness.steps import compile_scenario

        found: dict[str, Demand] = {}
        for scenario in self.scenarios:
            with suppress(UsageError):  # among the problems of its feature
                found |= {one.key: one for one in compile_scenario(scenario, known, self.domains)[1]}
        return list(found.values())

    def claimed_twice(self) -> dict[str, list[str]]:
        """The requirements that several scenarios claim, each with their places."""
        places: dict[str, list[str]] = {}
        for scenario in self.scenarios:
            for requirement in scenario.requirements:
                places.setdefault(requirement, []).append(scenario.at)
        return {requirement: at for requirement, at in places.items() if len(at) > 1}

    def claims(self, known: Catalogue) -> tuple[list[Claim], dict[str, str]]:
        """The claims of all scenarios that compile; requirement id → problem, for scenarios that do not."""
        from harness.steps import compile_scenario

        claims: list[Claim] = []
        errors: dict[str, str] = {}
        for scenario in self.scenarios:
            try:
                claims.append(compile_scenario(scenario, known, self.domains)[0])
            except UsageError as error:
                errors |= dict.fromkeys(
                    scenario.requirements, f"its scenario has an error: {error.where}: {error.what}"
                )
        return claims, errors


def _of_project(known: Catalogue, demands: Iterable[Demand], scenarios: Iterable[Scenario]) -> Iterator[Problem]:
    """Problems besides the features that a run would refuse: profiles, extensions, the target file, traffics and rollouts."""
    from harness.catalogue import Problem
    from harness.drivers.load import load_traffic
    from harness.drivers.rollout.files import load_rollout
    from harness.drivers.watch.registry import watchers
    from harness.figures import installed
    from harness.model import DemandKind
    from harness.report.reports import formats
    from harness.run.acts.registry import drivers
    from harness.run.plan.names import check_names
    from harness.run.project import find_project
    from harness.steps import traffic_asked_at, traffic_of
    from harness.targets import load_target

    project, asked = find_project(Path.cwd()), list(demands)
    pyproject = str(project.root / "pyproject.toml")
    rollouts = dict.fromkeys(one.name for one in asked if one.kind == DemandKind.ROLLOUT)
    overrides = {}
    checks: list[Callable[[], object]] = [
        lambda: known.profile(project.profiles),
        installed,
        formats,
        watchers,
        drivers,
    ]
    if project.target is not None:
        try:
            target = load_target(project.target)
        except UsageError as error:
            yield Problem(at=error.where, what=error.what, hint=error.hint)
        else:
            overrides = dict(target.traffic)
            checks.append(lambda: check_names(target, project))
    loadtests, places = project.search("loadtests"), traffic_asked_at(scenarios)
    checks += [
        partial(load_traffic, name, loadtests, overrides, asked_at=places.get(name, "")) for name in traffic_of(asked)
    ]
    checks += [partial(load_rollout, name, project.search("rollouts")) for name in rollouts]
    for check in checks:
        try:
            check()
        except UsageError as error:
            yield Problem(at=error.where or pyproject, what=error.what, hint=error.hint)


def _read_features() -> _Features:
    from harness.catalogue import Problem
    from harness.drivers.chaos import find_experiments
    from harness.files import bundled
    from harness.run.project import feature_files, find_project
    from harness.steps import read_feature

    project = find_project(Path.cwd())
    experiments = find_experiments(project.search("experiments"))
    # an experiment of the package may need an extra, which is missing only for a project that uses the experiment: a plan says so
    theirs = {bundled("experiments").resolve()}.difference(one.resolve() for one in project.experiments)
    own = [error for error in experiments.broken.values() if error.path.resolve().parent not in theirs]
    broken = [Problem(at=error.where, what=error.what, hint=error.hint) for error in own]
    files = feature_files(project)
    scenarios: list[Scenario] = []
    for file in files:
        with suppress(ConfigurationError):  # lint_features has it among its problems
            scenarios += read_feature(file, project.root)
    return _Features(
        root=project.root,
        files=files,
        scenarios=tuple(scenarios),
        broken=tuple(broken),
        domains=experiments.domains,
    )


def _own_files(known: Catalogue, rows: Iterable[Requirement]) -> Mapping[str, Collection[str]]:
    """The project's own feature files by the profiles that they claim rows of; none where all rows are the package's, which go by section."""
    from harness.catalogue import BUNDLED, claiming_files
    from harness.files import bundled
    from harness.run.project import feature_files, find_project
    from harness.steps import read_feature

    defined = {known.places[row.id].file.path for row in rows if row.id in known.places}
    if all(path.is_relative_to(BUNDLED) for path in defined):
        return {}
    project = find_project(Path.cwd())
    scenarios: list[Scenario] = []
    for file in feature_files(project):
        if not file.is_relative_to(bundled("features")):
            with suppress(ConfigurationError):  # `lint` has it among its problems
                scenarios += read_feature(file, project.root)
    return claiming_files(known, scenarios)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _lint_record(known: Catalogue, problems: Iterable[Problem], forms: Iterable[FormTally]) -> dict[str, Any]:
    return {
        "problems": [asdict(problem) for problem in problems],
        "contradictions": [
            {**asdict(entry), "documents": entry.documents, "stands": entry.stands} for entry in known.contradictions
        ],
        "forms": [asdict(form) for form in forms],
    }


def _trace_record(line: RequirementTrace) -> dict[str, Any]:
    return {
        "id": line.requirement.id,
        "kinds": [kind.value for kind in line.requirement.kinds],
        "parts": line.parts,
        "why": line.why,
        "scenarios": [
            {
                "at": scenario.at,
                "title": scenario.title,
                "sentences": [{"at": step.at, "text": step.text} for step in scenario.sentences],
                "demands": scenario.demands,
                "evidence": scenario.evidence,
            }
            for scenario in line.scenarios
        ],
    }


def _plain(row: Requirement, files: Mapping[str, Collection[str]]) -> dict[str, Any]:
    from harness.catalogue import feature_file

    return {
        "id": row.id,
        "profile": row.profile,
        "title": row.title,
        "criterion": row.criterion,
        "says": row.says,
        "form": row.form.value,
        "kinds": [kind.value for kind in row.kinds],
        "gate": row.gate.value,
        "environments": list(row.environments),
        "source": row.source,
        "feature": feature_file(row, files.get(row.profile, ())),
        "falsified_by": row.falsified_by,
        "owner": row.owner,
        "needs": [part.name for part in row.needs],
    }
