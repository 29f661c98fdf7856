"""`readiness attest` and `readiness waive`: what people say, as files that are reviewed like code."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import ValidationError

    from harness.errors import UsageError

_DAY = click.DateTime(formats=["%Y-%m-%d"])


def _options(command: Callable[..., int]) -> Callable[..., int]:
    """What both commands have in common."""
    for option in reversed(
        [
            click.option("--by", required=True, metavar="NAME", help="Name of the person."),
            click.option("--reason", required=True, metavar="TEXT", help="Why, in a sentence."),
            click.option("--link", required=True, metavar="URL", help="Where it was agreed, or what was reviewed."),
            click.option(
                "--release",
                metavar="NAME",
                help="Release that it is for.  [default: `release: {version}` of the target file]",
            ),
            click.option(
                "--expires", type=_DAY, metavar="DAY", help="Last day on which it counts.  [default: in 90 days]"
            ),
            click.option(
                "--target",
                type=click.Path(path_type=Path, dir_okay=False, exists=True),
                metavar="FILE",
                help="The statement is written into the directory of this target file.  [default: the project's]",
            ),
            click.option(
                "--dir",
                "directory",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="The statement is written into this directory, not the target file's.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.command()
@click.argument("requirement", metavar="ID")
@click.option("--role", metavar="ROLE", help="Role of the person.  [default: as the criterion asks]")
@_options
def attest(requirement: str, role: str | None, **said: Any) -> int:
    """Vouch for a requirement that no measurement can show: writes one file, which counts for one release until it expires.

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
        hint = f"it is {row.form.value}: {row.criterion}; to accept that it does not hold use `readiness waive`"
        raise UsageError(f"{requirement} is not for a person to vouch for", hint=hint)
    asked = objective.params["role"]
    if role not in {None, asked}:
        raise UsageError(f"{requirement} is not for the role {role}", hint=f"its criterion asks for {asked}")
    statement = AttestationFile(attestation=requirement, role=asked, **_common(said))
    path = write_statement(_directory("attestations", said), statement)
    until = _counts_until(statement.date, statement.expires, objective.params["at_most"])
    click.echo(f"{path}: written; it counts until {until} for release {statement.release}")
    return 0


def _counts_until(made: date, expires: date, at_most: str) -> date:
    """The last day on which a statement counts: that of the file, or the one after which it is older than the criterion allows."""
    from harness.model import Quantity

    days = int(Quantity.parse(at_most).in_unit("d"))
    return made + timedelta(days=days) if days < (expires - made).days else expires


@click.command()
@click.argument("waived", metavar="ID|HARM")
@click.option(
    "--bound",
    default="",
    metavar="VALUE",
    help="Accept figures that are proven to be within this value, such as `300 ms`; with --subject, counts and shares of that subject.",
)
@click.option(
    "--subject",
    multiple=True,
    metavar="NAME",
    help="Accept the facts of this subject; may be repeated. Counts and shares need --bound too.",
)
@click.option("--undecided", is_flag=True, help="Accept that it is INCONCLUSIVE.")
@click.option("--not-assessed", is_flag=True, help="Accept that it is NOT ASSESSED.")
@click.option("--count", type=int, metavar="N", help="Accept a harm, such as `writes-lost`, up to this number.")
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
    """Accept that a requirement does not hold, within a bound, for one release and a time: writes one file.

    A waiver is listed on the decision line of every run that it counts in, and does not count as passed in the score. The figures of a FAIL
    are accepted by a bound, its facts by subject, and facts that are counts or shares by both. A FAIL is never accepted as a whole.

    \b
      readiness waive ND-KPI-P95 --bound "300 ms" --by "A. Person" --reason "cache is cold" --link https://example.test/43
    """  # noqa: D301 - the escape is click's
    from pydantic import ValidationError

    from harness.errors import UsageError
    from harness.targets.files.statements import HARMS, Accepted, WaiverFile, write_statement

    if waived not in HARMS:
        _catalogue().requirement(waived)
    outcome = "NOT ASSESSED" if not_assessed else "INCONCLUSIVE" if undecided else ""
    if undecided and not_assessed:
        raise UsageError("--undecided and --not-assessed exclude each other", hint="give one of them")
    given = {"bound": bound or None, "subjects": subject or None, "outcome": outcome or None, "count": count}
    try:
        accepts = Accepted.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _refused(error) from error
    if bool(count) is not (waived in HARMS):
        raise UsageError("--count is for harm, and for nothing else", hint=f"harm is one of {', '.join(HARMS)}")
    statement = WaiverFile(waiver=waived, accepts=accepts, **_common(said))
    path = write_statement(_directory("waivers", said), statement)
    click.echo(f"{path}: written; it counts until {statement.expires} for release {statement.release}")
    return 0


def _refused(error: ValidationError) -> UsageError:
    """The option whose value is no such thing, or that there must be one."""
    from harness.errors import UsageError

    first = error.errors(include_url=False)[0]
    if not first["loc"]:
        hint = "one of --bound, --subject (which may have a --bound), --undecided, --not-assessed, --count"
        return UsageError("say what is accepted, by one option", hint=hint)
    said = first["msg"].removeprefix("Value error, ")
    is_not = "is not" if first["type"] == "value_error" else "is refused:"
    return UsageError(f"{first['input']!r} {is_not} {said}", where=f"--{str(first['loc'][0]).removesuffix('s')}")


def _catalogue() -> Any:
    from harness.run.project import catalogue_of, find_project

    return catalogue_of(find_project(Path.cwd()))


def _common(said: dict[str, Any]) -> dict[str, Any]:
    """What every statement says, checked in words.

    Raises:
        UsageError: one of them is wrong.
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
        raise UsageError("no release is named", where="--release", hint="name the release that it is for")
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
        hint = "an address like https://example.test/42" if key == "link" else "one line of text"
        raise UsageError(f"--{key}: {first['msg'].removeprefix('Value error, ')}", hint=hint) from error
    return common


def _expires(given: Any, today: date, lasts: timedelta) -> date:
    return given.date() if given is not None else today + lasts


def _target(said: dict[str, Any]) -> Path | None:
    from harness.run.project import find_project

    return said["target"] or find_project(Path.cwd()).target


def _directory(kind: str, said: dict[str, Any]) -> Path:
    """Where it is written: as `--dir` says, or the target file, or the project.

    Raises:
        UsageError: none of them names a directory.
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
    hint = f'give --dir, or write `{kind}: DIR` into the target file, or `{kind} = ["DIR"]` under `[tool.harness]`'
    raise UsageError(f"no directory of {kind} is named", hint=hint)
