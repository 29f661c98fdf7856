"""Workflow files of GitHub and GitLab as they are written: jobs, their steps, what each waits for.

Nothing is run in thought. A key whose effect only a run knows makes what depends on it unknown, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.drivers.static.script import hides_failure
from harness.yamlfile import TaggedList, YamlDocument

_RANK: Final[Mapping[bool | None, int]] = {False: 0, None: 1, True: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Whether something is held back by a failure; None where the file does not decide it. `why`: why not."""

    ok: bool | None = True
    why: str = ""


def weakest(*parts: Held) -> Held:
    """The one that holds least."""
    return min(parts, key=lambda held: _RANK[held.ok])


def strongest(parts: Sequence[Held], otherwise: str) -> Held:
    """The one that holds most; False with the words `otherwise` where there are none."""
    return max(parts, key=lambda held: _RANK[held.ok], default=Held(ok=False, why=otherwise))


@dataclass(frozen=True, kw_only=True, slots=True)
class CiStep:
    """One step of a job.

    Attributes:
        lines: its commands. shell: that runs them. uses: an action or a workflow. options: of these, as `key=value`.
        place: `file:line`.
        fails: whether its failure fails its job. begins: whether it begins only after the steps before it succeeded.
    """

    place: str
    lines: tuple[str, ...] = ()
    shell: str = ""
    uses: str = ""
    options: tuple[str, ...] = ()
    fails: Held = Held()
    begins: Held = Held()

    def find(self, text: str) -> int | None:
        """The index of the command that is this text, or 0 for the action; None where the step has neither."""
        searched = " ".join(text.split())
        if self.uses:
            return 0 if searched in (self.uses, self.uses.partition("@")[0]) else None
        return self.lines.index(searched) if searched in self.lines else None

    def fails_at(self, at: int) -> Held:
        """Whether a failure of the command at `at` fails the job."""
        why = "" if self.uses else hides_failure(self.lines, at, self.shell)
        return weakest(self.fails, Held(ok=None, why=why) if why else Held())


@dataclass(frozen=True, kw_only=True, slots=True)
class CiJob:
    """One job.

    Attributes:
        id: in its file. stage: of a GitLab job. place: `file:line`. steps: in order; of a GitLab job, its script is one.
        fails: whether its failure stops the jobs that wait for it. starts: why it may not be run; empty where the file does not limit it.
        waits: id of each job that it waits for → whether it begins only where that one has succeeded.
        node: versions of Node.js that it runs on, as written. environment: the job names one.
    """

    id: str
    place: str
    stage: str = ""
    steps: tuple[CiStep, ...] = ()
    fails: Held = Held()
    starts: str = ""
    waits: Mapping[str, Held] = field(default_factory=dict)
    node: tuple[str, ...] = ()
    environment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """One workflow file.

    Attributes:
        path: of the file. file: the same from where the target file is. forge: `github` or `gitlab`.
        document: as read. jobs: by id. unread: what brings jobs of other files; empty where nothing does.
    """

    path: Path
    file: str
    forge: str
    document: YamlDocument
    jobs: Mapping[str, CiJob]
    unread: str = ""

    def place(self, *location: str | int) -> str:
        """`file:line` of a part."""
        return f"{self.file}:{self.document.line(location)}"

    def waits(self, job: str) -> dict[str, Held]:
        """The jobs that one waits for, directly or through others, and whether each holds it back; by the way that holds most."""
        found: dict[str, Held] = {}
        ways = [*self.jobs[job].waits.items()]
        while ways:
            other, held = ways.pop()
            if other not in self.jobs or (other in found and _RANK[held.ok] <= _RANK[found[other].ok]):
                continue
            found[other] = held
            ways += [(further, weakest(held, more)) for further, more in self.jobs[other].waits.items()]
        return found


def texts_of(value: Any) -> list[str]:
    """A text, a number, or those of a list."""
    listed = value if isinstance(value, (list, TaggedList)) else [value]
    return [str(one) for one in listed if isinstance(one, (str, int, float))]


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def lenient(value: Any, key: str) -> Held:
    """What a key that lets something fail amounts to: true stops nothing, false or none everything, an expression is unknown."""
    if value in (None, False, "false"):
        return Held()
    if value in (True, "true"):
        return Held(ok=False, why=f"it may fail: `{key}`")
    return Held(ok=None, why=f"only a run knows `{key}: {str(value)[:60]}`")


def node_of_image(image: str) -> Iterator[str]:
    """The version of Node.js of an image that is one of it."""
    repository, _, tag = image.rpartition("/")[2].partition(":")
    if repository == "node":
        yield tag.partition("-")[0] or "latest"
