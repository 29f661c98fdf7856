"""Workflows of GitHub and GitLab as one shape: jobs with steps, what each waits for, and what may fail without stopping it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.drivers.static.conditions import JobRule
from harness.drivers.static.shell import ShellCommand


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowStep:
    """One step of a job.

    Attributes:
        name: for people. commands: its commands, in order. uses: an action, without its version. inputs: of the action.
        place: `file:line`.
        may_fail: why its failure does not stop the job, or why it may not run at all; empty where neither is so.
        regardless: why it also runs after a failure; empty where it does not.
        words: all its text, for what it speaks of.
    """

    name: str
    commands: tuple[ShellCommand, ...] = ()
    uses: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    place: str
    may_fail: str = ""
    regardless: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job.

    Attributes:
        id: in its file; of a workflow that the job `call` calls `call/ID`. stage: of a GitLab job. needs: ids of the jobs that it waits for.
        node: versions of Node.js that it runs on, as they are written; empty where it says none.
        environment: that it deploys to, where it says so. place: `file:line`.
        may_fail: why its failure stops nothing; empty where it does.
        regardless: why it also runs after a failure; empty where it does not.
        starts: when it runs, in its own words; empty: whenever the workflow does.
        rules: of a GitLab job, which decide in which pipelines it is; None where it has none.
    """

    id: str
    stage: str = ""
    needs: tuple[str, ...] = ()
    steps: tuple[WorkflowStep, ...] = ()
    node: tuple[str, ...] = ()
    environment: str = ""
    place: str
    may_fail: str = ""
    regardless: str = ""
    starts: str = ""
    rules: tuple[JobRule, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Whether a job begins only where another one has succeeded; None where the file does not decide it. `why`: why not."""

    ok: bool | None
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """One workflow file.

    Attributes:
        file: from where the target file is. forge: `github` or `gitlab`. place: of what starts it.
        triggers: events of GitHub with their filters; for GitLab the conditions of `workflow: rules`, under `rules`.
        jobs: by id.
        held: a job's id → the jobs that it waits for, directly or through others, and whether each holds it back.
        rules: of a GitLab file as a whole; None where it has none.
        elsewhere: what brings commands of files that are not read, with its place; empty where nothing does.
        called: files of workflows of the same repository that it calls or includes, directly or through others; their jobs are among its own.
        unsettled: a job's id (or `workflow`) and keys of it → why what is not read may set one that is not written; empty where nothing may.
    """

    file: str
    forge: str
    place: str
    triggers: Mapping[str, Any]
    jobs: Mapping[str, Job]
    held: Callable[[str], Mapping[str, Held]]
    rules: tuple[JobRule, ...] | None = None
    elsewhere: str = ""
    called: frozenset[Path] = frozenset()
    unsettled: Callable[[str, Collection[str]], str] = lambda _name, _keys: ""

    @property
    def unread(self) -> str:
        """Why what is not in this file may be run all the same; empty where it is not."""
        hint = "hint: name the file with its commands, as GitLab shows the merged one"
        return f"not in this file, and what {self.elsewhere} brings is not read; {hint}" if self.elsewhere else ""


def texts_of(value: Any) -> list[str]:
    """A text, a number, or those of a list."""
    listed = value if isinstance(value, list) else [value]
    return [str(one) for one in listed if isinstance(one, (str, int, float))]


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def name_of(value: Any) -> str:
    """A value that is a name, or a mapping with a name."""
    found = next((value[key] for key in ("name", "job") if key in value), "") if isinstance(value, dict) else value
    return str(found or "")


def node_of_image(image: str) -> Iterator[str]:
    """The version of Node.js of an image that is one of it."""
    repository, _, tag = image.rpartition("/")[2].partition(":")
    if repository == "node":
        yield tag.partition("-")[0] or "latest"
