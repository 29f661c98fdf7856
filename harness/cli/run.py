"""`readiness run` and `readiness plan`: the same collection, with and without touching anything."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.run.deciding import Decided

_PYTEST_SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


class TargetFile(click.Path):
    """A target file, or the name of a provided target as `sandbox`, also where a directory has that name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path as given."""
        from harness.provided import is_provided

        return Path(value) if is_provided(str(value)) else super().convert(value, param, ctx)


_FILE = TargetFile(path_type=Path, dir_okay=False)


def _options(command: Callable[..., int]) -> Callable[..., int]:
    """What `run` and `plan` have in common."""
    for option in reversed(
        [
            click.option(
                "--target",
                type=_FILE,
                metavar="FILE",
                help="Target file, or `sandbox`, which is started for the run.  [default: the project's]",
            ),
            click.option(
                "--profile",
                multiple=True,
                metavar="NAME",
                help="Profile that decides; may be repeated.  [default: the project's]",
            ),
            click.option(
                "--release",
                metavar="NAME|DIR",
                help="Release under test.  [default: the target file's `release`, else 1.0.0]",
            ),
            click.option(
                "--as",
                "stands_for",
                type=click.Choice(["sandbox", "staging"]),
                default="sandbox",
                show_default=True,
                help="Environment that the sandbox plays: what gates there gates this run.",
            ),
            click.option(
                "--out",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="Where runs are kept.  [default: reports/runs]",
            ),
            click.option(
                "--allow-target",
                default="",
                metavar="NAME",
                help="Name of the target, in full: required unless its file says `disposable: true`, and always in production.",
            ),
            click.option(
                "--baseline",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="RUN",
                help="Earlier run, by directory or name, that sentences about the baseline run compare with.",
            ),
            click.option("--seed", default=1, show_default=True, help="Seed of every schedule."),
            click.option(
                "--traffic-scale",
                default=1.0,
                show_default=True,
                help="Multiplies the rate of every traffic, 0.05 to 4; the decision and each figure of the traffic name this factor.",
            ),
            click.option(
                "--only",
                multiple=True,
                metavar="PATTERN",
                help="Only requirements like this, e.g. 'DA-DR-*'; such a run never decides.",
            ),
            click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED),
        ]
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--keep", is_flag=True, help="Leave a target that was started for the run running afterwards.")
@click.option(
    "--no-decision", is_flag=True, help="In a filtered run, exit with the code of the worst selected verdict."
)
def run(**options: Any) -> int:
    """Gather evidence for one release on one target, judge it, decide, and write the reports.

    What follows `--` goes to pytest.
    """
    return _session(planning=False, **options)


@click.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--roles", "as_roles", is_flag=True, help="Only the Roles that the user of the kubeconfig needs for it.")
def plan(**options: Any) -> int:
    """Show what `run` would do, with seconds and numbers, and what a run of this size cannot decide; change nothing."""
    return _session(planning=True, **options)


def _session(*, planning: bool, **options: Any) -> int:
    """One pytest session with our settings; its exit code is of our table."""
    if planning:
        gc.disable()  # a plan is shown before a collection of garbage pays
    os.environ["READINESS_COMMAND"] = "1"  # the plugin's entry point stays asleep: the session below is the one
    _clear_pytest_settings()
    from harness.pytest_plugin.command import run_pytest
    from harness.run.project import find_project
    from harness.run.session import open_session

    session = open_session(find_project(Path.cwd()), planning=planning, **options)
    code = run_pytest(session)
    if planning:
        return code
    if session.decided is None:
        if code == 0:  # which is kept for a GO
            shows = f"pytest only shows something with: {' '.join(options['pytest_arguments']) or 'an argument'}"
            click.echo(f"nothing was run or judged: {shows}\nhint: leave it out", err=True)
        return code or UsageError.exit_code
    code = code or session.exit_code(())  # 0 as pytest has it, which a hook of the project's own may have changed
    _allure_report(session.decided, code)
    return code


def _allure_report(decided: Decided, code: int) -> None:
    """Make Allure's report of the run where the extra is installed. Whatever becomes of it, the run has decided already."""
    from harness.report.allure.npm import find_node

    if find_node() is None:
        return
    from harness.run.deciding import write_allure_report

    try:
        made = write_allure_report(decided, exit_code=code)
    except (HarnessError, KeyboardInterrupt) as error:
        why = str(error) or "interrupted"
        results = decided.directory.path / "allure-results"
        click.echo(f"  no Allure report: {why}\n  its results are in {results}", err=True)
    else:
        click.echo(f"  the Allure report: {made}")


def _clear_pytest_settings() -> None:
    """What the caller's environment says to pytest must not change what is run or judged."""
    for name in _PYTEST_SETTINGS:
        if os.environ.pop(name, ""):
            click.echo(f"{name} is ignored\nhint: put arguments for pytest after `--`", err=True)
