"""`readiness init`: writes a project for your own service that can be run immediately."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from harness.cli.starter.writing import ProjectAnswers, WrittenProject

_WHEEL: Final = (
    "python -m pip wheel --no-deps --wheel-dir wheels PATH-OF-THE-CHECKOUT"
    "  # CI installs the tool from there: commit wheels/"
)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--entry", metavar="URL", help="Address of the service, e.g. http://127.0.0.1:8080.")
@click.option("--name", metavar="NAME", help="Name of the target.  [default: name of the directory]")
@click.option(
    "--environment",
    type=click.Choice(["staging", "production"]),
    default="staging",
    show_default=True,
    help="Environment of the target.",
)
@click.option(
    "--health",
    metavar="PATH",
    help="Path that answers 200 while the service is healthy.  [default: a usual path that answers]",
)
@click.option("--read", metavar="PATH", help="Path that reads stored data.  [default: a path that answers]")
@click.option("--write", metavar="PATH", help="Path that receives a user's POST. If omitted, the journey only reads.")
@click.option("--body", metavar="JSON", help="JSON body of the POST, e.g. '{\"item\": 1}'.")
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the CA of the service's certificate; it is copied into the project.",
)
@click.option(
    "--openapi", metavar="FILE|URL", help="OpenAPI document with the reads for the journey, and with who may call what."
)
@click.option(
    "--user",
    metavar="NAME",
    help="Test user who gets a token; the password is in the environment variable TEST_PASSWORD.",
)
@click.option(
    "--sign-in",
    metavar="PATH",
    help="Path of the POST that gives a user a token.  [default: the document's password flow]",
)
@click.option(
    "--header",
    "headers",
    metavar="TEXT",
    multiple=True,
    help="Header that signs in, for each request of the journey, e.g. 'Authorization: Bearer $TOKEN'; the secret stays in the environment.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and do not ask questions.")
def init(directory: Path, *, as_json: bool, **options: Any) -> int:
    """Write a project for your own service into DIR.

    The project has requirements, scenarios, a journey, a restart experiment and workflows for CI. Existing files are not changed.
    In a terminal the command asks for missing options. It sends only GET requests: usual paths, and each documented read once.
    """
    from harness.cli.starter.answers import answers_for
    from harness.cli.starter.writing import write_project

    asks = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    answers, findings = answers_for(directory, options, asks=asks)
    project = write_project(directory, answers)
    following = list(_next(directory, answers, project))
    if as_json:
        record = {
            "directory": str(directory),
            "written": list(project.written),
            "kept": list(project.kept),
            "found": list(findings.said),
            "left_out": list(findings.left_out),
            "problem": findings.problem,
            "listens": findings.listens,
            "next": following,
        }
        click.echo(json.dumps(record, indent=1, ensure_ascii=False))
        return 0
    for name in project.written:
        click.echo(f"wrote  {directory / name}")
    for name in project.kept:
        click.echo(f"kept   {directory / name}")
    for line in findings.lines:
        click.echo(line)
    if findings.problem:
        click.secho(findings.problem, fg="yellow")
    click.echo("next:")
    for line in following:
        click.echo(f"  {line}")
    return 0


def _repository_above(directory: Path) -> Path | None:
    """The root of the Git repository around the directory; None if the directory is the root itself, or in no repository."""
    here = directory.resolve()
    root = next((one for one in (here, *here.parents) if (one / ".git").exists()), None)
    return root if root != here else None


def _next(directory: Path, answers: ProjectAnswers, project: WrittenProject) -> list[str]:
    """The next steps for the user, in order."""
    steps = [f"cd {shlex.quote(str(directory))}"] if directory.resolve() != Path.cwd() else []
    if "pyproject.toml" in project.kept:
        table = (
            f'[tool.harness]  target = "target.yaml"  profiles = ["{answers.profile}"]  catalogue = ["catalogue"]  '
            'features = ["features"]  loadtests = ["loadtests"]  experiments = ["experiments"]'
        )
        steps.append(f"# pyproject.toml was kept: it needs the table {table}")
    if (above := _repository_above(directory)) is not None:
        inside = directory.resolve().relative_to(above)
        steps.append(
            f"# .github/ and .gitlab-ci.yml work only at the root of a repository: move them to {above} and set their "
            f"working directory to {inside} (docs/ci.md, a project in a directory of a repository)"
        )
    from harness.cli.starter.writing import is_address, tool_requirement

    return [
        *steps,
        "readiness plan  # shows the steps of a run and what it can decide; starts nothing",
        f"readiness run{answers.options}  # takes about a minute and a half",
        *([] if is_address(tool_requirement()) else [_WHEEL]),
    ]
