"""`readiness recover`: bring a target back that an interrupted run left broken."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Target file.  [default: the project's, else the running sandbox]",
)
def recover(target: Path | None) -> int:
    """Undo whatever an interrupted run left broken."""
    from harness.drivers.chaos import recover as undo
    from harness.run.project import find_project
    from harness.targets import TargetLock, load_target, sandbox_target_file

    found = load_target(target or find_project(Path.cwd()).target or sandbox_target_file())
    with TargetLock(found.name, "recover"):
        undone = undo(found)
    for line in undone:
        click.echo(f"undone: {line}")
    click.echo(f"{found.name}: {len(undone)} left-overs undone" if undone else f"{found.name}: nothing was left broken")
    return 0
