"""`readiness run` and `readiness plan`: collect the scenarios, and run them or show the plan."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from harness.cli.completing import chosen_requirements, profiles, runs
from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.run.deciding import Decided

_PYTEST_SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


class TargetFile(click.Path):
    """A parameter that is a target file, or the name of a provided target such as `sandbox`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as given."""
        from harness.provided import is_provided

        return Path(value) if is_provided(str(value)) else super().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The provided targets that begin so, else files."""
        from harness.provided import provided_names

        names = [name for name in provided_names() if incomplete and name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or super().shell_complete(ctx, param, incomplete)


_FILE = TargetFile(path_type=Path, dir_okay=False)


def _options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that `run` and `plan` have."""
    for option in reversed(
        [
            click.option(
                "--target",
                type=_FILE,
                metavar="FILE",
                help="Target file, or `sandbox`, which is started for the run.  [default: `target` of the project]",
            ),
            click.option(
                "--profile",
                multiple=True,
                metavar="NAME",
                shell_complete=profiles,
                help="Profile of requirements that decides; may be repeated.  [default: `profiles` of the project]",
            ),
            click.option(
                "--release",
                metavar="NAME|DIR",
                help="Release under test.  [default: `release` of the target file, else 1.0.0]",
            ),
            click.option(
                "--as",
                "stands_for",
                type=click.Choice(["sandbox", "staging"]),
                default="sandbox",
                show_default=True,
                help="Environment that the sandbox represents; the gating rules of this environment apply.",
            ),
            click.option(
                "--out",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="DIR",
                help="Directory of the runs.  [default: reports/runs]",
            ),
            click.option(
                "--allow-target",
                default="",
                metavar="NAME",
                help="Full name of the target. Required unless the target file has `disposable: true`, and always in production.",
            ),
            click.option(
                "--baseline",
                type=click.Path(path_type=Path, file_okay=False),
                metavar="RUN",
                shell_complete=runs,
                help="Earlier run to compare with, by directory or name (for sentences that mention the baseline).",
            ),
            click.option("--seed", default=1, show_default=True, help="Seed of every schedule."),
            click.option(
                "--traffic-scale",
                default=1.0,
                show_default=True,
                help="Factor for the rate of every traffic, 0.05 to 4; it is shown in the decision and the figures.",
            ),
            click.option(
                "--only",
                multiple=True,
                metavar="PATTERN",
                shell_complete=chosen_requirements,
                help="Run only the requirements that match, e.g. 'DA-DR-*'. Such a filtered run never decides.",
            ),
            click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED),
        ]
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--keep", is_flag=True, help="Do not stop a target that was started for the run.")
@click.option(
    "--upload",
    default="",
    metavar="s3://BUCKET/PREFIX",
    help="Also send the evidence there while it is recorded.  [default: `upload` of the target file]",
)
@click.option(
    "--no-decision",
    is_flag=True,
    help="In a filtered run, exit with the code of the worst verdict, so that CI fails on FAIL.",
)
def run(**options: Any) -> int:
    """Run the checks on a target, and decide.

    Evidence for one release is gathered on one target, judged, and reported. Arguments after `--` are passed to pytest.
    """
    return _session(planning=False, **options)


@click.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--roles",
    "as_roles",
    is_flag=True,
    help="Print only the ServiceAccount, Roles and bindings that a run needs in the cluster, as YAML.",
)
def plan(**options: Any) -> int:
    """Show what a run would do; nothing is started.

    The plan has the steps with seconds, the numbers of samples, and the sentences that a run of this size cannot decide.
    """
    return _session(planning=True, **options)


def _session(*, planning: bool, **options: Any) -> int:
    """One pytest session with our settings; its exit code is of our table."""
    if planning:
        gc.disable()  # a plan is shown before a collection of garbage pays
    _clear_pytest_settings()
    from harness.pytest_plugin.command import run_pytest
    from harness.run.project import find_project
    from harness.run.session import open_session

    session = open_session(find_project(Path.cwd()), planning=planning, **options)
    os.environ["READINESS_COMMAND"] = "1"  # the plugin's entry point stays asleep: this session is the one
    try:
        code = run_pytest(session)
    finally:
        del os.environ["READINESS_COMMAND"]
    if planning:
        return code
    if session.decided is None:
        if code == 0:  # which is kept for a GO
            given = " ".join(options["pytest_arguments"]) or "an argument"
            click.echo(
                f"nothing was run or judged, because pytest only prints with: {given}\nhint: leave out {given}",
                err=True,
            )
        return code or UsageError.exit_code
    code = code or session.exit_code(())  # 0 as pytest has it, which a hook of the project's own may have changed
    _allure_report(session.decided, code)
    return code


def _allure_report(decided: Decided, code: int) -> None:
    """Make Allure's report of the run if the extra is installed; an error does not change the decision."""
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
    """Ignore pytest settings of the environment, which must not change the run or its verdict."""
    for name in _PYTEST_SETTINGS:
        if os.environ.pop(name, ""):
            click.echo(
                f"the environment variable {name} is ignored\nhint: put arguments for pytest after `--`", err=True
            )
