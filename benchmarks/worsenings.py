"""Whether worse evidence ever makes a milder verdict: recorded runs, made worse one step at a time in ways that are drawn.

`python benchmarks/worsenings.py [RUN ...]` takes the run directories that are given, and the runs of the tests (`tests/honesty/runs.py`: of profile core, of
`tests/judgement`, and those of the sentences that other profiles have). Each is made worse six times in succession (`tests/honesty/worsenings.py`); a row or a decision that becomes
better is printed. What was removed may leave a failure undecided, and never anything passed. Goal: none of 10 000.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import numpy as np

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "judgement")]

from harness.evidence import RunDirectory  # noqa: E402 - what is imported is known by now
from harness.evidence.reading import load_evidence  # noqa: E402
from harness.judgement.judging import decided  # noqa: E402
from harness.model import Evidence, Plan  # noqa: E402
from tests.honesty.runs import runs  # noqa: E402
from tests.honesty.worsenings import drawn, improvements  # noqa: E402

IN_SUCCESSION: Final = 6
EACH: Final = 120
"""So often it is said how many there were."""


def recorded(path: Path) -> tuple[Plan, Evidence]:
    """The plan and the evidence of a run directory."""
    directory = RunDirectory.open(path)
    return directory.read_plan(), load_evidence(directory)


def runs_of(paths: Iterable[Path]) -> dict[str, tuple[Plan, Evidence]]:
    """The run directories that are given, and the runs of the tests, by name; each is loaded once."""
    return {**{str(path): recorded(path) for path in paths}, **{f"tests: {name}": one for name, one in runs().items()}}


@click.command()
@click.argument("directories", metavar="[RUN]...", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--times", default=10_000, show_default=True, help="Worsenings, of all runs together.")
@click.option("--seed", default=1, show_default=True, help="Of the generator.")
@click.option("--first", default=0, show_default=True, help="Number of the first sequence, to go on with or to repeat.")
def main(*, directories: tuple[Path, ...], times: int, seed: int, first: int) -> None:
    """Print each improvement, and how many there were; 1 where there was one."""
    given = runs_of(directories)
    judged = {name: decided(plan, run) for name, (plan, run) in given.items()}
    done, better = 0, Counter[str]()
    for number in range(first, first + math.ceil(times / IN_SUCCESSION)):
        rng = np.random.default_rng((seed, number))
        name = str(rng.choice(list(given)))
        plan, run = given[name]
        before, steps = judged[name], []
        for _ in range(IN_SUCCESSION):
            what, run, removed = drawn(run, rng)
            after, done = decided(plan, run), done + 1
            steps.append(what)
            for line in improvements(plan, before, after, removed=removed):
                better[line.partition(":")[0]] += 1
                click.echo(f"sequence {number}, {name}: {'; '.join(steps)}: {line}")
            before = after
        if done % EACH < IN_SUCCESSION:
            click.echo(f"{done} so far", err=True)
    click.echo(
        f"{done} worsenings of {len(given)} runs, {sum(better.values())} improvements {dict(better) or ''}".rstrip()
    )
    sys.exit(1 if better else 0)


if __name__ == "__main__":
    main()
