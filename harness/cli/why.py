"""`readiness why`: one requirement of a run, down to its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.model import Measure


@click.command()
@click.argument("requirement", metavar="ID")
@click.argument("run", type=click.Path(path_type=Path), default=Path("reports/runs/latest"), metavar="[RUN]")
def why(requirement: str, run: Path) -> int:
    """Say why requirement ID came out as it did: sentence, figure, bound, receipts, files, and the command that repeats it."""
    from harness.catalogue import mend_with_nearest
    from harness.errors import UsageError
    from harness.evidence import RunDirectory
    from harness.run.deciding import decide

    decided = decide(RunDirectory.open(run))
    verdicts = {verdict.requirement: verdict for verdict in decided.judgement.verdicts}
    if requirement not in verdicts:
        raise UsageError(
            f"this run has no requirement {requirement!r}",
            where=str(run),
            mend=mend_with_nearest(requirement, verdicts),
        )
    verdict = verdicts[requirement]
    row = next(row for row in decided.plan.requirements if row.id == requirement)
    click.secho(f"{requirement} {verdict.outcome.value} · {row.title} · gate {row.gate.value}", bold=True)
    click.echo(f"  criterion  {row.criterion}")
    click.echo(f"  reason     {verdict.reason}")
    if verdict.fix:
        click.echo(f"  fix        {verdict.fix}")
    for claim in verdict.claims:
        click.echo(f"  scenario   {claim.scenario}")
        for measure in (measure for group in claim.measures for measure in group):
            _show(measure)
    click.echo(f"  again      readiness run --release {decided.plan.release} --only {requirement}")
    return 0


def _show(measure: Measure) -> None:
    scope = ", ".join(f"{key} {value}" for key, value in measure.scope.items())
    click.echo(f"    {measure.outcome.value:12} {measure.name} ({scope}): {measure.reason}")
    for name, receipt in measure.receipts.items():
        mark = {True: "yes", False: "no", None: "unknown"}[receipt.ok]
        click.echo(f"      receipt {name}: {mark} · {receipt.why}")
    for file in measure.files:
        click.echo(f"      file {file}")
