"""Whether `readiness verify` sees each change of one byte of a signed run: in its evidence, its manifest, its verdict, and the signed verdict.

`python benchmarks/changed_bytes.py [RUN]` signs a copy of the run, by default the healthy run of the tests, with a key made for it, and makes
10 000 drawn changes, one at a time, in each file in turn. What is printed is each change that was not seen, how many there were of each file, how
long one verification takes, and the processor time of `readiness verify` as a ratio to that of `readiness --version`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests" / "judgement")]

from replay_speed import cpu_s  # noqa: E402 - beside this file

from harness import clock  # noqa: E402
from harness.evidence import RunDirectory  # noqa: E402
from tests.builders.signed_runs import good_run, key_pair, recorded, signed  # noqa: E402
from tests.honesty.changed_bytes import changes, is_accepted, made, signed_files  # noqa: E402

_TRIES = 5


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--changes", "count", default=10_000, show_default=True, help="Number of changes.")
@click.option("--seed", default=1, show_default=True)
def main(run: Path | None, count: int, seed: int) -> None:
    """Change bytes of a signed run, one at a time; exits with 1 if a change is not seen."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        copy = RunDirectory(Path(shutil.copytree(run, directory / "run"))) if run else recorded(directory, good_run())
        private, public = key_pair(directory)
        envelope = signed(copy, private)
        if not is_accepted(envelope, public, copy):
            raise click.ClickException("the unchanged run is not verified")
        files, unseen, by_file = signed_files(copy, envelope), 0, Counter[str]()
        begun = clock.now_s()
        for change in changes(files, count, seed):
            by_file[copy.relative(change.file)] += 1
            with made(change):
                if is_accepted(envelope, public, copy):
                    unseen += 1
                    click.echo(f"NOT SEEN: byte {change.at} of {copy.relative(change.file)} as {change.value}")
        each_ms = (clock.now_s() - begun) / count * 1000
        for name, changed in sorted(by_file.items()):
            click.echo(f"{changed:6} {name}")
        click.echo(
            f"{count} changes of one byte in {len(by_file)} files: {unseen} not seen (goal 0); {each_ms:.1f} ms each"
        )
        words = ("verify", str(envelope), "--key", str(public), "--run", str(copy.path), "--any-decision")
        verified = min(cpu_s("harness", *words) for _ in range(_TRIES))
        started = min(cpu_s("harness", "--version") for _ in range(_TRIES))
        click.echo(
            f"`readiness verify` takes {verified:.2f} s of a processor (goal 1 s), {verified / started:.1f} times its start"
        )
        sys.exit(unseen > 0)


if __name__ == "__main__":
    main()
