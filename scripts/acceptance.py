"""Runs each release and compares decision, exit code and failed requirements with what its `release.yaml` expects."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness import clock
from harness.errors import Interrupted
from harness.model import Op, Quantity
from readiness_sandbox.releases import load_release, names

HEALTHY = "1.0.0"
EXITS = {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 10}
RUN = (sys.executable, "-m", "harness", "run")
"""What judges a release."""
STOPPED = 130
"""Exit code of a command that Ctrl-C ended."""
RESTORES_S = 300.0
"""So long a run that Ctrl-C ended may take to restore its target."""
CLOSEST = 3
"""So many figures of a run are printed, the closest to their limits first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """One run beside what was expected of it.

    Attributes:
        release: its name.
        number: of the run of this release, from 1.
        decision: of the run; empty when it left no verdict.
        exit_code: of `readiness run`.
        failed: requirements that failed.
        inconclusive: requirements that are inconclusive.
        seconds: how long the run took.
        run: name of the run directory.
        deviations: one sentence for each difference from what was expected; none when the run is as expected.
    """

    release: str
    number: int
    decision: str
    exit_code: int
    failed: tuple[str, ...]
    inconclusive: tuple[str, ...]
    seconds: float
    run: str
    deviations: tuple[str, ...]


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
@click.option("--last", default=10, show_default=True, help="Runs of 1.0.0 whose closest figures are printed.")
@click.option(
    "--profile", "profiles", multiple=True, help="Profile of the runs; several may be given. [default: the project's]"
)
def accept(releases: tuple[str, ...], times: int, out: Path, last: int, profiles: tuple[str, ...]) -> None:
    """Judge RELEASES (all by default) and print one line for each run; exit 1 when a run is not as expected.

    Then print, for the last runs of 1.0.0 in the directory of runs, the figures that are closest to their limits.
    `--times 0` only prints those. Ctrl-C ends the run that is under way, in order, and all others: exit 130.
    """
    accepted: list[Accepted] = []
    try:
        for number in range(1, times + 1):
            for name in releases or tuple(name for name in names() if load_release(name).replaces is None):
                accepted.append(_run(name, number, out, profiles))
                click.echo(_line(accepted[-1]))
    except KeyboardInterrupt:
        click.echo(f"interrupted after {len(accepted)} runs", err=True)
        sys.exit(STOPPED)
    click.echo("")
    click.echo("release        run  decision      exit  seconds  FAIL                 INCONCLUSIVE         as expected")
    for each in accepted:
        click.echo(_line(each))
    click.echo(f"\nlast runs of {HEALTHY}, share of the limit that is used up")
    for line in healthy_runs(out, last):
        click.echo(line)
    sys.exit(1 if any(each.deviations for each in accepted) else 0)


def _run(name: str, number: int, out: Path, profiles: Sequence[str] = ()) -> Accepted:
    out.mkdir(parents=True, exist_ok=True)
    earlier = _latest(out)
    began = clock.now_s()
    command = [*RUN, "--release", name, "--out", str(out)]
    command += [word for profile in profiles for word in ("--profile", profile)]
    with (out.parent / f"accept-{name}-{number}.log").open("w", encoding="utf-8") as log:
        exit_code = _ended(subprocess.Popen(command, stdout=log, stderr=log))
    seconds = clock.now_s() - began
    latest = _latest(out)
    file = latest / "verdict.json"
    verdict = json.loads(file.read_text(encoding="utf-8")) if latest != earlier and file.is_file() else {}
    by = {
        outcome: tuple(sorted(r["id"] for r in verdict.get("requirements", ()) if r["verdict"] == outcome))
        for outcome in ("FAIL", "INCONCLUSIVE")
    }
    judged = [r["id"] for r in verdict["requirements"]] if verdict else None
    return Accepted(
        release=name,
        number=number,
        decision=verdict.get("decision", ""),
        exit_code=exit_code,
        failed=by["FAIL"],
        inconclusive=by["INCONCLUSIVE"],
        seconds=seconds,
        run=latest.name,
        deviations=tuple(deviations(name, verdict.get("decision", ""), exit_code, by, judged=judged)),
    )


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The exit code of a run.

    Raises:
        KeyboardInterrupt: it was interrupted, or this process was, whose Ctrl-C the run has got too: it restores its target first.
    """
    with child:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.wait(RESTORES_S)
            child.kill()
            raise
    if code in {Interrupted.exit_code, -signal.SIGINT}:
        raise KeyboardInterrupt
    return code


def _latest(out: Path) -> Path:
    return (out / "latest").resolve()


def deviations(
    name: str, decision: str, exit_code: int, by: Mapping[str, Iterable[str]], *, judged: Collection[str] | None = None
) -> Iterator[str]:
    """How a run differs from what the release expects.

    Args:
        name: of the release.
        decision: of the run.
        exit_code: of the run.
        by: FAIL and INCONCLUSIVE to requirements.
        judged: the requirements of the run's profiles; None: every one that the release names.
    """
    release = load_release(name)
    rows = release.caught_by if judged is None else judged
    expected_decision = release.expected_of(rows)
    if decision != expected_decision:
        yield f"{decision or 'no verdict'} instead of {expected_decision}"
    if exit_code != EXITS[expected_decision]:
        yield f"exit {exit_code} instead of {EXITS[expected_decision]}"
    failed, expected = set(by["FAIL"]), set(release.caught_in(rows))
    if expected - failed:
        yield f"did not fail: {' '.join(sorted(expected - failed))}"
    if failed - expected:
        yield f"failed as well: {' '.join(sorted(failed - expected))}"
    others = set(by["INCONCLUSIVE"]) - set(release.may_be_inconclusive)
    if others and expected_decision != "INCONCLUSIVE":
        yield f"inconclusive as well: {' '.join(sorted(others))}"


def healthy_runs(out: Path, last: int) -> Iterator[str]:
    """The last runs of 1.0.0 in a directory of runs, the oldest first: decision, name, closest figures."""
    files = sorted(path for path in out.glob("*/verdict.json") if not path.parent.is_symlink())
    verdicts = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    healthy = [verdict for verdict in verdicts if verdict["release"] == HEALTHY]
    for verdict in healthy[-last:] if last else []:
        yield f"{verdict['decision']:12} {verdict['run_id']}"
        yield from (f"    {figure}" for figure in closest(verdict["requirements"]))


def closest(requirements: Iterable[Mapping[str, Any]], most: int = CLOSEST) -> Iterator[str]:
    """The figures of a verdict that take up most of their limit, one of each requirement."""
    shares = []
    for requirement in requirements:
        used = [(share, m) for m in requirement["measures"] if (share := share_of_limit(m)) is not None]
        if used:
            share, measure = max(used, key=lambda pair: pair[0])
            shares.append((share, requirement["id"], measure))
    for share, identifier, measure in sorted(shares, key=lambda each: -each[0])[:most]:
        yield f"{share:6.1%}  {identifier}: {measure['name']} {measure['value']:g} {measure['unit']} of {measure['limit']}"


def share_of_limit(measure: Mapping[str, Any]) -> float | None:
    """How much of its limit a figure of verdict.json takes up, by its bound on the bad side; None where it has none."""
    value, limit = measure["value"], measure["scaled_limit"]
    if value is None or limit is None:
        return None
    high = value if measure["high"] is None else measure["high"]
    low = value if measure["low"] is None else measure["low"]
    if measure["op"] in (Op.BELOW, Op.AT_MOST) and limit > 0:
        return float(high / limit)
    if measure["op"] == Op.AT_LEAST and measure["unit"] == "ratio" and limit < 1:
        return float((1 - low) / (1 - limit))
    if measure["op"] == Op.WITHIN and "±" in measure["limit"]:
        tolerance = Quantity.parse(measure["limit"].partition("±")[2]).base
        return float(max(high - limit, limit - low) / tolerance)
    return None


def _line(run: Accepted) -> str:
    failed, inconclusive = (" ".join(ids) or "-" for ids in (run.failed, run.inconclusive))
    good = "yes" if not run.deviations else f"NO: {'; '.join(run.deviations)} ({run.run})"
    decision = run.decision or "none"
    return f"{run.release:14} {run.number:3}  {decision:12} {run.exit_code:5}  {run.seconds:7.0f}  {failed:20} {inconclusive:20} {good}"


if __name__ == "__main__":
    accept()
