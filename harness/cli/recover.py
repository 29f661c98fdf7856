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
    from harness.drivers.chaos import sweep_scratch
    from harness.run.project import find_project
    from harness.targets import TargetLock, load_target, platform_of, sandbox_target_file
    from harness.targets.intents import elsewhere, torn_intents
    from harness.targets.undo import recover as undo

    named = None if target == Path("sandbox") else target or find_project(Path.cwd()).target
    found = load_target(named or sandbox_target_file())
    platform = platform_of(found)
    sweep_scratch()
    with TargetLock(platform, "recover"):
        recovered = undo(found, platform)
        for line in recovered.undone:
            click.echo(f"undone: {line}")
        for path in torn_intents(platform):
            click.echo(f"{path}: was never complete, so nothing was changed under it; it is kept")
        for path in elsewhere(platform):
            click.echo(f"{path}: is of another platform than this target file leads to; it is kept")
        recovered.require_all(platform, found)
    undone = len(recovered.undone)
    changes = "1 change" if undone == 1 else f"{undone} changes"
    click.echo(f"{found.name}: {changes} undone" if undone else f"{found.name}: no undo is pending")
    return 0
