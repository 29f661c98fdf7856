"""`readiness catalogue`: the requirements, their scenarios, the contradictions of the documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.catalogue import Catalogue
    from harness.model import Requirement

_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def catalogue() -> None:
    """The requirements, their scenarios, and what the documents contradict."""


@catalogue.command("list")
@click.option("--profile", multiple=True, metavar="NAME", help="Only this profile; may be repeated.")
@_JSON
def list_requirements(profile: tuple[str, ...], *, as_json: bool) -> int:
    """List the requirements, and where the platform differs from the documents on purpose."""
    known = _load()
    rows = known.profile(profile) if profile else tuple(known.requirements.values())
    if as_json:
        click.echo(json.dumps([_plain(row) for row in rows], indent=1, ensure_ascii=False))
        return 0
    for row in rows:
        click.echo(f"{row.id:24} {row.gate.value:8} {row.title}")
    click.echo(f"{len(rows)} requirements")
    if not profile:
        for deviation in known.deviations:
            click.echo(f"{deviation.id:4} {deviation.name}: {deviation.document_says} → {deviation.shipped}")
    return 0


@catalogue.command()
@click.argument("requirement", metavar="ID")
@_JSON
def show(requirement: str, *, as_json: bool) -> int:
    """Show one requirement."""
    known = _load()
    row = known.requirement(requirement)
    if as_json:
        click.echo(json.dumps(_plain(row), indent=1, ensure_ascii=False))
        return 0
    for key, value in _plain(row).items():
        click.echo(f"{key:13} {', '.join(value) if isinstance(value, list) else value}")
    for deviation in known.deviations_of(requirement):
        click.echo(f"{'deviation':13} {deviation.id} {deviation.name}: {deviation.shipped}")
    click.echo(f"{'defined in':13} {known.where(requirement)}")
    return 0


@catalogue.command("lint")
def lint_catalogue() -> int:
    """Look for rows that point nowhere, in circles, or at nothing that could fail."""
    from harness.catalogue import lint

    problems = lint(_load())
    for problem in problems:
        click.echo(str(problem))
    click.echo(f"{len(problems)} problems")
    return 1 if problems else 0


@catalogue.command()
@_JSON
def trace(*, as_json: bool) -> int:
    """Which scenario, part, file or attestation covers each requirement."""
    from harness.catalogue import trace as traced

    known = _load()
    lines = traced(known, _claims(known))
    if as_json:
        rows = [
            {"id": t.requirement.id, "means": t.means.value, "scenarios": t.scenarios, "parts": t.parts} for t in lines
        ]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    for line in lines:
        click.echo(f"{line.requirement.id:24} {line.means.value:12} {'; '.join(line.scenarios or line.parts)}")
    return 0


def _load() -> Catalogue:
    from harness.catalogue import load_catalogue
    from harness.run.project import find_project

    return load_catalogue(find_project(Path.cwd()).catalogue)


def _claims(known: Catalogue) -> list[Any]:
    """The claims of every feature there is."""
    from harness.drivers.chaos import find_experiments
    from harness.run.project import find_project
    from harness.steps import compile_scenario, read_feature

    project = find_project(Path.cwd())
    experiments = find_experiments(project.search("experiments"))
    for error in experiments.broken.values():
        click.secho(str(error), err=True, fg="red")
    files = [file for base in project.search("features") for file in sorted(base.rglob("*.feature"))]
    scenarios = [scenario for file in files for scenario in read_feature(file, project.root)]
    return [compile_scenario(scenario, known, experiments.domains)[0] for scenario in scenarios]


def _plain(row: Requirement) -> dict[str, Any]:
    return {
        "id": row.id,
        "profile": row.profile,
        "title": row.title,
        "criterion": row.criterion,
        "kinds": [kind.value for kind in row.kinds],
        "gate": row.gate.value,
        "environments": list(row.environments),
        "source": row.source,
        "falsified_by": row.falsified_by,
    }
