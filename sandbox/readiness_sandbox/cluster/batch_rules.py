"""Validation of the values of a Job or CronJob, with the messages of Kubernetes' `pkg/apis/batch/validation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from readiness_sandbox.cluster import names, pod_rules
from readiness_sandbox.cluster.cron import CronSchedule
from readiness_sandbox.cluster.selectors import Selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness_sandbox.cluster.names import Cause
    from readiness_sandbox.cluster.statuses import Object

LONGEST_CRON_NAME: Final = 52
"""Characters; the time of a Job is put behind it."""
_COUNTS: Final = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
_NOT_SERVED: Final = ("backoffLimitPerIndex", "maxFailedIndexes", "podFailurePolicy", "successPolicy", "managedBy")
_POLICIES: Final = ("Allow", "Forbid", "Replace")


def job(obj: Object) -> Iterator[Cause]:
    """The rules of a Job whose defaults were filled in."""
    spec = obj["spec"]
    yield from _spec(spec, "spec")
    if "selector" not in spec:
        yield "spec.selector", "Required value"
    elif not Selector.of(spec["selector"]).matches(spec["template"]["metadata"].get("labels")):
        yield "spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`"
    yield from names.labels("spec.template.metadata.labels", spec["template"]["metadata"].get("labels", {}))


def job_change(old: Object, new: Object) -> Iterator[Cause]:
    """What may not change of a Job; the template of one that was never started may."""
    fixed = ("selector", "completions", "completionMode")
    suspended = old["spec"].get("suspend") and not (old.get("status") or {}).get("startTime")
    for field in fixed if suspended else (*fixed, "template"):
        if old["spec"].get(field) != new["spec"].get(field):
            yield f"spec.{field}", "Invalid value: field is immutable"


def cron_job(obj: Object) -> Iterator[Cause]:
    """The rules of a CronJob whose defaults were filled in."""
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    if len(name) > LONGEST_CRON_NAME:
        yield (
            "metadata.name",
            f'Invalid value: "{names.shown(name)}": must be no more than {LONGEST_CRON_NAME} characters',
        )
    if not spec["schedule"]:
        yield "spec.schedule", "Required value"
    else:
        try:
            CronSchedule.parse(spec["schedule"])
        except ValueError as error:
            yield "spec.schedule", f'Invalid value: "{names.shown(spec["schedule"])}": {error}'
    if (zone := spec.get("timeZone")) is not None and not _is_zone(zone):
        yield "spec.timeZone", f'Invalid value: "{names.shown(zone)}": unknown time zone {names.shown(zone)}'
    if spec["concurrencyPolicy"] not in _POLICIES:
        listed = ", ".join(f'"{each}"' for each in _POLICIES)
        what = names.shown(spec["concurrencyPolicy"])
        yield "spec.concurrencyPolicy", f'Unsupported value: "{what}": supported values: {listed}'
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from pod_rules.at_least(f"spec.{field}", spec.get(field, 0), 0, pod_rules.LONGEST_S)
    below = spec["jobTemplate"]["spec"]
    yield from _spec(below, "spec.jobTemplate.spec")
    for field in ("selector", "manualSelector"):
        if below.get(field):
            yield f"spec.jobTemplate.spec.{field}", "Invalid value: `selector` will be auto-generated"


def _spec(spec: Object, path: str) -> Iterator[Cause]:
    for field in _COUNTS:
        yield from pod_rules.at_least(f"{path}.{field}", spec.get(field, 0), 0, pod_rules.LONGEST_S)
    if spec["completionMode"] != "NonIndexed":
        yield f"{path}.completionMode", f'Unsupported value: "{spec["completionMode"]}": supported values: "NonIndexed"'
    for field in _NOT_SERVED:
        if field in spec:
            yield f"{path}.{field}", "Forbidden: this field is not served here"
    pod = spec["template"]["spec"]
    if pod["restartPolicy"] not in ("OnFailure", "Never"):
        yield f"{path}.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'
    yield from pod_rules.pod_spec(pod, f"{path}.template.spec")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
