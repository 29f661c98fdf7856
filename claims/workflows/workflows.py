"""The workflow files that a target names, each read as what wrote it, GitHub's or GitLab's."""

from __future__ import annotations

from pathlib import Path

from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown
from harness.errors import ConfigurationError
from harness.yamlfile import read_documents

from .github import action_job, github_jobs
from .gitlab import gitlab_jobs
from .jobs import Workflow


def workflow_files(asked: Asked) -> list[Workflow]:
    """The workflows that the target file names; raises ConfigurationError where there are none, or one is not a workflow."""
    found = []
    for path in files_of(named(asked, "workflows"), lambda path: path.suffix in (".yml", ".yaml")):
        asked.keep(path)
        found.append(workflow_of(path, shown(path, asked)))
    if not found:
        raise ConfigurationError("there is no workflow", where=f"{asked.target.file}: files.workflows")
    return found


def workflow_of(path: Path, file: str) -> Workflow:
    """One workflow file; raises ConfigurationError where it is neither GitHub's nor GitLab's."""
    documents = [one for one in read_documents(path) if one.data is not None]
    if not documents or not isinstance(documents[-1].data, dict):
        raise ConfigurationError("is not a workflow", where=f"{path}:1", hint="name files with jobs")
    document = documents[-1]  # a GitLab file may begin with its `spec`
    if "runs" in document.data and path.stem == "action":
        jobs = action_job(document, file)
        return Workflow(path=path, file=file, forge="github", document=document, jobs=jobs)
    if "jobs" not in document.data:
        jobs, unread = gitlab_jobs(document, file)
        return Workflow(path=path, file=file, forge="gitlab", document=document, jobs=jobs, unread=unread)
    return Workflow(path=path, file=file, forge="github", document=document, jobs=github_jobs(document, file))
