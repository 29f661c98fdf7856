"""The pytest plugin: `.feature` files of a readiness project become verdicts. It is inactive in other projects.

The plugin is active in a project whose `pyproject.toml` has a `[tool.harness]` table, and for `readiness run`, which has its
own settings. Elsewhere it adds no option, collects no file and imports almost nothing.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.run.session import VerificationSession

NAME: Final = "readiness"
"""Name under which the session's hooks are registered."""
_OPTIONS: Final = (
    *("target", "profile", "release", "baseline", "evidence"),
    *("seed", "traffic_scale", "allow_target", "keep", "no_decision"),
)
"""Options that are passed to the session unchanged."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the harness in a readiness project."""
    if not _awake():
        return
    group = parser.getgroup("readiness", "Readiness Harness")
    group.addoption(
        "--target", type=Path, metavar="FILE", help="target file, or `sandbox` (default: `target` of the project)"
    )
    group.addoption("--evidence", type=Path, metavar="RUN", help="replay a stored run: nothing is started or decided")
    group.addoption(
        "--profile",
        action="append",
        metavar="NAME",
        help="profile of requirements that decides (default: `profiles` of the project)",
    )
    group.addoption(
        "--release", metavar="NAME|DIR", help="release under test (default: `release` of the target file, else 1.0.0)"
    )
    group.addoption(
        "--allow-target",
        default="",
        metavar="NAME",
        help="full name of the target: required unless its file has `disposable: true`, and always in production",
    )
    group.addoption(
        "--only", action="append", default=[], metavar="PATTERN", help="only requirements that match, e.g. 'DA-DR-*'"
    )
    group.addoption(
        "--no-decision",
        action="store_true",
        help="in a filtered run, exit with the code of the worst verdict, so that CI fails on FAIL",
    )
    group.addoption("--baseline", type=Path, metavar="RUN", help="earlier run to compare with")
    group.addoption("--seed", type=int, default=1, metavar="N", help="seed of every schedule (default: 1)")
    group.addoption(
        "--traffic-scale",
        type=float,
        default=1.0,
        metavar="X",
        help="factor for the rate of every traffic (default: 1)",
    )
    group.addoption("--keep", action="store_true", help="do not stop a target that was started for the run")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the session's hooks, unless `readiness` has already done so."""
    if not _awake() or config.pluginmanager.hasplugin(NAME):
        return
    if hasattr(config, "workerinput"):
        config.option.clean_alluredir = (
            False  # the controller cleaned it; a worker that xdist starts again would delete all results
        )
    try:
        if not _features_named(config):
            return
        from harness.pytest_plugin.plugin import ReadinessPlugin

        config.pluginmanager.register(ReadinessPlugin(_opened(config)), NAME)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.import_plugin("harness.steps.bdd")
    gc.freeze()  # what was loaded stays: looking through all of it again and again was a quarter of a replay's time


def _awake() -> bool:
    """Whether this is a project of ours; a table that cannot be read is reported when it is needed."""
    if "READINESS_COMMAND" in os.environ:
        return False
    from harness.run.project import find_project

    try:
        return find_project(Path.cwd()).configured
    except HarnessError:
        return True


def _features_named(config: pytest.Config) -> bool:
    """Whether the session collects feature files at all: the project's own tests may live beside them."""
    from harness.run.project import find_project

    features = find_project(Path.cwd()).search("features")
    given = [Path(str(argument).split("::")[0]) for argument in config.args]
    named = [place for path in given for place in (path.absolute(), path.resolve())]  # `..` is in no name of a feature
    return any(path.is_relative_to(base) or base.is_relative_to(path) for path in named for base in features)


def _opened(config: pytest.Config) -> VerificationSession:
    """The session that our options ask for."""
    from harness.run.project import find_project
    from harness.run.session import open_session

    narrowed = {"-k": getattr(config.option, "keyword", ""), "-m": getattr(config.option, "markexpr", "")}
    return open_session(
        find_project(Path.cwd()),
        pytest_arguments=tuple(word for option, given in narrowed.items() if given for word in (option, given)),
        only=tuple(config.getoption("only")),
        **{name: config.getoption(name) for name in _OPTIONS},
    )
