"""`readiness attest` and `readiness waive`: write statements of people as files, which are reviewed like code."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completing import chosen_requirements

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError

    from harness.errors import UsageError

_DAY = click.DateTime(formats=["%Y-%m-%d"])


def _options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that both commands have."""
    for option in reversed(
        [
            click.option("--by", required=True, metavar="NAME", help="Name of the person."),
            click.option("--reason", required=True, metavar="TEXT", help="Reason, in one sentence."),
            click.option(
                "--link", required=True, metavar="URL", help="Address of the decision, or of the reviewed document."
            ),
            click.option(
                "--release",
                metavar="NAME",
                help="Release of the statement.  [default: `release: {version}` of the target file]",
            ),
            click.option(
                "--expires",
                type=_DAY,
                metavar="DAY",
                help="Last day on which the statement counts.  [default: in 90 days]",
            ),
            click.option(
                "--target",
                type=click.Path(path_type=Path, dir_okay=False, exists=True),
                metavar="FILE",
                help="Target file that names the directory of statements.  [default: target of the project]",
            ),
            click.option(
                "--dir",
                "directory",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="Directory for the statement, instead of the one in the target file.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.command()
@click.argument("requirement", metavar="ID", shell_complete=chosen_requirements)
@click.option("--role", metavar="ROLE", help="Role of the person.  [default: role in the criterion]")
@_options
def attest(requirement: str, role: str | None, **said: Any) -> int:
    """Vouch for a requirement that cannot be measured.

    One file is written, which counts for one release until it expires.

    \b
      readiness attest ND-CHG-APPROVAL --by "A. Person" --reason "signed off" --link https://example.test/42
    """  # noqa: D301 - the escape is click's
    from harness.errors import UsageError
    from harness.model import Figure
    from harness.steps import read
    from harness.targets.files.statements import AttestationFile, write_statement

    row = _catalogue().requirement(requirement)
    objective = read(row.criterion).objective if row.form.value == "attested" else None
    if objective is None or objective.figure is not Figure.ATTESTATION:
        hint = f"to accept that {requirement} is not met, use `readiness waive`"
        what = f"{requirement} is {row.form.value} ({row.criterion}), expected a requirement that is attested"
        raise UsageError(what, hint=hint)
    asked = objective.params["role"]
    if role not in {None, asked}:
        raise UsageError(f"the role is {role}, expected {asked} for {requirement}", hint=f"pass `--role {asked}`")
    statement = AttestationFile(attestation=requirement, role=asked, **_common(said))
    path = write_statement(_directory("attestations", said), statement)
    until = _counts_until(statement.date, statement.expires, objective.params["at_most"])
    click.echo(f"{path}: written; it counts until {until} for release {statement.release}")
    return 0


def _counts_until(made: date, expires: date, at_most: str) -> date:
    """The last day on which a statement counts: the day in the file, or an earlier day if the criterion limits the age."""
    from harness.model import Quantity

    days = int(Quantity.parse(at_most).in_unit("d"))
    return made + timedelta(days=days) if days < (expires - made).days else expires


@click.command()
@click.argument("waived", metavar="ID|HARM", shell_complete=chosen_requirements)
@click.option(
    "--bound",
    default="",
    metavar="VALUE",
    help="Accept figures that are proven to be within this value, e.g. `300 ms`.",
)
@click.option(
    "--subject",
    multiple=True,
    metavar="NAME",
    help="Accept failed facts of this subject; may be repeated. Counts and shares need --bound too.",
)
@click.option("--undecided", is_flag=True, help="Accept the verdict INCONCLUSIVE.")
@click.option("--not-assessed", is_flag=True, help="Accept the verdict NOT ASSESSED.")
@click.option("--count", type=int, metavar="N", help="Accept a harm, e.g. `writes-lost`, up to this number.")
@_options
def waive(
    waived: str,
    bound: str,
    subject: tuple[str, ...],
    *,
    undecided: bool,
    not_assessed: bool,
    count: int | None,
    **said: Any,
) -> int:
    """Accept that a requirement is not met, within a bound.

    One file is written, which counts for one release until it expires. The decision line names every waiver that counts, and the score
    does not count it as passed. A FAIL is accepted only within a bound (figures) or for a subject (facts), never completely. HARM is
    damage that no requirement judges, such as `writes-lost` (`unjudged_harm` in verdict.json).

    \b
      readiness waive ND-KPI-P95 --bound "300 ms" --by "A. Person" --reason "cache is cold" --link https://example.test/43
      readiness waive DA-IMG-PINNED --subject us-east-1/api-gateway --by "A. Person" --reason "fixed in 1.1" --link https://example.test/44
    """  # noqa: D301 - the escape is click's
    from pydantic import ValidationError

    from harness.errors import UsageError
    from harness.targets.files.statements import HARMS, Accepted, WaiverFile, write_statement

    if waived not in HARMS:
        _catalogue().requirement(waived)
    outcome = "NOT ASSESSED" if not_assessed else "INCONCLUSIVE" if undecided else ""
    if undecided and not_assessed:
        raise UsageError("--undecided and --not-assessed cannot be combined", hint="pass one of these options")
    given = {"bound": bound or None, "subjects": subject or None, "outcome": outcome or None, "count": count}
    try:
        accepts = Accepted.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _refused(error) from error
    if bool(count) is not (waived in HARMS):
        hint = f"name a harm instead of a requirement: {', '.join(HARMS)}"
        raise UsageError(f"--count is for a harm, and {waived} is not one", hint=hint)
    statement = WaiverFile(waiver=waived, accepts=accepts, **_common(said))
    path = write_statement(_directory("waivers", said), statement)
    click.echo(f"{path}: written; it counts until {statement.expires} for release {statement.release}")
    return 0


def _refused(error: ValidationError) -> UsageError:
    """The error that an option has an invalid value, or that no option is given."""
    from harness.errors import UsageError

    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        hint = "pass --bound, --subject (with --bound for counts and shares), --undecided, --not-assessed or --count"
        return UsageError("no option names what is accepted, expected one", hint=hint)
    said = first["msg"].removeprefix("Value error, ")
    is_not = "is not" if first["type"] == "value_error" else "is refused:"
    return UsageError(f"{first['input']!r} {is_not} {said}", where=f"--{str(first['loc'][0]).removesuffix('s')}")


def _catalogue() -> Any:
    from harness.run.project import catalogue_of, find_project

    return catalogue_of(find_project(Path.cwd()))


def _common(said: dict[str, Any]) -> dict[str, Any]:
    """The values that every statement has, validated.

    Raises:
        UsageError: a value is invalid.
    """
    from pydantic import ValidationError

    from harness import clock
    from harness.errors import UsageError
    from harness.targets import load_target
    from harness.targets.files.statements import LASTS, Statement

    target, release = _target(said), said["release"]
    if not release and target is not None:
        release = load_target(target).release.version
    if not release:
        raise UsageError(
            "no release is named", where="--release", hint="pass `--release VERSION`, the release of the statement"
        )
    today = clock.wall().date()
    common = {
        "by": said["by"],
        "reason": said["reason"],
        "link": said["link"],
        "date": today,
        "expires": _expires(said["expires"], today, LASTS),
        "release": release,
    }
    try:
        Statement.model_validate(common)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "expires"
        hint = f"write {'an address like https://example.test/42' if key == 'link' else 'one line of text'}"
        raise UsageError(f"--{key}: {first['msg'].removeprefix('Value error, ')}", hint=hint) from error
    return common


def _expires(given: Any, today: date, lasts: timedelta) -> date:
    return given.date() if given is not None else today + lasts


def _target(said: dict[str, Any]) -> Path | None:
    from harness.run.project import find_project

    return said["target"] or find_project(Path.cwd()).target


def _directory(kind: str, said: dict[str, Any]) -> Path:
    """The directory for a statement: from `--dir`, the target file, or the project.

    Raises:
        UsageError: no directory is named.
    """
    from harness.errors import UsageError
    from harness.run.project import find_project
    from harness.targets import load_target

    if said["directory"] is not None:
        return Path(said["directory"])
    if (file := _target(said)) is not None:
        target = load_target(file)
        if named := getattr(target, kind):
            return target.beside(named[0])
    project = find_project(Path.cwd())
    own: tuple[Path, ...] = getattr(project, kind)
    if own:
        return own[0]
    hint = f'pass --dir, or write `{kind}: DIR` into the target file, or `{kind} = ["DIR"]` under `[tool.harness]`'
    raise UsageError(f"no directory for {kind} is named", hint=hint)
