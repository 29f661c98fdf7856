"""`readiness init`: writes a project for your own service that can be run immediately."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.cli.starter.discovery import DiscoveredPaths
    from harness.cli.starter.listening import ListeningProcess
    from harness.cli.starter.writing import ProjectAnswers, WrittenProject

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_RESTART: Final = "experiments/service-restart.yaml"
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
@click.option("--openapi", metavar="FILE|URL", help="OpenAPI document with the reads for the journey.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and do not ask questions.")
def init(directory: Path, *, as_json: bool, **options: Any) -> int:
    """Write a project for your own service into DIR.

    The project has requirements, scenarios, a journey, a restart experiment and workflows for CI. Existing files are not changed.
    In a terminal the command asks for missing options. It sends only GET requests, to find the paths that answer.
    """
    from harness.cli.starter.writing import write_project

    asks = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    answers, problem, left_out, listens = _answers(directory, options, asks=asks)
    project = write_project(directory, answers)
    following = list(_next(directory, answers, project))
    if as_json:
        record = {
            "directory": str(directory),
            "written": list(project.written),
            "kept": list(project.kept),
            "left_out": list(left_out),
            "problem": problem,
            "listens": listens,
            "next": following,
        }
        click.echo(json.dumps(record, indent=1, ensure_ascii=False))
        return 0
    for name in project.written:
        click.echo(f"wrote  {directory / name}")
    for name in project.kept:
        click.echo(f"kept   {directory / name}")
    for line in left_out:
        click.echo(f"left out of the journey: {line}")
    if listens:
        click.echo(listens)
    if problem:
        click.secho(problem, fg="yellow")
    click.echo("next:")
    for line in following:
        click.echo(f"  {line}")
    return 0


def _answers(
    directory: Path, options: dict[str, Any], *, asks: bool
) -> tuple[ProjectAnswers, str, tuple[str, ...], str]:
    """The answers for the project, the problem of the service, the documented reads that are left out, and what listens at the entry."""
    from harness.cli.starter.discovery import discovered, statuses_of, tls_of
    from harness.cli.starter.listening import listening
    from harness.cli.starter.openapi import answered_reads, documented_reads
    from harness.cli.starter.writing import ProjectAnswers

    name = _name(options["name"], directory)
    entry = _entry(options["entry"], asks=asks)
    ca: Path | None = options["ca"]
    if ca is not None and not ca.is_file():
        raise UsageError("the file does not exist", where=str(ca), hint="name a file of PEM certificates")
    tls = tls_of(str(ca) if ca else "")
    documented = documented_reads(options["openapi"], tls) if options["openapi"] else None
    reads = documented.reads if documented else ()
    found = discovered(entry, tls, [read.path for read in reads if read.status == 200])
    if documented:
        answered = {} if found.problem else statuses_of(entry, tls, [read.path for read in reads])
        documented = answered_reads(options["openapi"], documented, answered)
        reads = documented.reads
    health = _path(
        "--health",
        options["health"]
        or _asked("Path that answers 200 while the service is healthy", found.health or "/health", asks),
    )
    read = _path("--read", options["read"] or _asked("Path of a read", found.read or "/", asks))
    write = options["write"] or _asked("Path that receives a user's POST (empty: none)", "", asks)
    answers = ProjectAnswers(
        name=name,
        entry=entry,
        environment=options["environment"],
        health=health,
        read=read,
        write=_path("--write", write) if write else "",
        body=_body(options["body"], write),
        ca=ca.read_bytes() if ca else None,
        reads=reads,
    )
    _refuse_known(answers)
    there = listening(entry) if answers.local else ()
    answers = replace(answers, forwarder=next((one.name for one in there if one.forwards), ""))
    left_out = documented.left_out if documented else ()
    return answers, _problem(entry, found, directory, options), left_out, _listens(answers, found, there)


def _asked(question: str, default: str, asks: bool) -> str:  # noqa: FBT001 - one answer of two
    return str(click.prompt(question, default=default, show_default=bool(default))) if asks else default


def _name(given: str | None, directory: Path) -> str:
    name = given or directory.absolute().resolve().name
    if not _NAME.fullmatch(name):
        hint = "use letters, digits, `.`, `_` and `-`, like `--name shop`"
        raise UsageError(f"{name!r} cannot be the name of a target", where="--name" if given else "DIR", hint=hint)
    return name


def _entry(given: str | None, *, asks: bool) -> str:
    from harness.targets.files.values import has_wrong_port, is_http

    entry = given or _asked("Address of the service", "http://127.0.0.1:8080", asks)
    if not given and not asks:
        hint = "pass `--entry http://127.0.0.1:8080`, with the address where the service answers"
        raise UsageError("the address of the service is missing", where="--entry", hint=hint)
    entry = entry.rstrip("/")
    if has_wrong_port(entry):
        hint = "write an address like `http://127.0.0.1:8080`"
        raise UsageError(f"the port of {entry!r} is invalid, expected 1 to 65535", where="--entry", hint=hint)
    if not is_http(entry) or {"?", "#", "@", '"', "'"} & {*entry}:
        hint = "write an address like `http://127.0.0.1:8080`, without user and password, `?` and `#`"
        raise UsageError(f"{entry!r} is not an HTTP address", where="--entry", hint=hint)
    if path := urlsplit(entry).path:
        hint = f"leave out {path} here, and write it at the start of the other paths: `--read {path}/…`"
        raise UsageError(f"the address has the path {path}, expected none", where="--entry", hint=hint)
    return entry


def _path(option: str, value: str) -> str:
    if not re.fullmatch(r"/[^\s\"'{}\\]*", value) or not value.isprintable():
        raise UsageError(
            f"{value!r} is not a path", where=option, hint="write a path that begins with `/`, like `/items/1`"
        )
    return value


def _body(given: str | None, write: str) -> dict[str, Any] | None:
    if given is None:
        return None
    if not write:
        raise UsageError("the path for this body is missing", where="--body", hint="pass `--write PATH` too")
    try:
        body = json.loads(given, parse_constant=_refuse_constant)
        json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except ValueError as error:
        hint = "write the body like '{\"item\": 1}'"
        raise UsageError(f"the body is not JSON: {error}", where="--body", hint=hint) from error
    if not isinstance(body, dict):
        raise UsageError("the body is not a JSON object", where="--body", hint="write the body like '{\"item\": 1}'")
    return body


def _refuse_constant(word: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads although they are not JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"`{word}` is not a JSON value")


def _refuse_known(answers: ProjectAnswers) -> None:
    """Refuse a name whose profile or requirements come with the package: those would be used instead."""
    from harness.catalogue import load_catalogue

    known = load_catalogue()
    taken = answers.profile in known.profiles or any(
        requirement.startswith(f"{answers.prefix}-") for requirement in known.requirements
    )
    if taken:
        what = f"requirements named {answers.prefix}-… or a profile {answers.profile!r} come with the package"
        raise UsageError(what, where="--name", hint=f"pass `--name {answers.name}-service`")


def _problem(entry: str, found: DiscoveredPaths, directory: Path, options: dict[str, Any]) -> str:
    """Why paths of the service do not answer now, with a hint; empty if they answer."""
    file = directory / "target.yaml"
    if found.problem:
        hint = "start the service before a run, or correct the address (http or https?)"
        if "CERTIFICATE_VERIFY_FAILED" in found.problem:
            hint = "name the CA with `--ca FILE`, and use an address for which the certificate is valid"
        return f"{entry} does not answer ({found.problem}), so its paths in {file} are guessed: {hint}"
    guessed = [key for key in ("health", "read") if not options[key] and not getattr(found, key)]
    if guessed:
        why = f" (the status is {found.refused}, since probes are sent without credentials)" if found.refused else ""
        keys = ", ".join(guessed)
        return (
            f"no usual path of {entry} answers GET with status 200 and a body{why}: correct `probes` ({keys}) in {file}"
        )
    return ""


def _listens(answers: ProjectAnswers, found: DiscoveredPaths, there: Sequence[ListeningProcess]) -> str:
    """Which process listens at the entry, and what follows for the project; empty if the service is on another machine or does not answer."""
    if forwarder := next((one for one in there if one.forwards), None):
        return (
            f"{forwarder.name} (process {forwarder.pid}) listens at {answers.entry} and forwards connections, so the service is "
            "another process: faults are not allowed, and a run needs the name of the target (`--allow-target`)"
        )
    if not answers.local or found.problem:
        return ""
    if there:
        said = f"{there[0].name} (process {there[0].pid}) listens at {answers.entry}"
        return f"{said}: {_RESTART} kills it and starts it again" if answers.breakable else said
    said = f"the process at {answers.entry} belongs to Docker, systemd or another user"
    return f"{said}: write the commands that stop and start it into {_RESTART}" if answers.breakable else said


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

    allow = "" if answers.breakable else f" --allow-target {answers.name}"
    return [
        *steps,
        "readiness plan  # shows the steps of a run and what it can decide; starts nothing",
        f"readiness run{allow}  # takes about a minute and a half",
        *([] if is_address(tool_requirement()) else [_WHEEL]),
    ]
