"""Whether edited evidence is ever a GO that a person would call wrong: recorded runs, with one edit of a kind that is drawn.

A line of a history of a run directory is edited in its file, and the run is read again: numbers of lines and the manifest are made to fit, as by
somebody who knows both. Tables, and all that the runs of the tests recorded, are edited in memory.

`python benchmarks/edits.py [RUN ...]` takes the run directories that are given, and the runs of the tests that `worsenings.py` takes. Each kind
of edit (`tests/honesty/forgeries.py`: drop, copy, hole, contradict) is made so many times, at every table and history in turn. What is printed is each edit
after which a run is GO: of a run that was none before, that is wrong; of one that was, its size tells a person whether it matters. At the end stand,
for each kind and place, how many edits there were, how many stayed GO, and the largest of these.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import click
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from worsenings import runs_of  # noqa: E402 - beside this file

from harness.errors import MissingEvidence  # noqa: E402
from harness.evidence import RunDirectory  # noqa: E402
from harness.evidence.histories.history import line_of  # noqa: E402
from harness.evidence.manifest import write_manifest  # noqa: E402
from harness.evidence.reading import load_evidence  # noqa: E402
from harness.judgement.judging import decided  # noqa: E402
from harness.model import DecisionOutcome, Evidence, Observation, Plan  # noqa: E402
from harness.model.observations import WatchClosed  # noqa: E402
from tests.honesty.forgeries import HISTORIES, KINDS, Forgery, forged, places, with_counts  # noqa: E402

EACH: Final = 25
"""So often it is said how many there were."""
LINES: Final = "observations "


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A run to edit.

    Attributes:
        plan, run: what is judged. is_go: whether it is a GO before any edit.
        directory: a copy of its directory, whose histories are edited; None: the run exists in memory only.
    """

    plan: Plan
    run: Evidence
    is_go: bool
    directory: RunDirectory | None

    @property
    def places(self) -> tuple[str, ...]:
        """What is edited; pods, nodes and the like of a directory are read from the lines of its histories."""
        every = places(self.run)
        return every if self.directory is None else tuple(one for one in every if one not in HISTORIES)

    def stays_go(self, edit: Forgery) -> bool:
        """Whether the run is a GO with this edit."""
        read = edit.run
        if self.directory is not None and edit.place.startswith(LINES):
            try:
                with _edited(self.directory, self.plan, self.run, edit.run):
                    read = load_evidence(self.directory)
            except MissingEvidence:
                return False
        return not read.missing and decided(self.plan, read).decision.outcome is DecisionOutcome.GO


def _source(one: Observation) -> str:
    return one.source


@contextmanager
def _edited(directory: RunDirectory, plan: Plan, before: Evidence, after: Evidence) -> Iterator[None]:
    """The directory while its histories have these observations, numbered anew, and its manifest fits."""
    was, now = (
        {source: list(own) for source, own in groupby(sorted(run.observations, key=_source), _source)}
        for run in (before, after)
    )
    kept: dict[Path, bytes] = {}
    for source in was:
        if was[source] != (lines := now.get(source, [])):
            path = directory.path / "history" / f"{source}.ndjson"
            kept[path] = path.read_bytes()
            path.write_bytes(b"".join(line_of(replace(one, seq=number)) for number, one in enumerate(lines)))
    write_manifest(directory, plan)
    try:
        yield
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def _given(paths: tuple[Path, ...], scratch: Path) -> Mapping[str, Given]:
    """The runs by name; of each directory a copy is made."""
    found = {}
    for number, (name, (plan, run)) in enumerate(runs_of(paths).items()):
        copy = scratch / str(number) / Path(name).name
        directory = RunDirectory(Path(shutil.copytree(name, copy))) if Path(name) in paths else None
        is_counted = any(one.kind in WatchClosed.KINDS for one in run.observations)
        counted = run if is_counted else with_counts(run)
        is_go = decided(plan, counted).decision.outcome is DecisionOutcome.GO
        found[name] = Given(plan=plan, run=counted, is_go=is_go, directory=directory)
    return found


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--times", default=1000, show_default=True, help="Edits of each kind, of all runs together.")
@click.option("--seed", default=1, show_default=True, help="Of the generator.")
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="Kinds of edits; all where none is given.")
@click.option("--first", default=0, show_default=True, help="Number of the first edit, to go on with or to repeat.")
def main(*, runs: tuple[Path, ...], times: int, seed: int, only: tuple[str, ...], first: int) -> None:
    """Print what stays GO; 1 where a run became GO that was none."""
    told: dict[tuple[str, str], list[tuple[Forgery, bool]]] = defaultdict(list)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="edits-") as scratch:
        given = _given(runs, Path(scratch))
        turns = [(name, place) for name, one in given.items() for place in one.places]
        turns = [turns[at] for at in np.random.default_rng(seed).permutation(len(turns))]
        for number in range(first, first + times):
            name, place = turns[number % len(turns)]
            for kind in only or KINDS:
                edit = forged(given[name].run, kind, place, np.random.default_rng((seed, KINDS.index(kind), number)))
                if not edit.size:
                    continue
                is_go = given[name].stays_go(edit)
                told[kind, edit.place if kind == "contradict" else place].append((edit, is_go))
                if is_go:
                    wrong += not given[name].is_go
                    became = "still GO" if given[name].is_go else "BECAME GO"
                    click.echo(f"edit {number}, {name}: {edit}: {became}")
            if number % EACH == EACH - 1:
                click.echo(f"{number + 1 - first} so far", err=True)
    for (kind, place), edits in sorted(told.items()):
        kept = [edit for edit, is_go in edits if is_go]
        if kept:
            worst = max(kept, key=lambda edit: edit.size / max(edit.of, 1))
            click.echo(f"{kind} {place}: {len(kept)} of {len(edits)} stayed GO, the largest {worst}")
    for kind in KINDS:
        own = [is_go for (of, _), edits in told.items() if of == kind for _, is_go in edits]
        click.echo(f"{kind}: {len(own)} edits of {len(given)} runs, {sum(own)} are GO")
    click.echo(f"{wrong} are GO that were not before")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
