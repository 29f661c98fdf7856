"""`readiness judge` and `readiness report`: work on the files of a recorded run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.completing import runs
from harness.cli.recorded import RecordedRun


@click.command()
@click.argument("run", type=RecordedRun(), metavar="RUN", shell_complete=runs)
@click.option(
    "--check",
    is_flag=True,
    help="Compare with the stored verdict. Exit code 0: equal (for any decision); 3: different; 10: evidence is missing.",
)
def judge(run: Path, *, check: bool) -> int:
    """Judge a recorded run again, e.g. reports/runs/latest.

    RUN is a directory, its name below reports/runs, or s3://BUCKET/PREFIX/RUN, which is downloaded to there first. The exit code is that of the decision.
    In a GitHub job the summary of the job, the outputs of the step and annotations are written, as `readiness run` does.
    """
    from harness.errors import Exit
    from harness.report import closing_lines
    from harness.run.deciding import decide_recorded, exit_of, require_figures, require_same_verdict, write_verdict
    from harness.run.github import report_files, run_annotations
    from harness.run.project import find_project
    from harness.run.which import which_run

    decided = decide_recorded(run)
    click.echo(which_run(decided.directory.path), err=True)
    for line in closing_lines(decided.plan, decided.judgement):
        click.echo(line)
    require_figures(decided.plan)
    if not check:
        write_verdict(decided)
        for problem in report_files(decided.directory.path, decided.judgement):
            click.echo(problem, err=True)
        for line in run_annotations(decided.plan, decided.judgement, find_project(Path.cwd()).root):
            click.echo(line)
        return exit_of(decided.judgement)
    if decided.evidence.missing or not decided.evidence.complete:
        for item in decided.evidence.missing:
            click.secho(f"missing evidence: {item.file}: {item.why}", err=True, fg="red")
        return Exit.INCONCLUSIVE
    require_same_verdict(decided)
    click.echo("the stored verdict equals the verdict of this evidence, byte for byte")
    return Exit.GO


@click.command()
@click.argument("run", type=RecordedRun(), default=Path("latest"), metavar="[RUN]", shell_complete=runs)
@click.option(
    "--allure",
    is_flag=True,
    help="Also write Allure's own report, allure-report/index.html; needs the extra `allure`.",
)
def report(run: Path, *, allure: bool) -> int:
    """Write the reports of a recorded run again.

    RUN is a directory, or its name below reports/runs.  [default: reports/runs/latest]
    """
    from harness.run.deciding import decide_recorded, exit_of, require_figures, write_allure_report, write_verdict
    from harness.run.which import which_run

    decided = decide_recorded(run)
    click.echo(which_run(decided.directory.path), err=True)
    require_figures(decided.plan)
    write_verdict(decided)
    click.echo(decided.directory.path / "readiness.html")
    if allure:
        click.echo(write_allure_report(decided, exit_code=exit_of(decided.judgement)))
    return 0
