"""Jobs of a GitLab file as it is written; `include`, `extends` and `!reference` are not followed, so name the merged file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.drivers.static.ci.jobs import (
    CiJob,
    CiStep,
    Held,
    lenient,
    mapping_of,
    node_of_image,
    texts_of,
    variables_of,
)
from harness.drivers.static.ci.script import script_lines
from harness.errors import ConfigurationError
from harness.yamlfile import TaggedList, YamlDocument

_KEYWORDS: Final = frozenset(
    [
        "default",
        "include",
        "stages",
        "workflow",
        "variables",
        "image",
        "services",
        "before_script",
        "after_script",
        "cache",
        "spec",
    ]
)
_MERGED: Final = "hint: name the merged file, which GitLab shows as Full configuration"
_EQUAL: Final = re.compile(r"""\$(?P<variable>\w+)\s*==\s*(?P<quote>["'])(?P<value>[^"']+)(?P=quote)""")


def gitlab_jobs(document: YamlDocument, file: str) -> tuple[dict[str, CiJob], str]:
    """The jobs of a file, and why further jobs may be missing (empty: none are); raises ConfigurationError if it has no jobs."""
    data: Mapping[str, Any] = document.data
    jobs = {
        name: job
        for name, job in data.items()
        if name not in _KEYWORDS
        and not name.startswith(".")
        and isinstance(job, dict)
        and any(key in job for key in ("script", "trigger", "run", "extends"))
    }
    if not jobs:
        raise ConfigurationError("is not a workflow of GitHub or GitLab: it has no jobs", where=document.where(()))
    order = [".pre", *(texts_of(data.get("stages")) or ["build", "test", "deploy"]), ".post"]
    for name, job in jobs.items():
        if str(job.get("stage", "test")) not in order and not _unread(data, job):
            what = f"the job's stage `{job.get('stage', 'test')}` is not among `stages`"
            raise ConfigurationError(what, where=document.where((name,)))
    found = {}
    for name, job in jobs.items():
        stages = [one for one in order if one == str(job.get("stage", "test"))]
        before = {other for other in jobs if stages and _is_before(jobs[other], job, order)}
        found[name] = _job(document, file, name, {other: jobs[other] for other in before})
    included = f"`include` ({file}:{document.line(('include',))})" if data.get("include") else ""
    return found, f"the files of {included} are not read; {_MERGED}" if included else ""


def _is_before(one: Mapping[str, Any], other: Mapping[str, Any], order: Sequence[str]) -> bool:
    stages = [str(job.get("stage", "test")) for job in (one, other)]
    return all(stage in order for stage in stages) and order.index(stages[0]) < order.index(stages[1])


def _unread(data: Mapping[str, Any], job: Mapping[str, Any]) -> str:
    """Why the keys of a job do not describe it completely; empty if they do."""
    if data.get("include"):
        return f"the files that `include` names are not read and may change the job; {_MERGED}"
    if "extends" in job or "trigger" in job or "run" in job:
        key = next(key for key in ("extends", "trigger", "run") if key in job)
        return f"`{key}` of the job is not followed; {_MERGED}"
    if any(_has_reference(value) for value in job.values()) or _has_reference(data.get("default")):
        return f"`!reference` in the job is not followed; {_MERGED}"
    return ""


def _has_reference(value: Any) -> bool:
    if isinstance(value, TaggedList):
        return True
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(_has_reference(part) for part in parts)


def _job(document: YamlDocument, file: str, name: str, before: Mapping[str, Mapping[str, Any]]) -> CiJob:
    data, job = document.data, document.data[name]
    default = mapping_of(data.get("default"))
    own = {key: job.get(key, default.get(key, data.get(key))) for key in ("before_script", "after_script", "image")}
    image = own["image"].get("name") if isinstance(own["image"], dict) else own["image"]
    why = _unread(data, job)
    listed = [*_texts(own["before_script"]), *_texts(job.get("script"))]
    place = f"{file}:{document.line((name, 'script'))}"
    variables = variables_of(data.get("variables"), job.get("variables"))
    fails = lenient(job.get("allow_failure"), "allow_failure")
    soft = [key for key in ("when", "rules", "only", "except") if key in job]
    return CiJob(
        id=name,
        stage=str(job.get("stage", "test")),
        place=f"{file}:{document.line((name,))}",
        steps=(
            CiStep(place=place, lines=script_lines("\n".join(listed)), variables=variables),
            *_beside(document, file, name, own["after_script"]),
        ),
        fails=Held(ok=None, why=why) if why else _soft(job) if fails.ok else fails,
        starts=f"the job may be left out of a pipeline by its `{'` and `'.join(soft)}`" if soft else why,
        waits=_waits(job, before, why),
        node=() if why else tuple(node_of_image(str(image or ""))),
        environment=bool(job.get("environment")),
    )


def _beside(document: YamlDocument, file: str, name: str, after: Any) -> Iterator[CiStep]:
    """The scripts of a job whose failure does not fail it, as steps of their own."""
    hooks = mapping_of(document.data[name].get("hooks")).get("pre_get_sources_script")
    for key, script in (("pre_get_sources_script", hooks), ("after_script", after)):
        fails = Held(ok=False, why=f"a failure in `{key}` does not fail the job")
        begins = Held(ok=None, why=f"`{key}` may run although the script of the job fails")
        if lines := script_lines("\n".join(_texts(script))):
            place = f"{file}:{document.line((name, key))}"
            yield CiStep(place=place, lines=lines, fails=fails, begins=begins)


def _texts(value: Any) -> list[str]:
    """The lines of a script, with nested lists flattened."""
    if isinstance(value, (list, TaggedList)):
        return [text for one in value for text in _texts(one)]
    return [str(value)] if value is not None else []


def _rules(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The job and its rules: each may have the keys `when` and `allow_failure`."""
    listed = job.get("rules")
    return [job, *(one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict))]


def _soft(job: Mapping[str, Any]) -> Held:
    """Whether a failure of the job stops the jobs that wait for it; unknown if the job or one of its rules has `when` or `allow_failure`."""
    rules = _rules(job)
    if any(rule.get("when", "on_success") != "on_success" or rule.get("allow_failure") for rule in rules):
        return Held(ok=None, why="`when` or `allow_failure` of the job may change what a failure does to the pipeline")
    return Held()


def _waits(job: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]], why: str) -> dict[str, Held]:
    """The jobs that a job waits for: its `needs`, else every job of an earlier stage."""
    rules = _rules(job)
    after = [str(one["when"]) for one in rules if one.get("when") in ("always", "on_failure")]
    begins = Held(ok=None, why=why) if why else Held()
    if after and not why:
        begins = Held(ok=None, why=f"the job has `when: {after[0]}`, so it may run after a failure")
    if "needs" not in job:
        return {name: begins if begins.ok is not True else _is_always_with(one, job) for name, one in before.items()}
    found = {}
    for need in job["needs"] if isinstance(job["needs"], list) else ():
        name = str(need.get("job", "") if isinstance(need, dict) else need)
        optional = isinstance(need, dict) and need.get("optional")
        found[name] = (
            Held(ok=None, why=f"the job may run without {name}: its entry in `needs` is optional")
            if optional and begins.ok
            else begins
        )
    return found


def _is_always_with(earlier: Mapping[str, Any], job: Mapping[str, Any]) -> Held:
    """Whether an earlier job is in every pipeline that has `job`: both have the same rules, or it has none and those of `job` require a branch."""
    keys = ("rules", "only", "except")
    if all(earlier.get(key) == job.get(key) for key in keys):
        return Held()
    equal = conditions_of(job.get("rules"))
    if not any(key in earlier for key in keys) and equal and all("CI_COMMIT_BRANCH" in one for one in equal):
        return Held()
    return Held(
        ok=None, why="the `rules` of the two jobs differ, so it is unknown whether both are in the same pipelines"
    )


def conditions_of(rules: Any) -> list[dict[str, str]] | None:
    """The condition of each rule as variable → value; None without rules, or if one is not made of `$A == "b"` and `&&` only."""
    found = []
    if not isinstance(rules, list) or not rules:
        return None
    for rule in rules:
        if not isinstance(rule, dict) or not {*rule} <= {"if", "when", "allow_failure", "variables"}:
            return None
        parts = [_EQUAL.fullmatch(part.strip()) for part in str(rule.get("if", "")).split("&&")]
        if not all(parts):
            return None
        if rule.get("when") != "never":
            found.append({part["variable"]: part["value"] for part in parts if part})
    return found
