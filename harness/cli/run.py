"""`readiness run` and `readiness plan`: the same collection, with and without touching anything."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.run.deciding import Decided

UNDECIDED = "nothing was run or judged: pytest only shows something with"
"""Exit code 0 is kept for a GO."""
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
                default="1.0.0",
                metavar="NAME|DIR",
                help="Release under test.  [default: the target file's `release`, else 1.0.0]",
            ),
            click.option(
                "--as",
                "stands_for",
                type=click.Choice(["sandbox", "staging"]),
                default="sandbox",
                show_default=True,
                help="Environment that the sandbox plays.",
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
                help="Multiplies every traffic's rate, 0.05 to 4; the decision and every figure of the traffic say it.",
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


def _session(
    *, planning: bool, as_json: bool = False, as_roles: bool = False, pytest_arguments: tuple[str, ...], **options: Any
) -> int:
    """One pytest session with our settings; its exit code is of our table."""
    os.environ["READINESS_COMMAND"] = "1"  # the plugin's entry point stays asleep: the session below is the one
    _clear_pytest_settings()
    import pytest

    from harness.pytest_plugin.plugin import ReadinessPlugin
    from harness.pytest_plugin.session import PluginSession
    from harness.run.choice import choose
    from harness.run.exits import exit_of
    from harness.run.project import feature_files, find_project
    from harness.run.settings import Settings
    from harness.run.which import run_path, runs_directory
    from harness.steps.own import take_python_path

    project = find_project(Path.cwd())
    runs = options["out"] or runs_directory()
    chosen = choose(project, options["target"], options["profile"])
    if chosen.target is not None and options["stands_for"] != "sandbox":
        hint = "leave `--as` out: the target file says what environment it is"
        raise UsageError(f"only the sandbox can play {options['stands_for']}", where=str(chosen.target), hint=hint)
    settings = Settings(
        project=project,
        target=chosen.target,
        provided=chosen.provided,
        profiles=chosen.profiles,
        release=options["release"],
        stands_for=options["stands_for"],
        out=runs.absolute(),
        baseline=None if options["baseline"] is None else run_path(options["baseline"], runs),
        seed=options["seed"],
        traffic_scale=options["traffic_scale"],
        allow_target=options["allow_target"],
        keep=options.get("keep", False),
        no_decision=options.get("no_decision", False),
        only=options["only"],
        pytest_arguments=pytest_arguments,
    )
    if planning:
        gc.disable()  # a plan is shown before a collection of garbage pays; it takes a tenth of the time
    named = click.get_current_context().get_parameter_source("release") is ParameterSource.COMMANDLINE
    session = PluginSession(settings, planning=planning, as_json=as_json, as_roles=as_roles, named_release=named)
    session.check()
    # A plan runs no test, whose asserts would be rewritten and whose garbage would be collected for warnings.
    quiet = ["-qq", "--assert=plain", "-p", "no:unraisableexception"] if planning else ["-q"]
    arguments = [
        *map(_argument, feature_files(project)),
        *("-c", os.devnull, "--rootdir", str(project.root), "--strict-markers"),
        *("-p", "no:cacheprovider", "-p", "harness.steps.bdd", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
        *quiet,
        *pytest_arguments,
    ]
    take_python_path(project.root)
    sys.stdout.flush()
    code = int(pytest.main(arguments, plugins=[_Named(ReadinessPlugin(session))]))
    if code == 0 and not planning and session.decided is None:
        click.echo(f"{UNDECIDED}: {' '.join(pytest_arguments) or 'an argument'}\nhint: leave it out", err=True)
        return UsageError.exit_code
    if session.decided is not None and not planning:
        if code == 0:  # as pytest has it, which a hook of the project's own may have changed
            code = exit_of(session.decided.judgement, no_decision=settings.no_decision)
        _allure_report(session.decided, code)
    return code


def _argument(path: Path) -> str:
    """A feature file as an argument of pytest, which takes what follows `[` or `::` for the name of a test.

    Raises:
        UsageError: it has one below the directory that the command is called in, too.
    """
    name = str(path)
    for mark in ("[", "::"):
        if mark in name:
            name = os.path.relpath(path)
    if odd := next((mark for mark in ("[", "::") if mark in name), ""):
        hint = "rename it, or call the command in the project's directory"
        raise UsageError(f"pytest takes no path with `{odd}`", where=name, hint=hint)
    return name


def _allure_report(decided: Decided, code: int) -> None:
    """Make Allure's report of the run where the extra is installed. Whatever becomes of it, the run has decided already."""
    from harness.report.allure.npm import find_node

    if find_node() is None:
        return
    from harness.report.allure.site import write_site

    path = decided.directory.path
    try:
        made = write_site(path, decided.plan, decided.evidence, decided.judgement, exit_code=code)
    except (HarnessError, KeyboardInterrupt) as error:
        why = str(error) or "interrupted"
        click.echo(f"  no Allure report: {why}\n  its results are in {path / 'allure-results'}", err=True)
    else:
        click.echo(f"  the Allure report: {made}")


def _clear_pytest_settings() -> None:
    """What the caller's environment says to pytest must not change what is run or judged."""
    for name in _PYTEST_SETTINGS:
        if os.environ.pop(name, ""):
            click.echo(f"{name} is ignored\nhint: put arguments for pytest after `--`", err=True)


class _Named:
    """Registers the session's hooks under the name by which the entry point knows that they are there."""

    def __init__(self, plugin: object) -> None:
        self._plugin = plugin

    def pytest_configure(self, config: Any) -> None:
        from harness.pytest_plugin import NAME

        config.pluginmanager.register(self._plugin, NAME)
