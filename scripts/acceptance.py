"""Runs each release, and holds decision, exit code and FAIL set against what its `release.yaml` says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import yaml

from harness import clock

RELEASES = Path(__file__).parent.parent / "harness" / "sandbox" / "releases"
EXITS = {"GO": 0, "NO-GO": 1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One run: what it should have been, what it was, and whether that is the same."""

    release: str
    number: int
    decision: str
    exit_code: int
    failed: tuple[str, ...]
    inconclusive: tuple[str, ...]
    seconds: float
    good: bool
    run: str


@click.command()
@click.argument("releases", nargs=-1)
@click.option("--times", default=3, show_default=True, help="Runs of each release.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/runs"),
    show_default=True,
    help="Where runs are kept.",
)
def accept(releases: tuple[str, ...], times: int, out: Path) -> None:
    """Judge RELEASES (all of them by default) and print the table; exit 1 when one run is not as expected."""
    names = releases or tuple(sorted(path.parent.name for path in RELEASES.glob("*/release.yaml")))
    seen = []
    for number in range(1, times + 1):
        for name in names:
            seen.append(_run(name, number, out))
            click.echo(_line(seen[-1]))
    click.echo("")
    click.echo("release    run  decision      exit  seconds  FAIL                 INCONCLUSIVE         as expected")
    for one in seen:
        click.echo(_line(one))
    sys.exit(0 if all(one.good for one in seen) else 1)


def _run(name: str, number: int, out: Path) -> Seen:
    wanted = yaml.safe_load((RELEASES / name / "release.yaml").read_text(encoding="utf-8"))
    began = clock.now_s()
    command = [sys.executable, "-m", "harness", "run", "--release", name, "--out", str(out)]
    with (out.parent / f"accept-{name}-{number}.log").open("w", encoding="utf-8") as log:
        exit_code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    seconds = clock.now_s() - began
    verdict = json.loads((out / "latest" / "verdict.json").read_text(encoding="utf-8"))
    by = {
        outcome: tuple(sorted(r["id"] for r in verdict["requirements"] if r["verdict"] == outcome))
        for outcome in ("FAIL", "INCONCLUSIVE")
    }
    good = (
        verdict["decision"] == wanted["expect"]
        and exit_code == EXITS[wanted["expect"]]
        and set(by["FAIL"]) == set(wanted.get("caught_by", []))
        and set(by["INCONCLUSIVE"]) <= set(wanted.get("may_be_inconclusive", []))
    )
    return Seen(
        release=name,
        number=number,
        decision=verdict["decision"],
        exit_code=exit_code,
        failed=by["FAIL"],
        inconclusive=by["INCONCLUSIVE"],
        seconds=seconds,
        good=good,
        run=verdict["run_id"],
    )


def _line(one: Seen) -> str:
    failed, inconclusive = (" ".join(ids) or "-" for ids in (one.failed, one.inconclusive))
    good = "yes" if one.good else f"NO: {one.run}"
    return f"{one.release:10} {one.number:3}  {one.decision:12} {one.exit_code:5}  {one.seconds:7.0f}  {failed:20} {inconclusive:20} {good}"


if __name__ == "__main__":
    accept()
