"""The pytest session of `readiness run` and `readiness plan`, without pytest settings of the project."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.pytest_plugin import NAME
from harness.pytest_plugin.plugin import ReadinessPlugin
from harness.steps.own import take_python_path

if TYPE_CHECKING:
    from harness.run.session import VerificationSession


def run_pytest(session: VerificationSession) -> int:
    """Collect the features of the session, and run or plan its scenarios; returns pytest's exit code.

    Raises:
        ConfigurationError: a directory of features cannot be read.
        UsageError: pytest does not accept the path of a feature.
    """
    project = session.settings.project
    # A plan runs no test, whose asserts would be rewritten and whose garbage would be collected for warnings.
    quiet = ["-qq", "--assert=plain", "-p", "no:unraisableexception"] if session.settings.planning else ["-q"]
    arguments = [
        *map(_argument, session.selection.files),
        *("-c", os.devnull, "--rootdir", str(project.root), "--strict-markers"),
        *("-p", "no:cacheprovider", "-p", "harness.steps.bdd", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
        *quiet,
        *session.settings.pytest_arguments,
    ]
    take_python_path(project.root)
    sys.stdout.flush()
    gc.freeze()  # pytest collects garbage five times at its end: imported modules are left out
    return int(pytest.main(arguments, plugins=[_Named(ReadinessPlugin(session))]))


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
        hint = "rename the file or directory, or call the command in the project's directory"
        raise UsageError(f"pytest does not accept a path with `{odd}`", where=name, hint=hint)
    return name


class _Named:
    """Registers the session's hooks under the name by which the entry point finds them."""

    def __init__(self, plugin: object) -> None:
        self._plugin = plugin

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._plugin, NAME)
