"""What workflows run, in which order, and whether a failure stops them: the register of pipelines compared with the workflow files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, Final

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked
from harness.drivers.static.files import named, shown
from harness.drivers.static.nouns import ENVIRONMENTS
from harness.drivers.static.registers import entries, is_blank
from harness.errors import ConfigurationError

from . import nouns
from .declared import (
    DEPLOYMENTS,
    DeclaredPipeline,
    DeclaredStep,
    is_deployed_by_callers,
    pipelines,
    stopped_by,
    workflow_of,
)
from .gitlab import conditions_of
from .jobs import CiJob, CiStep, Held, Workflow, mapping_of, strongest, texts_of, weakest
from .script import commands_of
from .tools import findings_fail, searches

_NOTHING: Final = re.compile(r"(?:echo|printf|true|:|exit|set|cd|pwd|sleep)\b.*|:")
"""Command lines that do nothing, such as placeholders."""
_PREPARES: Final = re.compile(
    r"(?:actions/(?:checkout|cache(?:/\w+)?|(?:up|down)load-artifact)|[\w-]+/setup-\w+(?:-action)?|docker/login-action|pnpm/action-setup|"
    r"aws-actions/configure-aws-credentials|azure/login|google-github-actions/auth)(?:@.*)?",
    re.IGNORECASE,
)
"""Actions that bring what other steps need, and do nothing of a stage themselves."""


_WORKFLOW: Final = SentenceForm(
    "workflow",
    "the workflow <does:noun>",
    "The workflow files, as the register of pipelines declares their jobs and steps.",
)


def _deploying(asked: Asked, *, callers: bool = True) -> tuple[list[DeclaredPipeline], list[FactReading]]:
    """The workflow files that deploy, and one fact per job or step that is in no register.

    Args:
        asked: what is asked.
        callers: whether those that are called are left to the files that call them.
    """
    read = pipelines(asked)
    unknown = [fact for one in read for fact in one.unknown]
    found = [one for one in read if one.of(*DEPLOYMENTS) and not (callers and is_deployed_by_callers(one, read))]
    if not found and not unknown:
        hint = f"say in `pipelines.yaml` which step of which job deploys: {', '.join(DEPLOYMENTS)}"
        raise ConfigurationError("no workflow deploys", where=f"{asked.target.file}: files.workflows", hint=hint)
    return found, unknown


@claim(
    _WORKFLOW,
    "deploys on a push to <branch> and on nothing else",
    needs=("files.workflows",),
    example="the workflow deploys on a push to main and on nothing else",
)
def workflow_trigger(asked: Asked) -> Sequence[FactReading]:
    """One fact per workflow that deploys, by the register of pipelines; a job that is in no register is unknown."""
    branch = asked.params["branch"]
    deploying, unknown = _deploying(asked)
    found = []
    for one in deploying:
        workflow = one.workflow
        jobs = [job for job in workflow.jobs.values() if any(step.job is job for step in one.of(*DEPLOYMENTS))]
        github = workflow.forge == "github"
        seen, ok = _github_trigger(workflow, branch) if github else _gitlab_trigger(workflow, jobs, branch)
        expected = f"a push to {branch} and nothing else"
        place = workflow.place(*(("on",) if github else ("workflow",)))
        found.append(FactReading(subject=place, expected=expected, observed=seen, ok=ok))
    gone = [step for one in deploying for step in one.of(*DEPLOYMENTS) if not step.step]
    lost = [
        FactReading(
            subject=f"{step.declared} {step.job_id}: {step.part}",
            expected="in its file",
            observed=step.there.why,
            ok=None,
        )
        for step in gone
    ]
    return [*found, *lost, *unknown]


def _triggers(workflow: Workflow) -> dict[str, Any]:
    on = workflow.document.data.get("on", "workflow_call")  # an action
    return dict(on) if isinstance(on, dict) else dict.fromkeys(texts_of(on))


def _github_trigger(workflow: Workflow, branch: str) -> tuple[str, bool | None]:
    triggers = _triggers(workflow)
    if {*triggers} == {"workflow_call"}:
        return "only other workflows start it; hint: declare the deployment in the job that calls it", None
    push = triggers.get("push")
    branches = texts_of(push["branches"]) if isinstance(push, dict) and "branches" in push else None
    if branches:  # a pattern that only leaves other branches out
        branches = [one for one in branches if not one.startswith("!") or fnmatchcase(branch, one[1:])]
    others = [name for name in triggers if name != "push"]
    quiet = ["branches", "paths", "paths-ignore"]
    quiet += ["tags-ignore"] if "**" in texts_of(mapping_of(push).get("tags-ignore")) else []  # no tag starts it
    extra = [key for key in mapping_of(push) if key not in quiet]
    if "push" not in triggers:
        return ", ".join(filter(None, (" and ".join(others), "no push"))), False
    listed = ", ".join(branches or ()) or "no branch that is named"
    pushed = "a push to any branch" if branches is None else f"a push to {listed}"
    return " and ".join([pushed, *extra, *others]), branches == [branch] and not others and not extra


def _gitlab_trigger(workflow: Workflow, jobs: Sequence[CiJob], branch: str) -> tuple[str, bool | None]:
    """The trigger of a GitLab deployment, from the rules of the file and of each job that deploys; other rules than `$A == "b"` are unknown."""
    data = workflow.document.data
    own = mapping_of(data.get("workflow")).get("rules")
    every = conditions_of(own) if own else [{}]
    seen: list[bool | None] = []
    for job in jobs:
        written = data[job.id].get("rules")
        rules = conditions_of(written) if written else None if "only" in data[job.id] else [{}]
        if rules is None or every is None or not job.fails.ok:
            seen.append(None)
            continue
        both = [{**one, **other} for one in every for other in rules]
        seen += [one.get("CI_COMMIT_BRANCH") == branch and one.get("CI_PIPELINE_SOURCE") == "push" for one in both]
    words = "; ".join(str(data[job.id].get("rules", "no rules"))[:200] for job in jobs)
    never = [{**rule, "when": "always"} for rule in own or () if mapping_of(rule).get("when") == "never"]
    pushed = {"CI_COMMIT_BRANCH": branch, "CI_PIPELINE_SOURCE": "push"}
    left = any(all(pushed.get(key, value) == value for key, value in one.items()) for one in conditions_of(never) or ())
    if seen and all(seen) and not left:
        return words, True
    return (words, False) if False in seen else (f"{words}: their effect is known only at run time", None)


@claim(
    _WORKFLOW,
    "runs <commands:noun>[ on Node.js <node:count>] and the deploy job needs them",
    needs=("files.workflows",),
    example="the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them",
    slots={"commands": f"what workflows run: {', '.join(nouns.BEFORE_A_DEPLOYMENT)}"},
    parse=nouns.listed,
)
def workflow_runs(asked: Asked) -> Sequence[FactReading]:
    """One fact per step that the register of pipelines names and deploy job: it runs before the deployment, and its failure stops that."""
    expected = nouns.listed(asked.params)
    deploying, unknown = _deploying(asked)
    found: list[FactReading] = []
    for one in deploying:
        for name in dict.fromkeys(step.job_id for step in one.of(*DEPLOYMENTS)):
            for part in expected:
                found += _needed(one, name, part, asked.params.get("node", ""))
    return [*found, *unknown]


def _needed(pipeline: DeclaredPipeline, deploy: str, part: str, node: str) -> Iterator[FactReading]:
    workflow = pipeline.workflow
    deployments = [step for step in pipeline.of(*DEPLOYMENTS) if step.job_id == deploy]
    place = workflow.jobs[deploy].place if deploy in workflow.jobs else workflow.file
    judged = [(weakest(*(stopped_by(workflow, run, one) for one in deployments)), run) for run in pipeline.of(part)]
    best = strongest([held for held, _ in judged], "no step is declared to run it")
    unsure = not judged
    run = next((run for held, run in judged if held is best), None)
    seen = best.why or (run.step.place if run and run.step else "")
    if unsure:
        seen += f"; hint: add `{part}: STEP` to its job in `pipelines.yaml`"
    subject = f"{place} job {deploy}: {part}"
    yield FactReading(
        subject=subject, expected="runs before it and stops it", observed=seen, ok=None if unsure else best.ok
    )
    if node and run and run.job and best.ok is not False:
        subject = f"{run.job.place} job {run.job_id} of {deploy}: {part}"
        written = ", ".join(run.job.node) or "no version written"
        yield FactReading(subject=subject, expected=f"Node.js {node}", observed=written, ok=_is_version(run.job, node))


def _is_version(job: CiJob, node: str) -> bool | None:
    known = [version for version in job.node if re.match(r"v?\d", version)]
    if not known or len(known) < len(job.node):
        return None
    return all(re.match(rf"v?{node}(?:\D|$)", version) for version in known)


@claim(
    _WORKFLOW,
    "runs <steps:noun> in its deploy job, and stops at the first failure",
    needs=("files.workflows",),
    example="the workflow runs staging, then test:e2e, then production in its deploy job, and stops at the first failure",
    slots={"steps": f"environments and commands, each after `then`: {', '.join(nouns.ORDERED)}"},
    parse=nouns.listed,
)
def workflow_order(asked: Asked) -> Sequence[FactReading]:
    """Facts: each step that the register of pipelines names stops at a failure, and they run in this order."""
    expected = nouns.listed(asked.params)
    deploying, unknown = _deploying(asked, callers=False)
    found = [fact for one in deploying for fact in _order_of(one, expected)]
    if not found and not unknown:
        what, where = "no workflow deploys to the environments of the sentence", f"{asked.target.file}: files.workflows"
        raise ConfigurationError(what, where=where, hint="say in `pipelines.yaml` which step deploys to them")
    return [*found, *unknown]


def _order_of(pipeline: DeclaredPipeline, expected: Sequence[str]) -> Iterator[FactReading]:
    workflow, runs = pipeline.workflow, {part: pipeline.of(part) for part in expected}
    if not any(runs[part] for part in expected if part in ENVIRONMENTS):
        return  # it deploys to other environments
    for part in expected:
        held = strongest([run.fails() for run in runs[part]], f"no step is declared to be `{part}`")
        seen = held.why or next(run.step.place for run in runs[part] if run.step)
        ok = held.ok if runs[part] else None
        words = "a step whose failure stops the workflow"
        yield FactReading(subject=f"{workflow.file}: {part}", expected=words, observed=seen, ok=ok)
    for before, after in pairwise(expected):
        if all(run.step for run in (*runs[before], *runs[after])) and runs[before] and runs[after]:
            ways = [strongest([stopped_by(workflow, one, run) for one in runs[before]], "") for run in runs[after]]
            held = weakest(*ways) if after in ENVIRONMENTS else strongest(ways, "")
            seen = held.why or f"{runs[before][0].declared}"
            subject = f"{workflow.file}: {before}, then {after}"
            yield FactReading(subject=subject, expected="in this order", observed=seen, ok=held.ok)


@claim(
    _WORKFLOW,
    "runs the vulnerability scan on every push and stops on its findings",
    needs=("files.workflows",),
)
def workflow_scan(asked: Asked) -> Sequence[FactReading]:
    """One fact per scan that the register of pipelines names: it runs on every push, and its findings stop the workflow."""
    read = pipelines(asked)
    scans = [scan for pipeline in read for scan in pipeline.of(nouns.SECURITY_SCAN)]
    called = [id(one.step) for scan in scans for one in scan.called if one.step]
    found = [
        (_every_push(pipeline, scan), _stops(scan), scan)
        for pipeline in read
        for scan in pipeline.of(nouns.SECURITY_SCAN)
        if id(scan.step) not in called  # it is judged where it is called
    ]
    if not found:
        where = f"{asked.target.file}: files.workflows"
        seen = f"no step is declared to be `{nouns.SECURITY_SCAN}`; hint: name it and what makes its findings stop it in `pipelines.yaml`"
        return [FactReading(subject=where, expected="a vulnerability scan on every push", observed=seen, ok=None)]
    pushed = [one for one in found if one[0].ok is not False] or found
    facts = []
    for push, stops, scan in pushed:
        held = weakest(push, stops)
        seen = "; ".join(filter(None, (push.why, stops.why))) or "on every push, and its findings stop the workflow"
        subject = f"{scan.step.place if scan.step else scan.declared} {scan.text}"
        facts.append(
            FactReading(subject=subject, expected="on every push, stopping on findings", observed=seen, ok=held.ok)
        )
    return facts


def _every_push(pipeline: DeclaredPipeline, scan: DeclaredStep) -> Held:
    """Whether a job runs on every push to a branch."""
    workflow, job = pipeline.workflow, scan.job
    if job is None:
        return Held()
    if pipeline.is_called:
        return Held(
            ok=None, why="only other workflows start it; hint: declare the scan in the job that calls it as well"
        )
    behind = [job, *(workflow.jobs[one] for one in workflow.waits(job.id))]
    reasons = [why for one in behind for why in (one.starts, one.superseded)]
    left = next(filter(None, [*reasons, *(one.superseded for one in _called_jobs(scan))]), "")
    unsure = Held(ok=None, why=left) if left else Held()
    if workflow.forge == "gitlab":
        own = mapping_of(workflow.document.data.get("workflow")).get("rules") or []
        plain = conditions_of(own) == [{"CI_PIPELINE_SOURCE": "push"}] and [{*one} - {"when"} for one in own] == [
            {"if"}
        ]
        why = "the `workflow` rules may leave out pushes; rules of this form are not read"
        return unsure if plain or not own else Held(ok=None, why=why)
    triggers = _triggers(workflow)
    push = triggers.get("push", "absent")
    if push == "absent":
        return Held(ok=False, why=f"the workflow starts on {' and '.join(triggers) or 'no event'}, not on a push")
    filters = [key for key in push if push[key]] if isinstance(push, dict) else []
    every = [key for key in ("branches", "paths") if key in filters and _is_every(texts_of(push[key]))]
    if "branches" in every:  # tags beside them add pushes
        every += ["tags", "tags-ignore"]
    filters = [key for key in filters if key not in every]
    if filters:
        return Held(ok=False, why=f"the workflow does not start on every push: filtered by {', '.join(filters)}")
    return unsure


def _called_jobs(step: DeclaredStep) -> Iterator[CiJob]:
    for one in step.called:
        yield from (one.job,) if one.job else ()
        yield from _called_jobs(one)


def _is_every(patterns: Sequence[str]) -> bool:
    """Whether patterns leave out no branch or path."""
    return ("**" in patterns or {"*", "**/*"} <= {*patterns}) and not any(one.startswith("!") for one in patterns)


def _stops(scan: DeclaredStep) -> Held:
    """Whether findings of a scan stop the workflow."""
    if not (scan.step and scan.job):
        return scan.there
    failing = weakest(scan.fails(), scan.job.fails)
    held = findings_fail(scan.step, scan.text, scan.stops_by)
    return weakest(failing, held, searches(scan.step, scan.text), scan.inside([_stops(one) for one in scan.called]))


@claim(
    "every component's pipeline file has the stages <stages:noun>",
    needs=("files.registers", "files.workflows"),
    example="every component's pipeline file has the stages build, test, scan, deploy and roll back",
    slots={"stages": f"stages of a pipeline: {', '.join(nouns.STAGES)}"},
    parse=nouns.listed,
)
def pipeline_stages(asked: Asked) -> Sequence[FactReading]:
    """Jobs or stages of the workflow that the register of components names, each with something to run."""
    expected = nouns.listed(asked.params)
    roots = named(asked, "registers")
    found = []
    for component in entries(asked, "components", "components"):
        file = component.values.get("pipeline")
        place = f"{component.place} {component.name}"
        if is_blank(file) or not isinstance(file, str):
            found.append(FactReading(subject=place, expected="a pipeline file", observed="no `pipeline`", ok=False))
            continue
        path = next((root / file for root in (roots[0], *named(asked, "workflows")) if (root / file).is_file()), None)
        if path is None:
            seen = f"`{file}` is not there"
            found.append(FactReading(subject=place, expected="a pipeline file", observed=seen, ok=False))
            continue
        asked.keep(path)
        workflow = workflow_of(path, shown(path, asked))
        found += [_stage(workflow, component.name, stage) for stage in expected]
    return found


def _stage(workflow: Workflow, component: str, stage: str) -> FactReading:
    forms = nouns.STAGES[stage]
    jobs = [
        job
        for job in workflow.jobs.values()
        if any(name.lower().replace("_", "-") in forms for name in (job.id, job.stage))
    ]
    working = [job for job in jobs if _works(job)]
    unread = workflow.unread or next((job.unread for job in jobs if job.unread), "")
    return FactReading(
        subject=f"{workflow.file} of {component}: {stage}",
        expected="a stage that runs something",
        observed=working[0].place if working else unread or ("the job runs nothing" if jobs else "missing"),
        ok=None if not working and unread else bool(working),
    )


def _works(job: CiJob) -> bool:
    """Whether a job runs any command, or an action, that does something."""
    return not job.never and any(_does(step) for step in job.steps if not step.never)


def _does(step: CiStep) -> bool:
    if step.uses:
        return not _PREPARES.fullmatch(step.uses)
    return any(not _NOTHING.fullmatch(one) for line in step.lines for one in commands_of(line))
