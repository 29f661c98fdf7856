"""What the jobs of the workflow files are for, as the register of pipelines declares it, compared with the files.

An undeclared step may do anything. No sentence about all jobs is true while a job is in no register.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final

from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import files_of, named, shown
from harness.drivers.static.nouns import ENVIRONMENTS
from harness.drivers.static.registers import Entry, entries
from harness.errors import ConfigurationError
from harness.yamlfile import read_documents

from . import nouns
from .github import action_job, github_jobs
from .gitlab import gitlab_jobs
from .jobs import CiJob, CiStep, Held, Workflow, mapping_of, strongest, weakest
from .script import hides_failure, without_comment
from .tools import may_deploy

DEPLOYMENTS: Final = (*ENVIRONMENTS, nouns.OTHER_DEPLOYMENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredStep:
    """One step that the register names.

    Attributes:
        part: what it is: a word of `nouns.PARTS`. text: its command or action, as the register has it.
        job: its job; None where the file has none of that name. step, at: where it is in that job; None where it is not.
        stops_by: of a scan, the text by which its findings fail it, or `itself`; empty where the register does not say.
        declared: place in the register.
        elsewhere: what of its job, or of the jobs of its file, is not read; empty where everything is.
        called: of a step that uses a local file, the steps of that file that are declared to be the same. unread: why there are none.
    """

    part: str
    text: str
    job: CiJob | None
    job_id: str
    index: int = 0
    step: CiStep | None = None
    at: int = 0
    stops_by: str = ""
    declared: str
    elsewhere: str = ""
    called: tuple[DeclaredStep, ...] = ()
    unread: str = ""

    @property
    def there(self) -> Held:
        """Whether the workflow file has the declared step; None where what is not read may have it, or a line has more than the command."""
        if self.step:
            return Held()
        if self.elsewhere:
            return Held(ok=None, why=self.elsewhere)
        if self.job is None:
            return Held(ok=False, why=f"there is no job {self.job_id}, which {self.declared} names")
        for step in self.job.steps:
            if line := step.wider(self.text):
                sets = f"`{line[:80]}` sets variables for it; hint: declare the line as the file has it"
                return weakest(step.fails, Held(ok=None, why=hides_failure((line,), 0, step.shell) or sets))
        return Held(ok=False, why=f"no step of job {self.job_id} is `{self.text}`, which {self.declared} names")

    def fails(self) -> Held:
        """Whether a failure of the step fails its job; of one that uses a local file, whether a failure in that file does."""
        own = self.step.fails_at(self.at) if self.step else self.there
        return weakest(own, self.inside([one.fails() for one in self.called]))

    def inside(self, each: Sequence[Held]) -> Held:
        """The strongest of the called steps with what is known of each, as far as their jobs allow; True for a step that calls none."""
        if self.unread:
            return Held(ok=None, why=self.unread)
        ways = [weakest(held, *_of_job(one)) for held, one in zip(each, self.called, strict=True)]
        return strongest(ways, "") if ways else Held()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredPipeline:
    """A workflow file with what the register says of it; `unknown`: one fact a job or step that is in no register."""

    workflow: Workflow
    steps: tuple[DeclaredStep, ...]
    unknown: tuple[FactReading, ...]

    @property
    def is_called(self) -> bool:
        """Whether other files alone start it: an action, or a workflow for them."""
        on = self.workflow.document.data.get("on", "workflow_call") if self.workflow.forge == "github" else ""
        return on == "workflow_call" or (isinstance(on, (list, dict)) and [*on] == ["workflow_call"])

    def of(self, *parts: str) -> list[DeclaredStep]:
        """The steps that are one of these parts."""
        return [one for one in self.steps if one.part in parts]


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


def pipelines(asked: Asked) -> list[DeclaredPipeline]:
    """Every workflow file with what the register `pipelines.yaml` says of it.

    Raises:
        ConfigurationError: there is no register, it has an unknown key, or it names a file that the target file does not.
    """
    read = workflow_files(asked)
    if not asked.target.files.registers:
        hint = "add `files: {registers: DIRECTORY}` with a `pipelines.yaml` that says which jobs test, scan and deploy"
        raise ConfigurationError(
            "no register says what the jobs are for", where=f"{asked.target.file}: files.registers", hint=hint
        )
    by_file = {one.file: _entry_of(one, asked) for one in read}
    listed = entries(asked, "pipelines", "pipelines")
    taken = {entry.name for entry in by_file.values() if entry}
    if gone := next((entry for entry in listed if entry.name not in taken), None):
        hint = "name the file under `files.workflows`, or take it out of the register"
        raise ConfigurationError(f"`{gone.name}` is not among `files.workflows`", where=gone.place, hint=hint)
    found = [_pipeline(one, by_file[one.file]) for one in read]
    return [
        replace(one, steps=tuple(_with_called(step, found, (one.workflow,)) for step in one.steps)) for one in found
    ]


def _of_job(step: DeclaredStep) -> Iterator[Held]:
    if step.job:
        yield step.job.fails
    if step.job and step.job.starts:
        yield Held(ok=None, why=f"{step.job.starts} ({step.job.place})")


def local_file(caller: Workflow, step: CiStep, read: Sequence[DeclaredPipeline]) -> DeclaredPipeline | None:
    """The file that a step uses by its path in the repository, as far as exactly one of these is it.

    GitHub has all workflows in one directory, so a called one is beside its caller.
    """
    parts = PurePath(step.uses).parts
    if parts and step.uses.endswith((".yml", ".yaml")):
        return next((one for one in read if one.workflow.path == caller.path.with_name(parts[-1])), None)
    ends = ((*parts, "action.yml"), (*parts, "action.yaml"))
    fits = [one for one in read if any(one.workflow.path.parts[-len(end) :] == end for end in ends)]
    return fits[0] if len(fits) == 1 else None


def _with_called(step: DeclaredStep, read: Sequence[DeclaredPipeline], behind: tuple[Workflow, ...]) -> DeclaredStep:
    """A step with the steps of the local file that it uses."""
    if step.step is None or not step.step.uses.startswith("./"):
        return step
    uses, file = step.step.uses, local_file(behind[-1], step.step, read)
    if file is None or any(file.workflow is one for one in behind):
        hint = "hint: name it there, and its jobs in `pipelines.yaml`; the one job of an action is `runs`"
        return replace(step, unread=f"the file `{uses}` is not among `files.workflows`; {hint}")
    parts = DEPLOYMENTS if step.part in DEPLOYMENTS else (step.part,)
    called = [_with_called(one, read, (*behind, file.workflow)) for one in file.of(*parts)]
    hint = f"hint: add `{step.part}: STEP` to its job in `pipelines.yaml`"
    unread = "" if called else f"no step of {file.workflow.file} is declared to be `{step.part}`; {hint}"
    return replace(step, called=tuple(called), unread=unread)


def is_deployed_by_callers(pipeline: DeclaredPipeline, read: Sequence[DeclaredPipeline]) -> bool:
    """Whether each job that uses the file of a pipeline, which others alone start, is declared as a deployment."""
    calls = [
        (job.id, step)
        for one in read
        for job in one.workflow.jobs.values()
        for step in job.steps
        if step.uses.startswith("./") and local_file(one.workflow, step, read) is pipeline
    ]
    deployments = [(step.job_id, step.step) for one in read for step in one.of(*DEPLOYMENTS)]
    return pipeline.is_called and bool(calls) and all(call in deployments for call in calls)


def _entry_of(workflow: Workflow, asked: Asked) -> Entry | None:
    """The entry of a file: its name is the end of the path."""
    parts = PurePath(workflow.path).parts
    fits = [
        one
        for one in entries(asked, "pipelines", "pipelines")
        if parts[-len(PurePath(one.name).parts) :] == PurePath(one.name).parts
    ]
    return max(fits, key=lambda one: len(one.name), default=None)


def _pipeline(workflow: Workflow, entry: Entry | None) -> DeclaredPipeline:
    jobs = entry.values.get("jobs") if entry else {}
    if entry and not isinstance(jobs, dict):
        hint = "write `jobs: {JOB: {PART: STEP}}`, a job that does nothing of this as `JOB: {}`"
        raise ConfigurationError(f"`{entry.name}` has no `jobs`", where=entry.place, hint=hint)
    steps = [one for name, parts in mapping_of(jobs).items() for one in _steps(workflow, entry, str(name), parts)]
    unknown = [_undeclared(job, workflow.file) for name, job in workflow.jobs.items() if name not in mapping_of(jobs)]
    if workflow.unread:
        unknown.append(_unknown(workflow.file, workflow.unread))
    for job in workflow.jobs.values():
        if job.id in mapping_of(jobs):
            unknown += _undeclared_steps(job, [one for one in steps if one.job_id == job.id])
        if job.unread and not workflow.unread:
            unknown.append(_unknown(f"{job.place} job {job.id}", job.unread))
    return DeclaredPipeline(workflow=workflow, steps=tuple(steps), unknown=tuple(unknown))


def _steps(workflow: Workflow, entry: Entry | None, name: str, parts: Any) -> Iterator[DeclaredStep]:
    where = entry.place if entry else ""
    if not isinstance(parts, dict) or (odd := next((part for part in parts if part not in nouns.PARTS), None)):
        what = f"`{odd}` of job {name} is not a part" if isinstance(parts, dict) else f"job {name} is not a mapping"
        raise ConfigurationError(what, where=where, hint=f"its parts are {', '.join(nouns.PARTS)}")
    job = workflow.jobs.get(name)
    for part, written in parts.items():
        listed = written if isinstance(written, list) else [written]
        for one in listed:
            step = one.get("step") if isinstance(one, dict) else one
            if not isinstance(step, str) or not step.strip():
                hint = "write the command or the action as the file has it"
                raise ConfigurationError(f"`{part}` of job {name} names no step", where=where, hint=hint)
            stops_by = str(mapping_of(one).get("stops_by", ""))
            unread = job.unread if job else workflow.unread
            found = DeclaredStep(
                part=part,
                text=without_comment(step),
                job=job,
                job_id=name,
                stops_by=stops_by,
                declared=where,
                elsewhere=unread,
            )
            yield from _found(found, job)


def _found(declared: DeclaredStep, job: CiJob | None) -> Iterator[DeclaredStep]:
    """The step of the file that is declared; itself, without one, where there is none."""
    for index, step in enumerate(job.steps if job else ()):
        at = step.find(declared.text)
        if at is not None:
            yield replace(declared, step=step, index=index, at=at)
            return
    yield declared


def _undeclared(job: CiJob, file: str) -> FactReading:
    why = f"the job is in no register, and may deploy; hint: add `{job.id}` to the jobs of `{file}` in `pipelines.yaml`"
    return _unknown(f"{job.place} job {job.id}", why)


def _unknown(subject: str, why: str) -> FactReading:
    return FactReading(subject=subject, expected="declared in the register of pipelines", observed=why, ok=None)


def _undeclared_steps(job: CiJob, declared: Sequence[DeclaredStep]) -> Iterator[FactReading]:
    """One fact per step that looks like a deployment and is not declared as one."""
    aside = [one.text for one in declared if one.part in (*DEPLOYMENTS, nouns.NO_DEPLOYMENT)]
    hint = f"hint: say in `pipelines.yaml` where it deploys to, or `{nouns.NO_DEPLOYMENT}`"
    if job.environment and not aside:
        yield _unknown(
            f"{job.place} job {job.id}: environment",
            f"the job has an environment, but no step of it is declared as a deployment; {hint}",
        )
    for step in job.steps:
        for line in may_deploy(step):
            named = any(line in (text, " ".join(text.split())) or line.partition("@")[0] == text for text in aside)
            if not named:
                yield _unknown(f"{step.place} {line[:80]}", f"the command may be a deployment; {hint}")


def stopped_by(workflow: Workflow, earlier: DeclaredStep, later: DeclaredStep) -> Held:
    """Whether a step does not run unless an earlier one has run and succeeded."""
    there = weakest(earlier.there, later.there)
    if not (earlier.job and later.job):
        return there
    failing, begins = earlier.fails(), later.step.begins if later.step else Held()
    if failing.why and earlier.step:
        failing = Held(ok=failing.ok, why=f"{failing.why} ({earlier.step.place})")
    if earlier.job_id == later.job_id:
        if not (earlier.step and later.step):
            return there
        if (earlier.index, earlier.at) >= (later.index, later.at):
            return Held(ok=False, why=f"{later.step.place} `{later.text[:60]}` does not run after it")
        return failing if earlier.index == later.index else weakest(failing, begins)
    place = earlier.step.place if earlier.step else earlier.job.place
    why = f"job {earlier.job_id} runs it ({place}), and job {later.job_id} does not wait for that job"
    waits = workflow.waits(later.job_id).get(earlier.job_id, Held(ok=False, why=why))
    return weakest(there, waits, failing, earlier.job.fails, begins)
