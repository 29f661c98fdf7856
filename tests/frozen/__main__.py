"""Judges the frozen runs again: `scripts/frozen`."""

from __future__ import annotations

from pathlib import Path

import click

from tests.frozen.frozen_runs import differences, freeze, keep, names


@click.command()
@click.argument("chosen", nargs=-1, metavar="[NAME]…")
@click.option("--freeze", "run", type=click.Path(path_type=Path, exists=True), help="Keep this run under the one NAME.")
@click.option("--keep", "kept", is_flag=True, help="Keep what today's judge says; read the differences first.")
def main(chosen: tuple[str, ...], run: Path | None, *, kept: bool) -> None:
    """Judge frozen runs again, and print every value that differs from what was said when they were frozen.

    Exit code 0: none differs; 1: some do.
    """
    if unknown := sorted(set(chosen) - set(names())) if run is None else []:
        raise click.UsageError(f"no frozen run is called {unknown[0]!r}; there are: {', '.join(names())}")
    if run is not None:
        if len(chosen) != 1:
            raise click.UsageError("--freeze needs one NAME")
        freeze(run, *chosen)
        keep(*chosen)
    total = 0
    for name in chosen or names():
        found = differences(name)
        total += len(found)
        click.echo(f"{name}: {f'{len(found)} differences' if found else 'no difference'}")
        for line in found:
            click.echo(f"  {line}")
        if kept and found:
            keep(name)
    raise SystemExit(total > 0 and not kept)


if __name__ == "__main__":
    main(prog_name="scripts/frozen")
