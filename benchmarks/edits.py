"""Whether edited evidence is ever a GO that a person would call wrong: recorded runs, with one edit of a kind that is drawn.

`python benchmarks/edits.py [RUN ...]` takes the run directories that are given, and the runs of the tests that `worsenings.py` takes. Each kind
of edit (`tests/honesty/forgeries.py`: drop, copy, hole, contradict) is made so many times, at every table and history in turn. What is printed is each edit
after which a run is GO: of a run that was none before, that is wrong; of one that was, its size tells a person whether it matters. At the end stand,
for each kind and place, how many edits there were, how many stayed GO, and the largest of these.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import click
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from worsenings import runs_of  # noqa: E402 - beside this file

from harness.judgement.judging import decided  # noqa: E402
from harness.model import DecisionOutcome  # noqa: E402
from tests.honesty.forgeries import KINDS, Forgery, forged, places  # noqa: E402


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--times", default=1000, show_default=True, help="Edits of each kind, of all runs together.")
@click.option("--seed", default=1, show_default=True, help="Of the generator.")
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="Kinds of edits; all where none is given.")
def main(*, runs: tuple[Path, ...], times: int, seed: int, only: tuple[str, ...]) -> None:
    """Print what stays GO; 1 where a run became GO that was none."""
    rng, given = np.random.default_rng(seed), runs_of(runs)
    was = {name: decided(plan, run).decision.outcome for name, (plan, run) in given.items()}
    told: dict[tuple[str, str], list[tuple[Forgery, bool]]] = defaultdict(list)
    wrong = 0
    for kind in only or KINDS:
        turns = [(name, place) for name, (_, run) in given.items() for place in places(run)]
        for number in range(times):
            name, place = turns[number % len(turns)]
            plan, run = given[name]
            edit = forged(run, kind, place, rng)
            if not edit.size:
                continue
            is_go = decided(plan, edit.run).decision.outcome is DecisionOutcome.GO
            told[kind, edit.place if kind == "contradict" else place].append((edit, is_go))
            if is_go:
                became = was[name] is not DecisionOutcome.GO
                wrong += became
                click.echo(f"{name}: {edit}: {'BECAME GO' if became else 'still GO'}")
    for (kind, place), edits in sorted(told.items()):
        kept = [edit for edit, is_go in edits if is_go]
        if kept:
            worst = max(kept, key=lambda edit: edit.size / max(edit.of, 1))
            click.echo(f"{kind} {place}: {len(kept)} of {len(edits)} stayed GO, the largest {worst}")
    count = sum(map(len, told.values()))
    stayed = sum(is_go for edits in told.values() for _, is_go in edits)
    click.echo(f"{count} edits of {len(given)} runs, {stayed} are GO, {wrong} of them were not before")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
