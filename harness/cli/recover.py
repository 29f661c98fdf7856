"""`readiness recover`: undoes the faults that an interrupted run left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from harness.errors import AccessDenied, ConfigurationError, TargetUnreachable, UsageError


@click.command()
@click.option(
    "--target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Target file.  [default: target of the project, else the running sandbox]",
)
def recover(target: Path | None) -> int:
    """Undo the faults that an interrupted run left."""
    from harness.drivers.chaos import sweep_scratch
    from harness.targets import ClusterLease, TargetLock, load_target, platform_of
    from harness.targets.safety.intents import elsewhere, torn_intents
    from harness.targets.undo import recover as undo

    found = load_target(_target_file(target))
    platform = platform_of(found)
    sweep_scratch()
    with ExitStack() as held:
        held.enter_context(TargetLock(platform, "recover"))
        try:
            held.enter_context(ClusterLease(found, platform, "recover", say=click.echo))
        except (AccessDenied, ConfigurationError, TargetUnreachable) as error:  # what can be undone all the same is
            click.echo(f"{error.what}; recovering without it", err=True)
        recovered = undo(found, platform)
        for line in recovered.undone:
            click.echo(f"undone: {line}")
        for path in torn_intents(platform):
            click.echo(
                f"{path}: this entry of the undo log is incomplete, so its change was never made; the file is kept"
            )
        for path in elsewhere(platform):
            click.echo(
                f"{path}: this entry of the undo log belongs to another platform than the target file; the file is kept"
            )
        recovered.require_all(platform, found)
    undone = len(recovered.undone)
    changes = "1 change" if undone == 1 else f"{undone} changes"
    click.echo(f"{found.name}: {changes} undone" if undone else f"{found.name}: no undo is pending")
    for line in _pending(but=found.name):
        click.echo(f"{line}: run `readiness recover --target FILE` with the target file of this target")
    return 0


def _target_file(target: Path | None) -> Path:
    """The target file of the option, the project, or a running provided target.

    Raises:
        UsageError: there is no target file; the message names the pending undos.
    """
    from harness.provided import SANDBOX, is_provided
    from harness.run.project import find_project
    from harness.targets import running_target_file

    if target is not None and not is_provided(str(target)):
        return target
    project = find_project(Path.cwd())
    if target is None and project.target is not None:
        return project.target
    try:
        return running_target_file(str(target or project.provided or SANDBOX))
    except UsageError as error:
        if not (pending := _pending()):
            raise
        hint = "run `readiness recover --target FILE` with the target file of the interrupted run, or call the command in its project"
        raise UsageError("; ".join([error.what, *pending]), where=error.where, hint=hint) from error


def _pending(but: str = "") -> list[str]:
    """The pending undos of all other targets, one line for each target."""
    from harness.targets.safety.intents import pending_of_targets

    found = pending_of_targets()
    return [_of_target(name, files) for name, files in found.items() if name != but]


def _of_target(name: str, files: Sequence[Path]) -> str:
    count = "1 undo is" if len(files) == 1 else f"{len(files)} undos are"
    return f"{count} pending for the target {name} ({files[0].parent})"
