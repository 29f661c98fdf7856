"""Workflow files of GitHub and GitLab as they are written: jobs, their steps, what each waits for.

Nothing is executed. If the effect of a key is known only at run time, the result is unknown and names the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.yamlfile import TaggedList, YamlDocument

from .script import commands_of, hides_failure, wider_line

_RANK: Final[Mapping[bool | None, int]] = {False: 0, None: 1, True: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Whether a failure keeps a later job or deployment from running; None if the file does not show it. `why`: reason if not True."""

    ok: bool | None = True
    why: str = ""


def weakest(*parts: Held) -> Held:
    """The weakest of several conditions: False before None before True."""
    return min(parts, key=lambda held: _RANK[held.ok])


def strongest(parts: Sequence[Held], otherwise: str) -> Held:
    """The strongest of several conditions; False with the reason `otherwise` if there are none."""
    return max(parts, key=lambda held: _RANK[held.ok], default=Held(ok=False, why=otherwise))


@dataclass(frozen=True, kw_only=True, slots=True)
class CiStep:
    """One step of a job.

    Attributes:
        lines: the commands. shell: the shell that runs them. uses: an action or a workflow. options: its inputs, as `key=value`.
        place: `file:line`. variables: of its environment, as `NAME=value`.
        fails: whether a failure of the step fails its job. begins: whether it starts only after the steps before it succeeded.
        never: whether its condition is never true.
    """

    place: str
    lines: tuple[str, ...] = ()
    shell: str = ""
    uses: str = ""
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    fails: Held = Held()
    begins: Held = Held()
    never: bool = False

    def find(self, text: str) -> int | None:
        """The index of the command that equals this text, or 0 for the action; None if the step has neither."""
        searched = " ".join(text.split())
        if self.uses:
            return 0 if searched in (self.uses, self.uses.partition("@")[0]) else None
        if searched in self.lines:
            return self.lines.index(searched)
        last = commands_of(searched)  # `a && b` as the last line
        return len(self.lines) - len(last) if [*self.lines[-len(last) :]] == last else None

    def wider(self, text: str) -> str:
        """The line that has more than this command; empty if there is none."""
        return wider_line(self.lines, " ".join(text.split()))

    def fails_at(self, at: int) -> Held:
        """Whether a failure of the command at `at` fails the job."""
        why = "" if self.uses else hides_failure(self.lines, at, self.shell)
        return weakest(self.fails, Held(ok=None, why=why) if why else Held())


@dataclass(frozen=True, kw_only=True, slots=True)
class CiJob:
    """One job.

    Attributes:
        id: name in the file. stage: of a GitLab job. place: `file:line`. steps: in order; the script of a GitLab job is one step.
        fails: whether its failure stops the jobs that wait for it. starts: why it may be left out; empty if the file has no condition.
        waits: id of each job that it waits for → whether it starts only if that job succeeded.
        node: versions of Node.js that it runs on, as written. environment: whether the job names an environment.
        never: whether its condition is never true. superseded: why a newer push may cancel it. unread: what of it is in no file that is read.
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
    never: bool = False
    superseded: str = ""
    unread: str = ""


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
        """Every job that a job waits for, directly or through others, and whether a failure there stops it; the strongest path counts."""
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
    """The texts and numbers of a list, or the one text or number; as texts."""
    listed = value if isinstance(value, (list, TaggedList)) else [value]
    return [str(one) for one in listed if isinstance(one, (str, int, float))]


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it is something else."""
    return value if isinstance(value, dict) else {}


def variables_of(*owners: Any) -> tuple[str, ...]:
    """The variables of several mappings as `NAME=value`; of one name the last counts."""
    merged = {str(name): value for owner in owners for name, value in mapping_of(owner).items()}
    return tuple(f"{name}={mapping_of(value).get('value', value)}" for name, value in merged.items())


def lenient(value: Any, key: str) -> Held:
    """The effect of a key that tolerates failures: true: a failure stops nothing; false or absent: it stops; an expression: unknown."""
    if value in (None, False, "false"):
        return Held()
    if value in (True, "true"):
        return Held(ok=False, why=f"`{key}` lets the workflow go on after a failure")
    return Held(ok=None, why=f"the value of `{key}: {str(value)[:60]}` is known only at run time")


def node_of_image(image: str) -> Iterator[str]:
    """The version of Node.js of an official `node` image; nothing for other images."""
    repository, _, tag = image.rpartition("/")[2].partition(":")
    if repository == "node":
        yield tag.partition("-")[0] or "latest"
