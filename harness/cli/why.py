"""`readiness why`: the verdict of one requirement, with its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.completing import judged_requirements, runs
from harness.cli.recorded import RecordedRun


@click.command()
@click.argument("requirement", metavar="ID", shell_complete=judged_requirements)
@click.argument("run", type=RecordedRun(), default=Path("latest"), metavar="[RUN]", shell_complete=runs)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def why(requirement: str, run: Path, *, as_json: bool) -> int:
    """Explain the verdict of one requirement.

    Shows sentence, figure, bound, receipts (checks of the evidence), files, and the command that repeats the run.
    RUN is a directory, its name below reports/runs, or s3://BUCKET/PREFIX/RUN.  [default: reports/runs/latest]
    """
    from harness.errors import UsageError
    from harness.nearest import hint_with_nearest
    from harness.report import render_why, why_document
    from harness.run.deciding import decide_recorded
    from harness.run.which import which_run

    decided = decide_recorded(run)
    known = [verdict.requirement for verdict in decided.judgement.verdicts]
    if requirement not in known:
        raise UsageError(
            f"the run has no requirement {requirement!r}", where=str(run), hint=hint_with_nearest(requirement, known)
        )
    if as_json:
        document = why_document(decided.plan, decided.judgement, requirement)
        click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))
        return 0
    click.echo(which_run(decided.directory.path), err=True)
    head, _, rest = render_why(decided.plan, decided.evidence, decided.judgement, requirement).partition("\n")
    click.secho(head, bold=True)
    click.echo(rest, nl=False)
    return 0
