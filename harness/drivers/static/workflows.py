"""The workflow files that a target names, each read as what wrote it, GitHub's or GitLab's, with those of its repository that it calls."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from harness.drivers.paper import Asked
from harness.drivers.static.called import CALLED, with_inputs
from harness.drivers.static.composite import CompositeAction, with_action_inputs
from harness.drivers.static.files import files_of, inside, named, shown
from harness.drivers.static.github import github_workflow
from harness.drivers.static.gitlab import gitlab_workflow
from harness.drivers.static.includes import with_includes
from harness.drivers.static.jobs import Workflow
from harness.errors import ConfigurationError
from harness.yamlfile import YamlDocument, read_documents

_MOST_CALLS: Final = 100
"""Calls of other workflows that one file leads to, each counted as often as it is made; GitHub allows fewer."""


def workflows(asked: Asked) -> list[Workflow]:
    """The workflows that the target file names; one that only others start is read as a part of these.

    Raises:
        ConfigurationError: there are none, or one is not a workflow.
    """
    found: dict[Path, Workflow] = {}
    refused: dict[Path, ConfigurationError] = {}
    parts: set[Path] = set()

    def used(path: Path) -> None:
        parts.add(path)
        asked.keep(path)

    for path in files_of(named(asked, "workflows"), lambda path: path.suffix in (".yml", ".yaml")):
        asked.keep(path)
        try:
            found[path] = read_workflow(path, shown(path, asked), used)
        except ConfigurationError as error:
            refused[path] = error  # a part of another file need not be one by itself
    called = {path for one in found.values() for path in one.called}
    if wrong := sorted(refused.keys() - called, key=lambda path: (path in parts, path)):
        raise refused[wrong[0]]
    if not found:
        raise ConfigurationError("there is no workflow", where=f"{asked.target.file}: files.workflows")
    return [one for path, one in found.items() if path not in called or _starts_itself(one)]


def _starts_itself(called: Workflow) -> bool:
    """Whether a file that another one calls or includes starts without that, too."""
    return called.forge == "github" and {*called.triggers} != {CALLED}


def read_workflow(path: Path, file: str, used: Callable[[Path], object] = lambda _path: None) -> Workflow:
    """One workflow file.

    Args:
        path: of the file.
        file: the same from where the target file is.
        used: called with the file of each workflow of the repository that it calls.

    Raises:
        ConfigurationError: it is neither GitHub's nor GitLab's, or calls too many others.
    """
    reading = _CallReader(used)
    path = Path(os.path.normpath(path))
    workflow = reading.of(_document(path), path, file, ())
    return replace(workflow, called=workflow.called | reading.called)


class _CallReader:
    """Reads a workflow with those that it calls.

    Args:
        used: called with each file that is called.
    """

    def __init__(self, used: Callable[[Path], object]) -> None:
        self.called: set[Path] = set()
        self._used, self._left = used, _MOST_CALLS

    def of(self, document: YamlDocument, path: Path, file: str, callers: tuple[Path, ...]) -> Workflow:
        """The workflow of a document that is called by `callers`, the outermost first; by none."""
        if "jobs" not in document.data:
            return gitlab_workflow(with_includes(document, path, file, self._used), file)
        behind = (*callers, path)
        return github_workflow(
            document,
            file,
            lambda uses, given: self._call(path, file, uses, given, behind),
            lambda uses, given: self._action(path, file, uses, given),
        )

    def _action(self, path: Path, file: str, uses: str, inputs: Mapping[str, str]) -> CompositeAction | None:
        """The composite action of the repository that a step uses; None where it is not there, or is of another kind."""
        found = _action_file(path, uses)
        if found is None:
            return None
        self._left -= 1
        if self._left < 0:
            raise ConfigurationError(f"leads to more than {_MOST_CALLS} actions and other workflows", where=str(path))
        self._used(found)
        action = with_action_inputs(_document(found), inputs)
        below = os.path.relpath(found, path.parent)
        return CompositeAction(action, os.path.normpath(PurePosixPath(file).parent / below)) if action else None

    def _call(
        self, path: Path, file: str, uses: str, inputs: Mapping[str, str], callers: tuple[Path, ...]
    ) -> Workflow | None:
        """The workflow that a job calls; None where it is not one of this repository, leads back to its caller, or refuses its inputs."""
        found = _file_of(path, uses)
        if found is None or found in callers:
            return None
        self._left -= 1
        if self._left < 0:
            raise ConfigurationError(
                f"leads to more than {_MOST_CALLS} calls of other workflows", where=str(callers[0])
            )
        self._used(found)
        document = _document(found)
        filled = with_inputs(document, inputs) if "jobs" in document.data else document
        if filled is None:
            return None
        workflow = self.of(filled, found, str(PurePosixPath(file).with_name(found.name)), callers)
        if CALLED not in workflow.triggers:
            return None
        self.called.add(found)
        return workflow


def _document(path: Path) -> YamlDocument:
    documents = [one for one in read_documents(path) if one.data is not None]
    if not documents or not isinstance(documents[-1].data, dict):
        raise ConfigurationError("is not a workflow", where=f"{path}:1", hint="name files with jobs")
    return documents[-1]  # a GitLab file may begin with its `spec`


def _file_of(caller: Path, uses: str) -> Path | None:
    """The file that `uses: ./.github/workflows/NAME` names, from a workflow in that directory; None where there is none."""
    directory = caller.parent
    if not uses.startswith("./") or (directory.parent.name, directory.name) != (".github", "workflows"):
        return None
    root = directory.parent.parent
    found = Path(os.path.normpath(root / uses))
    return inside(found, root) if found.parent == directory and found.is_file() else None


def _action_file(caller: Path, uses: str) -> Path | None:
    """The file of an action that `uses: ./DIRECTORY` names, from the top of the repository; None where there is none."""
    directory = caller.parent
    if (directory.parent.name, directory.name) != (".github", "workflows"):
        return None
    root = directory.parent.parent
    files = (Path(os.path.normpath(root / uses / name)) for name in ("action.yml", "action.yaml"))
    found = next((one for one in files if one.is_file()), None)
    return inside(found, root) if found is not None else None
