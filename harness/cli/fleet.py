"""`readiness fleet`: one decision over the runs of many services, regions and profiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.model.judged.fleet import FleetDecision


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--plan",
    "planned",
    is_flag=True,
    help="Print the declared cells and read no run; with --json as the matrix of a CI system.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Directory for fleet.json and fleet.html.  [default: reports/fleet]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fleet(file: Path, out: Path | None, *, planned: bool, as_json: bool) -> int:
    """Decide over a fleet: the recorded runs of services, regions and profiles.

    GO only if the run of every cell that FILE declares is GO. A run that is missing, late, too old, found twice, edited, or of another
    release, commit, target or environment is INCONCLUSIVE by name. One NO-GO is NO-GO. Runs of no declared cell are named, and count for nothing.

    \b
      name: shop
      release: 2.4.0
      services: {checkout: , search: {release: 1.9.2}}
      regions: [eu-west-1, us-east-1]
      profiles: [core]
      target: "{service}-{region}"                  # `name` in the target file of each run
      runs: runs/{service}/{region}/{profile}       # beside FILE; given to `readiness run --out`
      max_age: 24 h

    \b
      readiness fleet fleet.yaml --plan             which runs are needed
      readiness fleet fleet.yaml                    the decision

    Exit codes as of `readiness run`.
    """  # noqa: D301 - the escape is click's: what follows it is not wrapped anew
    from harness.model.judged.outcome import DECISION_EXITS
    from harness.report.fleet import fleet_plan, render_fleet, render_fleet_plan
    from harness.run.fleet.fleet_file import load_fleet

    declared = load_fleet(file)
    if planned:
        click.echo(json.dumps(fleet_plan(declared.cells)) if as_json else render_fleet_plan(declared.cells), nl=as_json)
        return 0
    from harness.run.fleet.found_runs import decide_fleet
    from harness.run.which import runs_directory

    decision = decide_fleet(declared)
    to = out or runs_directory().parent / "fleet"
    document = _written(decision, to)
    if as_json:
        click.echo(document, nl=False)
    else:
        click.echo(render_fleet(decision), nl=False)
        click.echo(f"\n{to / 'fleet.html'}")
    return DECISION_EXITS[decision.outcome]


def _written(decision: FleetDecision, to: Path) -> str:
    """Write `fleet.json` and `fleet.html`; returns the text of `fleet.json`.

    Raises:
        UsageError: a file cannot be written.
    """
    from harness.errors import UsageError
    from harness.files import write_atomic
    from harness.report.document.fleet import fleet_document
    from harness.report.fleet import fleet_headline
    from harness.report.html.fleet import render_fleet_page

    plain = fleet_document(decision, fleet_headline(decision), str(to))
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        to.mkdir(parents=True, exist_ok=True)
        write_atomic(to / "fleet.json", text.encode("utf-8", "replace"))
        write_atomic(to / "fleet.html", render_fleet_page(decision, str(to)))
    except OSError as error:
        raise UsageError(
            f"the decision cannot be written: {error.strerror}",
            where=str(error.filename or to),
            hint="choose another directory with --out",
        ) from error
    return text
