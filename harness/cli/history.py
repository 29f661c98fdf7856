"""`readiness history`: earlier runs, trends, and the differences between two runs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.completing import runs


@click.command()
@click.argument("run", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN RUN]", shell_complete=runs)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Directory of the runs.  [default: reports/runs]",
)
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="Number of the latest runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(run: tuple[Path, ...], out: Path | None, last: int, *, as_json: bool) -> int:
    """List earlier runs and trends, or compare two runs.

    RUN is a directory, or its name below reports/runs or --out. A figure is reported as worse or better only if the difference is proven.
    """
    from harness.errors import UsageError

    if len(run) not in (0, 2):
        what = f"the number of runs is {len(run)}, expected 0 or 2"
        raise UsageError(what, where="history", hint="readiness history RUN RUN")
    text = _compared(out, *run, as_json=as_json) if len(run) == 2 else _listed(out, last, as_json=as_json)
    click.echo(text, nl=False)
    return 0


def _listed(out: Path | None, last: int, *, as_json: bool) -> str:
    from harness.evidence.past_runs import past_runs
    from harness.judgement.summary.changes import trends
    from harness.report.past import history_document, render_history
    from harness.run.which import runs_directory

    runs = out or runs_directory()
    none_yet = out is None and not runs.exists()
    if none_yet and not as_json:
        return "reports/runs has no runs yet; `readiness run` makes the first one\n"
    read, unread, left_out = ((), (), 0) if none_yet else past_runs(runs, last)
    figures = trends(read)
    return (
        _json(history_document(read, unread, figures, left_out))
        if as_json
        else render_history(read, unread, figures, left_out)
    )


def _compared(out: Path | None, first: Path, second: Path, *, as_json: bool) -> str:
    from harness.evidence.past_runs import past_run
    from harness.judgement.summary.changes import compared
    from harness.report.past import comparison_document, render_comparison
    from harness.run.which import run_path

    before, after = (past_run(run_path(run, out)) for run in (first, second))
    found = compared(before, after)
    return _json(comparison_document(found)) if as_json else render_comparison(found)


def _json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
